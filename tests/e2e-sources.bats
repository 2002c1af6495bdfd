# Kubernetes from upstream, with the provider tests/providers/k8s-1.20-upstream: pinning, downloads and images, from local mirrors
# that work and that fail. It uses a copy of the checkout, in which the locks are written.
load lib/common
load lib/registry
load lib/upstream

setup_file() {
	export COPY=$BATS_FILE_TMPDIR/kubestamp PROGRAMS
	PROGRAMS=$(upstream_programs)
	mkdir -p "$COPY"
	tar -C "$TOP" -c GNUmakefile mk tools providers manifests tests/providers | tar -C "$COPY" -x
	take_tools "$COPY/build"
	[ -z "$PROGRAMS" ] || upstream_tree "$PROGRAMS" "$BATS_FILE_TMPDIR/root"
}

setup() {
	[ -n "$PROGRAMS" ] || skip "no Kubernetes 1.20.2 here: the stage sources of k8s-1.20 compiles it"
	[ "$(id -u)" = 0 ] || skip "stages need root"
	cd "$BATS_TEST_TMPDIR" || return
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY XDG_CACHE_HOME
	export HOME=$PWD/home
	mkdir home
	LOCK=$COPY/tests/providers/k8s-1.20-upstream/lock.ini
	INI=$COPY/tests/providers/k8s-1.20-upstream/provider.ini
	cp "$INI" ini
	rm -f "$LOCK"
	serve "$BATS_FILE_TMPDIR/root" "$PWD/state"
	K=$U/file
}

teardown() {
	end_kept
	[ ! -e ini ] || cp ini "$INI"
	rm -rf "$COPY/build/k8s-1.20-upstream"
}

# mk GOAL...: run make as a user does, with the mirrors $K and $R and a cache of the test's own.
mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES -u CLUSTER -u ONLY XDG_CACHE_HOME="$BATS_TEST_TMPDIR/cache" \
		make -s -C "$COPY" PROVIDER=k8s-1.20-upstream B=build SAN= K8S_MIRROR="$K" IMAGE_MIRROR="k8s.gcr.io=${R:-127.0.0.1:1}" "$@" 3>&-
}

# stage NAME: run this stage, which must not need a machine.
stage() {
	local key
	key=$(mk keys | awk -v s="$1" '$2 == s { print $1 }')
	mk keys "build/k8s-1.20-upstream/$1.$key/stamp" "${@:2}"
}

# out STAGE: print the stage's directory.
out() { echo "$COPY/build/k8s-1.20-upstream/$1.$(mk keys | awk -v s="$1" '$2 == s { print $1 }')"; }

# lock: write a lock for the mirror's files, as `make pin` does; the digests of the images are made up, and not used.
lock() {
	local p name
	{
		printf '[lock]\nversion = 1.20.2\n'
		for p in kubeadm kubelet kubectl; do
			printf '[file %s]\npath = release/v1.20.2/bin/linux/amd64/%s\nsha256 = %s\n' "$p" "$p" \
				"$(cat "$BATS_FILE_TMPDIR/root/release/v1.20.2/bin/linux/amd64/$p.sha256")"
		done
		for name in "${upstream_names[@]}"; do
			printf '[image %s]\nname = k8s.gcr.io/%s\ndigest = sha256:%064d\n' "${name%:*}" "$name" 1
		done
	} > "$LOCK"
}

# nothing_used: the stage is not complete, and every file in the cache has the digest in its name.
nothing_used() {
	local f
	[ ! -e "$(out sources)/stamp" ]
	for f in cache/kubestamp/downloads/sha256/*; do
		case $f in *.part | *'*') continue ;; esac
		[ "$(sha256sum < "$f" | cut -d' ' -f1)" = "$(basename "$f")" ]
	done
}

@test "no lock: provisioning stops before it does anything, with one line that says how to create it" {
	run -2 mk provision
	[[ ${lines[0]} == "error: k8s-1.20-upstream has no lock.ini,"*"make pin PROVIDER=k8s-1.20-upstream SOURCE=upstream" ]]
	[ -z "$(find "$COPY/build/k8s-1.20-upstream" -name '*.lock' -o -name stamp)" ]
	[ ! -e state/log ] || [ ! -s state/log ]
}

@test "pin writes the lock, with the published checksums and the registry's digests" {
	local p name
	docker_registry
	upstream_push "$R"
	sed -i 's/^cri_socket.*/&\ncrictl = 1.20.0/' "$INI"
	mkdir -p "$BATS_FILE_TMPDIR/root/v1.20.0" tar
	printf '#!/bin/sh\necho crictl version 1.20.0\n' > tar/crictl
	chmod 755 tar/crictl
	tar -C tar -czf "$BATS_FILE_TMPDIR/root/v1.20.0/crictl-v1.20.0-linux-amd64.tar.gz" crictl
	(cd "$BATS_FILE_TMPDIR/root/v1.20.0" && sha256sum crictl-v1.20.0-linux-amd64.tar.gz > crictl-v1.20.0-linux-amd64.tar.gz.sha256)
	run -0 mk pin CRI_TOOLS_MIRROR="$K"
	[[ $output == *"pinned    k8s-1.20-upstream: Kubernetes 1.20.2, 4 files, 6 images: tests/providers/k8s-1.20-upstream/lock.ini" ]]
	for p in kubeadm kubelet kubectl; do
		grep -A2 -xF "[file $p]" "$LOCK" | grep -qx "sha256 = $(sha256sum < "$PROGRAMS/$p" | cut -d' ' -f1)"
	done
	for name in "${upstream_names[@]}"; do
		grep -A1 -xF "name = k8s.gcr.io/$name" "$LOCK" |
			grep -qx "digest = $(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/$name")"
	done
	# The stage accepts this lock, and installs crictl too.
	run -0 stage sources CRI_TOOLS_MIRROR="$K"
	cmp "$PROGRAMS/kubelet" "$(out sources)/bin/kubelet"
	run -0 "$(out sources)/bin/crictl"
	[ "$output" = "crictl version 1.20.0" ]
}

@test "pin: a missing image, an invalid checksum, a wrong image for kubeadm: an error, and the old lock stays" {
	docker_registry
	echo old > "$LOCK"
	run -2 mk pin
	[[ $output == *"error: k8s.gcr.io/kube-apiserver:v1.20.2: its registry cannot be queried"* ]]
	[ "$(cat "$LOCK")" = old ]
	K=$U/missing run -2 mk pin
	[[ $output == *"/missing/release/v1.20.2/bin/linux/amd64/kubeadm.sha256 cannot be downloaded"* ]]
	K=$U/wrong run -2 mk pin
	[[ $output == *"kubeadm.sha256 is not a SHA-256:"* ]]
	sed -i 's/^pause = .*/pause = 3.9/' "$INI"
	run -2 mk pin
	[[ $output == *"the declared images (<) differ from those that kubeadm 1.20.2 needs (>): < k8s.gcr.io/pause:3.9 > k8s.gcr.io/pause:3.2"* ]]
	[ "$(cat "$LOCK")" = old ]
	[ "$(find "$(dirname "$LOCK")" -name 'lock.ini?*')" = "" ]
	run -2 mk pin PROVIDER=k8s-1.20
	[[ $output == *"k8s-1.20 takes Kubernetes from debian, so there is nothing to pin"* ]]
}

@test "sources: the files in the lock, from the mirror, and from the cache without a mirror" {
	lock
	run -0 stage sources
	for p in kubeadm kubelet kubectl; do cmp "$PROGRAMS/$p" "$(out sources)/bin/$p"; done
	[ "$(grep -c . state/log)" = 3 ]
	rm -rf "$(out sources)"
	kill "$HTTPD_PID"
	run -0 stage sources
	cmp "$PROGRAMS/kubelet" "$(out sources)/bin/kubelet"
	# The cache is not trusted: a file with a changed byte is downloaded again, which fails without a mirror.
	printf X | dd of="cache/kubestamp/downloads/sha256/$(sha256sum < "$PROGRAMS/kubectl" | cut -d' ' -f1)" conv=notrunc status=none
	rm -rf "$(out sources)"
	run -2 stage sources
	[[ $output == *"fetch: $K/release/v1.20.2/bin/linux/amd64/kubectl: "* ]]
	[ ! -e "$(out sources)/stamp" ]
}

@test "sources: a file with a wrong checksum is not used" {
	lock
	K=$U/wrong
	run -2 stage sources
	[[ $output == *"stage sources of k8s-1.20-upstream failed"*"kubeadm: the SHA-256 is "*", not "* ]]
	[ ! -e "$(out sources)/bin/kubeadm" ]
	nothing_used
}

@test "sources: a broken download continues; if the mirror always breaks it, another mirror continues it later" {
	lock
	K=$U/cut
	run -0 stage sources
	cmp "$PROGRAMS/kubeadm" "$(out sources)/bin/kubeadm"
	grep -qE '/kubeadm [1-9][0-9]*$' state/log
	rm -rf "$(out sources)" cache
	K=$U/drop
	run -2 stage sources
	[[ $output == *"kubeadm"* ]]
	nothing_used
	: > state/log
	K=$U/file
	run -0 stage sources
	head -n 1 state/log | grep -qE '/kubeadm [1-9][0-9]*$'
	cmp "$PROGRAMS/kubeadm" "$(out sources)/bin/kubeadm"
}

@test "sources: a lock for another version, or an incomplete one" {
	lock
	sed -i 's/^version = .*/version = 1.20.3/' "$LOCK"
	run -2 mk provision
	[[ ${lines[0]} == "upstream: "*"/lock.ini is for Kubernetes 1.20.3, k8s-1.20-upstream has 1.20.2; to create it again: make pin PROVIDER=k8s-1.20-upstream SOURCE=upstream" ]]
	lock
	sed -i '/^name = .*etcd/d' "$LOCK"
	run -2 mk provision
	[[ ${lines[0]} == *"no digest of the image k8s.gcr.io/etcd:3.4.23; "* ]]
	lock
	sed -i '0,/^sha256 = .*/s//sha256 = abc/' "$LOCK"
	run -2 mk provision
	[[ ${lines[0]} == *"[file kubeadm] has no sha256; "* ]]
	lock
	echo 'nonsense' >> "$LOCK"
	run -2 mk provision
	[[ $output == *"/lock.ini:$(wc -l < "$LOCK"): neither [section] nor key = value"* ]]
	# The stage itself checks this too.
	lock
	sed -i 's/^version = .*/version = 1.20.3/' "$LOCK"
	run -2 stage sources
	[[ $output == *"is for Kubernetes 1.20.3"* ]]
	[ ! -s state/log ]
}

@test "sources: a full disk" {
	lock
	mkdir -p cache
	# The mount exists only in the namespace of this command.
	run -2 unshare -m bash -c "mount -t tmpfs -o size=16m none '$PWD/cache' && $(declare -f mk stage) && K=$K R=; COPY=$COPY; BATS_TEST_TMPDIR=$PWD; stage sources 3>&2"
	[[ $output == *"No space left on device"* ]]
	[ ! -e "$(out sources)/stamp" ]
}

@test "the lock is part of the key" {
	local before
	lock
	before=$(mk keys | awk '$2 == "sources" || $2 == "images"')
	echo '; a comment' >> "$LOCK"
	[ "$(mk keys | awk '$2 == "sources" || $2 == "images"' | sort)" != "$(sort <<< "$before")" ]
	rm "$LOCK"
	run -0 mk keys
}

# pulled: pull the lock's images into layout and write their names to list, as the stage images does.
pulled() {
	(
		export BIN TOP=$COPY KS_CACHE=$PWD/cache/kubestamp PROVIDER=k8s-1.20-upstream IMAGE_MIRROR=k8s.gcr.io=$R
		libs addon images upstream
		rm -rf layout list
		lockfile --images "$LOCK" | images_pull "$PWD/layout" "$PWD/list"
	)
}

@test "images: pulled by digest, under their names; again without a registry; a moved tag changes nothing" {
	local digest blob
	docker_registry
	upstream_push "$R"
	mk pin > /dev/null
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/etcd:3.4.23")
	# The tag is moved after pinning.
	ocipack --tag moved --file "$BIN/pause=/other" "$PWD/moved"
	regpush --tls-verify false "$PWD/moved:moved" "$R/etcd:3.4.23"
	pulled
	[ "$(sort list)" = "$(printf 'k8s.gcr.io/%s\n' "${upstream_names[@]}" | sort)" ]
	[ "$(ocipack --list layout | awk '$1 == "k8s.gcr.io/etcd:3.4.23" { print $2 }')" = "$digest" ]
	kill "$REGISTRY_PID"
	pulled
	[ "$(ocipack --list layout | wc -l)" = 6 ]
}

@test "images: one that the registry does not have, and one with wrong contents" {
	local file
	docker_registry
	upstream_push "$R"
	mk pin > /dev/null
	sed -i "/^name = .*scheduler/{n;s/.*/digest = sha256:$(printf %064d 1)/}" "$LOCK"
	run ! pulled
	[[ $output == *"error: k8s.gcr.io/kube-scheduler:v1.20.2: cannot be pulled by its digest sha256:0000"* ]]
	mk pin > /dev/null
	# Damage a layer in the registry's storage.
	file=$(find registry/docker -path '*/blobs/sha256/*' -name data -size +100k | head -n 1)
	[ -n "$file" ]
	printf X | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
	rm -rf cache
	run ! pulled
	[[ $output == *"cannot be pulled by its digest"* ]]
}

@test "IMAGE_MIRROR: a mirror for one registry, and another for all others" {
	(
		libs images
		IMAGE_MIRROR='a.example=127.0.0.1:5/a other.example/x'
		[ "$(images_source a.example/b/c:1)" = 127.0.0.1:5/a/b/c:1 ]
		[ "$(images_source d.example/b/c:1)" = other.example/x/b/c:1 ]
		[ "$(images_tls 127.0.0.1:5/a --o)" = --o ]
		[ -z "$(images_tls other.example/x --o)" ]
		IMAGE_MIRROR=
		[ "$(images_source d.example/b/c:1)" = d.example/b/c:1 ]
	)
}

@test "the stage images: pulled images and our own" {
	docker_registry
	upstream_push "$R"
	mk pin > /dev/null
	run -0 stage images
	[ "$(sort "$(out images)/list")" = "$({ printf 'k8s.gcr.io/%s\n' "${upstream_names[@]}"; echo registry.kubestamp/kubestamp-tools:0.1; } | sort)" ]
	[ "$(ocipack --list "$(out images)/oci" | awk '{ print $1 }' | sort)" = "$(sort "$(out images)/list")" ]
}
