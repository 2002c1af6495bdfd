# mk/sh/cluster/image-in: local images for a cluster, with docker-registry; the nodes are a fake ssh.
load lib/common
load lib/registry

setup() {
	registry_setup
	PATH=$BIN:$PATH
	docker_registry
	cluster
}

teardown() { end_kept; }

# cluster: a cluster of two nodes whose registry is at $R.
cluster() {
	mkdir -p build/clusters/c bin
	printf '%s\n' PROVIDER=test ENGINE=podman NODES=2 kubernetes_version=1.20.2 > build/clusters/c/conf
	printf '5000 %s\n2201 1\n2202 2\n' "${R##*:}" > build/clusters/c/ports
	: > build/clusters/c/ssh_key
	cat > bin/ssh <<-END
		#!/bin/bash
		while [[ \$1 != root@* ]]; do [ "\$1" != -p ] || node=\$2; shift; done
		shift
		echo "\$*" > "$PWD/node\$node.command"
		cat > "$PWD/node\$node.tar"
		[ ! -e "$PWD/node\$node.fails" ]
	END
	chmod +x bin/ssh
	ocipack -t localhost/mine:1 --compress gzip --file "$BIN/pause=pause" --entrypoint /pause layout
}

# image push|load [VAR=VALUE...]: run image-in as make does.
image() { env CLUSTER=c B="$PWD/build" PATH="$PWD/bin:$PATH" TO='' "${@:2}" "$TOP/mk/sh/cluster/image-in" "$1"; }

# there NAME: does the registry have it?
there() { skopeo inspect --tls-verify=false "docker://$R/$1" > /dev/null; }

@test "push: an OCI layout, a tar of it, and a tar of docker save, each under its name" {
	run -0 image push IMG=layout
	[ "$output" = registry:5000/mine:1 ]
	there mine:1
	tar -C layout -cf oci.tar .
	run -0 image push IMG=oci.tar TO=other/two
	[ "$output" = registry:5000/other/two:latest ]
	there other/two:latest
	skopeo copy -q oci:layout:localhost/mine:1 docker-archive:saved.tar:example.org/saved:2
	run -0 image push IMG=saved.tar
	[ "$output" = registry:5000/saved:2 ]
	there saved:2
	run -0 image push IMG=oci:layout:localhost/mine:1 TO=third:3
	there third:3
}

@test "push: the registry's certificate must be signed by the cluster's authority" {
	local R
	make_certificate
	docker_registry tls
	cluster
	mkdir build/clusters/c/registry-ca
	cp certs/ca.crt build/clusters/c/registry-ca/
	run -0 image push IMG=layout
	[ "$output" = registry:5000/mine:1 ]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \
		-out build/clusters/c/registry-ca/ca.crt -days 2 -subj /CN=another 2> /dev/null
	run ! image push IMG=layout
	[[ $output == *x509* ]]
}

@test "load: into every node, under the name that pods use" {
	run -0 --separate-stderr image load IMG=layout TO=tool:1
	[ "$output" = docker.io/library/tool:1 ]
	[ "$(cat node1.command)" = "ctr -n k8s.io images import -" ]
	cmp node1.tar node2.tar
	tar -xOf node1.tar index.json | grep -q '"docker.io/library/tool:1"'
	run -0 image load IMG=layout
	[ "$output" = localhost/mine:1 ]
	run -0 --separate-stderr image load IMG=layout TO=org/tool
	[ "$output" = docker.io/org/tool:latest ]
	[[ $stderr == *imagePullPolicy* ]]
	touch node2.fails
	run -1 image load IMG=layout
	[[ $output == *"localhost/mine:1: not loaded into every node" ]]
}

@test "no image, several images, no cluster: one line each" {
	run -2 image push IMG=
	[ "$output" = "error: IMG is not set: set it to the name of a local image" ]
	ocipack -t localhost/mine:2 --from localhost/mine:1 layout
	run -1 image push IMG=layout
	[ "$output" = "imagename: layout: it has several images; choose one: localhost/mine:1, localhost/mine:2" ]
	run -0 image push IMG=layout:localhost/mine:2
	[ "$output" = registry:5000/mine:2 ]
	echo no > junk
	run -1 image push IMG=junk
	[ "$output" = "imagename: junk: neither a tar of docker save nor of an OCI layout" ]
	skopeo copy -q oci:layout:localhost/mine:1 docker-archive:nameless.tar
	run -1 image push IMG=nameless.tar
	[ "$output" = "imagename: nameless.tar: no image with a name" ]
	run -1 image push CLUSTER=none IMG=layout
	[[ $output == *"there is no cluster none here"* ]]
	sed -i s/1.20.2// build/clusters/c/conf
	run -1 image load IMG=layout
	[[ $output == *"no container runtime"* ]]
}
