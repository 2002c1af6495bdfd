# imagename: the source of a local image and its name elsewhere. tests/image-in.bats has the same with real registries.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	PATH=$BIN:$PATH
	mkdir tree
	ocipack -t localhost/mine:1 --tree tree layout
}

# gives SOURCE NAME ARG...: imagename ARG... prints these two lines.
gives() {
	run -0 imagename "${@:3}"
	[ "$output" = "$1"$'\n'"$2" ] || { echo "$output"; return 1; }
}

@test "a plain name is looked up in the engine" {
	gives containers-storage:app docker.io/library/app:latest app
	gives docker-daemon:app:latest docker.io/library/app:latest --engine docker app
	gives docker-daemon:org/app:2 docker.io/org/app:2 --engine docker org/app:2
	gives containers-storage:quay.io/app@sha256:12 quay.io/app:latest quay.io/app@sha256:12
}

@test "sources of skopeo are taken as they are" {
	gives docker://example.org:5000/a/b:1 example.org:5000/a/b:1 docker://example.org:5000/a/b:1
	gives 'containers-storage:[vfs@/s]localhost/x' localhost/x:latest 'containers-storage:[vfs@/s]localhost/x'
	gives docker-daemon:x:1 docker.io/library/x:1 docker-daemon:x:1
	gives docker-archive:none.tar:x:1 docker.io/library/x:1 docker-archive:none.tar:x:1
	gives oci:layout:localhost/mine:1 localhost/mine:1 oci:layout:localhost/mine:1
}

@test "the name in a registry: without a host and a digest" {
	gives containers-storage:example.org/a/b:1 a/b:1 -r example.org/a/b:1
	gives containers-storage:localhost/a a:latest -r localhost/a
	gives containers-storage:host:5000/a@sha256:12 a:latest -r host:5000/a@sha256:12
	gives containers-storage:a/b a/b:latest -r a/b
	gives containers-storage:a other/c:2 -r --to quay.io/other/c:2@sha256:12 a
}

@test "--to: another name" {
	gives containers-storage:a docker.io/library/tool:1 --to tool:1 a
	gives containers-storage:a docker.io/org/tool:latest --to org/tool a
	gives containers-storage:a h.example/tool:latest --to h.example/tool a
}

@test "layouts and archives: the only image, or the one that is named" {
	gives oci:layout:localhost/mine:1 localhost/mine:1 layout
	gives oci:layout:localhost/mine:1 localhost/mine:1 oci:layout
	tar -C layout -cf oci.tar .
	gives oci-archive:oci.tar:localhost/mine:1 localhost/mine:1 oci.tar
	(cd layout && tar -czf ../plain.tgz -- *)
	gives oci-archive:plain.tgz:localhost/mine:1 localhost/mine:1 plain.tgz
	echo '[{"RepoTags": ["example.org/saved:2"]}]' > manifest.json
	tar -cf saved.tar manifest.json
	gives docker-archive:saved.tar:example.org/saved:2 example.org/saved:2 saved.tar
	gives docker-archive:saved.tar:example.org/saved:2 example.org/saved:2 docker-archive:saved.tar
	ocipack -t localhost/mine:2 --tree tree layout
	gives oci:layout:localhost/mine:2 localhost/mine:2 layout:localhost/mine:2
	run -1 imagename layout
	[ "$output" = "imagename: layout: it has several images; choose one: localhost/mine:1, localhost/mine:2" ]
	tar -C layout -cf oci.tar .
	run -1 imagename oci-archive:oci.tar
	[ "$output" = "imagename: oci-archive:oci.tar: it has several images; choose one: localhost/mine:1, localhost/mine:2" ]
}

@test "no image with a name; not an image" {
	echo '[{"RepoTags": null}, {"RepoTags": [7]}, 1]' > manifest.json
	tar -cf saved.tar manifest.json
	run -1 imagename saved.tar
	[ "$output" = "imagename: saved.tar: no image with a name" ]
	echo '{' > layout/index.json
	tar -C layout -cf broken.tar oci-layout index.json
	run -1 imagename broken.tar
	[ "$output" = "imagename: broken.tar: no image with a name" ]
	run -1 imagename layout
	[[ $output == "imagename: layout/index.json: "* ]]
	echo no > junk
	: > empty
	tar -cf tree.tar tree
	local f
	for f in junk empty tree.tar; do
		run -1 imagename "$f"
		[ "$output" = "imagename: $f: neither a tar of docker save nor of an OCI layout" ]
	done
}

@test "bad options and operands are reported" {
	run -2 imagename
	run -2 imagename ''
	run -2 imagename a b
	run -2 imagename --engine lxc a
	[[ $output == "imagename: --engine: podman or docker, not 'lxc'"* ]]
	run -2 imagename --to '' a
}
