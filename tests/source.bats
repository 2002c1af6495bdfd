# SOURCE= and CNI=: where Kubernetes comes from, and the pod network, for the same provider.
load lib/common
load lib/checkout
load lib/registry

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	checkout
	mkdir -p "$T/tests" b
	cp "$TOP/GNUmakefile" "$T/"
	cp -R "$TOP"/{providers,manifests,tools} "$T/"
	cp -R "$TOP/tests/providers" "$T/tests/"
	# Use the tools that are being tested, and do not build them again.
	ln -s "$BIN" b/bin
	export XDG_CACHE_HOME=$PWD/cache
	rm -rf "$T/providers/go"
	module kubernetes-1.36.3 k8s.io/kubernetes
	module etcd-3.6.16 go.etcd.io/etcd/server/v3
	module coredns-1.14.2 github.com/coredns/coredns
	module containerd-2.3.7 github.com/containerd/containerd/v2
	module crictl-1.37.0 sigs.k8s.io/cri-tools
	provider 1.36.3
}

# downloaded: Go's cache has the modules, of which there are only the names.
downloaded() {
	local dir module path
	for dir in "$T"/providers/go/*; do
		module=${dir##*/} path=$(sed -n 's/^path = //p' "$dir/module.ini")
		echo "$path v${module##*-} h1:x" > "$dir/go.sum"
		mkdir -p "$XDG_CACHE_HOME/kubestamp/go/modules/cache/download/$path/@v"
		touch "$XDG_CACHE_HOME/kubestamp/go/modules/cache/download/$path/@v/v${module##*-}.zip"
	done
}

teardown() { end_kept; }

# module NAME-VERSION PATH
module() {
	mkdir -p "$T/providers/go/$1"
	printf '[module]\npath = %s\n' "$2" > "$T/providers/go/$1/module.ini"
}

# provider VERSION: make the provider p, with this version of Kubernetes, and modules that none of the supplied ones need have.
provider() {
	mkdir -p "$T/providers/p"
	cat > "$T/providers/p/provider.ini" <<-END
		[provider]
		inherit = kubernetes-go
		description = of the test
		[kubernetes]
		version = $1
		[go]
		modules = kubernetes-1.36.3 etcd-3.6.16 coredns-1.14.2 containerd-2.3.7 crictl-1.37.0
		[images]
		pause = 3.10.2
		etcd = 3.6.16
		coredns = v1.14.2
		[upstream]
		etcd = 3.6.8-0
		coredns = v1.14.9
	END
}

mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$T" PROVIDER=p B="$BATS_TEST_TMPDIR/b" TOOLS='' "$@"; }

# changed BEFORE AFTER: the stages whose keys differ.
changed() { diff <(echo "$1") <(echo "$2") | sed -n 's/^> [0-9a-f]* //p' | paste -sd ' ' || true; }

# lock: write the provider's lock, with digests that are made up.
lock() {
	mk sources-list SOURCE=upstream > listed
	{
		printf '[lock]\nversion = 1.36.3\n'
		sed -n "s,^file https://dl.k8s.io/\(.*/\(.*\)\),[file \2]\npath = \1\nsha256 = $(printf %064d 1),p" listed
		sed -n "s,^image \(.*/\(.*\):.*\),[image \2]\nname = \1\ndigest = sha256:$(printf %064d 1),p" listed
	} > "$T/providers/p/lock.ini"
}

@test "SOURCE=upstream: released programs and images under upstream's names; the rest is compiled" {
	run -0 mk sources-list
	[ "$output" = "module k8s.io/kubernetes@v1.36.3
module go.etcd.io/etcd/server/v3@v3.6.16
module github.com/coredns/coredns@v1.14.2
module github.com/containerd/containerd/v2@v2.3.7
module sigs.k8s.io/cri-tools@v1.37.0" ]
	run -0 mk sources-list SOURCE=upstream
	[ "$output" = "file https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubeadm
file https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet
file https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl
image registry.k8s.io/kube-apiserver:v1.36.3
image registry.k8s.io/kube-controller-manager:v1.36.3
image registry.k8s.io/kube-scheduler:v1.36.3
image registry.k8s.io/kube-proxy:v1.36.3
image registry.k8s.io/coredns/coredns:v1.14.9
image registry.k8s.io/pause:3.10.2
image registry.k8s.io/etcd:3.6.8-0
module github.com/containerd/containerd/v2@v2.3.7
module sigs.k8s.io/cri-tools@v1.37.0" ]
	SOURCE=upstream run -0 mk sources-list IMAGE_MIRROR=m.example/x
	[[ $output == *"image m.example/x/etcd:3.6.8-0"* ]]
	# It is not a setting of the next call.
	[ "$(mk sources-list)" = "$(mk sources-list SOURCE=go)" ]
}

@test "the values that a stage's script gets, and provider-show" {
	mk keys SOURCE=upstream > keys
	dirs=$(sed -n 's/^PROVIDER_DIRS := //p' b/p/keys.mk)
	run -0 provconf -I "$T/providers" -f sh --stage images "$T/${dirs%% *}"
	grep -qx "kubernetes_source='upstream'" <<< "$output"
	grep -qx "images_repository='registry.k8s.io'" <<< "$output"
	grep -qx "images_tools_repository='registry.kubestamp'" <<< "$output"
	grep -qx "images_etcd='3.6.8-0'" <<< "$output"
	grep -qx "images_pause='3.10.2'" <<< "$output"
	run -0 mk provider-show SOURCE=upstream CNI=flannel
	grep -q '^source = upstream ' <<< "$output"
	grep -q '^cni = flannel ' <<< "$output"
	run -0 mk provider-show
	grep -q '^source = go ' <<< "$output"
	grep -q '^etcd = 3.6.16 ' <<< "$output"
	# Abstract providers are shown too.
	mk provider-show PROVIDER=kubernetes-go > /dev/null
}

@test "keys: SOURCE changes those from sources on; the lock is part of them with SOURCE=upstream only" {
	local go upstream
	go=$(mk keys)
	upstream=$(mk keys SOURCE=upstream)
	[ "$(changed "$go" "$upstream")" = "sources images disk layers boot node cluster manifests ready seal image check" ]
	[ "$(mk keys SOURCE=go)" = "$go" ]
	lock
	[ "$(mk keys)" = "$go" ]
	[ "$(changed "$upstream" "$(mk keys SOURCE=upstream)")" = "sources images disk layers boot node cluster manifests ready seal image check" ]
	[ "$(mk keys SOURCE= CNI=)" = "$go" ]
}

@test "keys: CNI changes those from the disk on" {
	local bridge
	bridge=$(mk keys)
	[ "$(mk keys CNI=bridge)" = "$bridge" ]
	[ "$(changed "$bridge" "$(mk keys CNI=flannel)" | grep -o 'disk .*')" = "disk layers boot node cluster manifests ready seal image check" ]
}

@test "SOURCE and CNI: invalid values, and providers that do not have it" {
	local line
	while IFS='|' read -r line text; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr mk keys $line
		[ -z "$output" ]
		# The others are make's.
		[ "$(grep -E '^[a-z]+: |\*\*\* [A-Z]' <<< "$stderr" | grep -vc '^make: ')" = 1 ]
		[[ $stderr == *"$text"* ]] || { echo "$line: $stderr"; return 1; }
	done <<-'END'
		SOURCE=debian|SOURCE=debian: must be go or upstream
		SOURCE=Go|SOURCE=Go: must be go or upstream
		CNI=calico|CNI=calico: must be bridge or flannel
		SOURCE=go PROVIDER=k8s-1.20|SOURCE=go: k8s-1.20 has no [go] modules: it takes Kubernetes from debian
		SOURCE=upstream PROVIDER=k8s-1.20|SOURCE=upstream: k8s-1.20 has no [upstream] repository: it takes Kubernetes from debian
		SOURCE=go PROVIDER=mini|SOURCE=go: mini has no Kubernetes
		CNI=bridge PROVIDER=mini|CNI=bridge: mini has no pod network
	END
	run -2 mk keys SOURCE='go upstream'
	[[ $output == *"SOURCE=go upstream: must be go or upstream"* ]]
	# Where they have no meaning they are not looked at.
	SOURCE=anything run -0 mk help
}

@test "provision SOURCE=upstream without a lock: one line that says how to make it, and nothing is done" {
	run -2 mk provision SOURCE=upstream
	[ "${lines[0]}" = "error: p has no lock.ini, which pins its downloads; create it once, with network access: make pin PROVIDER=p SOURCE=upstream" ]
	[ -z "$(find b/p -name stamp -o -name '*.lock')" ]
	lock
	provider 1.36.4
	run -2 mk provision SOURCE=upstream
	[[ ${lines[0]} == "upstream: "*"/providers/p/lock.ini is for Kubernetes 1.36.3, p has 1.36.4; to create it again: make pin PROVIDER=p SOURCE=upstream" ]]
	# The node's containerd is a module's.
	provider 1.36.3
	sed -i 's/containerd-2.3.7/containerd-1.7.9/' "$T/providers/p/provider.ini"
	module containerd-1.7.9 github.com/containerd/containerd/v2
	run -2 mk provision SOURCE=upstream
	[[ ${lines[0]} == "upstream: p: Kubernetes 1.36 needs containerd 2.0.0 or newer, but the node has 1.7.9" ]]
	[ -z "$(find b/p -name stamp -o -name '*.lock')" ]
}

# upstream_here: the files of Kubernetes 1.36.3 below www, and its images in the test registry $R.
upstream_here() {
	local name dir=www/release/v1.36.3/bin/linux/amd64 n=0
	mkdir -p "$dir" state
	perl "$BATS_TEST_DIRNAME/lib/registry.pl" state 3>&- &
	keep_pid $!
	wait_for 10 [ -e state/port ]
	R=127.0.0.1:$(cat state/port)
	# A kubeadm that only knows its version, and the images of its configuration.
	cat > "$dir/kubeadm" <<-'END'
		#!/bin/bash
		[ "$1" != version ] || exec echo v1.36.3
		etcd=$(sed -n 's/^    imageTag: //p' "${*: -1}")
		printf 'registry.k8s.io/%s\n' kube-{apiserver,controller-manager,scheduler,proxy}:v1.36.3 coredns/coredns:v1.14.9 pause:3.10.2 "etcd:$etcd"
	END
	echo kubelet > "$dir/kubelet"
	echo kubectl > "$dir/kubectl"
	for name in "$dir"/*; do sha256sum < "$name" | cut -d' ' -f1 > "$name.sha256"; done
	for name in kube-{apiserver,controller-manager,scheduler,proxy}:v1.36.3 coredns/coredns:v1.14.9 pause:3.10.2 etcd:3.6.8-0; do
		ocipack --tag "x$((n += 1))" --label "n=$n" --file "$dir/kubectl=/hello" layout > /dev/null
		regpush --tls-verify=false "layout:x$n" "$R/$name" > /dev/null
	done
	export K8S_MIRROR=file://$PWD/www IMAGE_MIRROR=$R
}

@test "make pin: only with SOURCE=upstream; the lock is the provider's own" {
	run -2 mk pin
	[[ $output == *"error: make pin: p takes Kubernetes from go, so there is nothing to pin; SOURCE=upstream pins what it takes from upstream"* ]]
	run -2 mk pin PROVIDER=k8s-1.20
	[[ ${lines[0]} == "error: make pin: k8s-1.20 takes Kubernetes from debian, so there is nothing to pin" ]]
	upstream_here
	run -0 mk pin SOURCE=upstream
	[[ $output == *"pinned    p: Kubernetes 1.36.3, 3 files, 7 images: providers/p/lock.ini" ]]
	grep -qx 'name = registry.k8s.io/etcd:3.6.8-0' "$T/providers/p/lock.ini"
	[ -z "$(find b/ -name lock.ini)" ]
	# It is bundled with SOURCE=upstream only; with it, the modules that are not Kubernetes'.
	downloaded
	run -0 mk bundle SOURCE=upstream
	[[ $output == *"bundled   3 files and 7 images, 2 Go modules: "* ]]
	run -0 mk bundle
	[[ $output == *"bundled   0 files and 0 images, 5 Go modules: "* ]]
	sed -i 's/^modules = .*/modules = etcd-3.6.16/' "$T/providers/p/provider.ini"
	run -0 mk bundle SOURCE=upstream
	[[ $output == *"bundled   3 files and 7 images: "* ]]
	rm "$T/providers/p/lock.ini"
	run -2 mk bundle SOURCE=upstream
	[[ ${lines[0]} == "error: p has no locks: there is nothing to bundle" ]]
}

@test "the stages sources and images with SOURCE=upstream: what is pinned, and the modules that are not Kubernetes'" {
	upstream_here
	sed -i 's/ containerd-2.3.7 crictl-1.37.0//; s/^version = .*/&\ncontainerd = 2.3.7/' "$T/providers/p/provider.ini"
	mk pin SOURCE=upstream > /dev/null
	export TOP=$T BIN KS_CACHE=$PWD/cache/kubestamp PROVIDER=p PROVIDER_DIRS OUT=$PWD/out IN_builder=$PWD/none
	PROVIDER_DIRS=$(sed -n 's/^PROVIDER_DIRS := //p' b/p/keys.mk)
	mkdir out
	stage() { (cd "$T" && mk/sh/stage/stage-script "$1" "providers/kubernetes-go/stage/$1"); }
	run -0 stage sources
	[ "$(ls out/bin | paste -sd ' ')" = "kubeadm kubectl kubelet" ]
	cmp www/release/v1.36.3/bin/linux/amd64/kubelet out/bin/kubelet
	# A module that is compiled, which the test does not have.
	sed -i 's/coredns-1.14.2/& containerd-9.9.9/' "$T/providers/p/provider.ini"
	run -1 stage sources
	[[ $output == *"/providers/go/containerd-9.9.9: No such file or directory" ]]
	# Without the Debian tree of our own images.
	(
		cd "$T"
		libs addon images upstream
		say() { :; }
		images_repository=registry.k8s.io images_pause=3.10.2 images_etcd=3.6.8-0 images_coredns=v1.14.9
		kubernetes_version=1.36.3 kubernetes_dns=coredns kubernetes_source=upstream
		upstream_images "$OUT/oci" "$OUT/list"
	)
	[ "$(sed 's,.*/,,' out/list | sort | paste -sd ' ')" = \
		"coredns:v1.14.9 etcd:3.6.8-0 kube-apiserver:v1.36.3 kube-controller-manager:v1.36.3 kube-proxy:v1.36.3 kube-scheduler:v1.36.3 pause:3.10.2" ]
	[ "$(ocipack --list out/oci | wc -l)" = 7 ]
}
