# Shared by the tests of make publish and of cluster-up IMAGE=: `load lib/publish` after lib/common and lib/registry. The providers
# are in a checkout of the tests' own, whose stages have stamps as if they had run.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests' variables

setup_file() {
	COPY=$BATS_FILE_TMPDIR/kubestamp
	export COPY
	mkdir -p "$COPY"
	tar -C "$TOP" -c GNUmakefile mk tools providers/base tests/providers | tar -C "$COPY" -x
	# In the checkout, too, mini belongs to the tests.
	for p in one two; do cp -r "$COPY/tests/providers/mini" "$COPY/providers/$p"; done
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY REGISTRY_AUTH_FILE DOCKER_CONFIG \
		XDG_RUNTIME_DIR XDG_CONFIG_HOME REGISTRY TAG PUBLISHER IMAGE
	export HOME=$PWD/home XDG_CACHE_HOME=$PWD/cache
	mkdir home
	OWN=$PWD/b
}

teardown() { end_kept; }

# mk ARG...: run make as a user does, in the copy, with the tools that are tested.
mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make --no-print-directory -C "$COPY" B="$OWN" \
		TB="${TB:-$TOP/build}" BIN="$BIN" "$@" 3>&-
}

# publish ARG...: publish the provider one to a registry without https.
publish() { mk publish PROVIDER=one TLS_VERIFY=false REGISTRY="$R/team" "$@"; }

# made PROVIDER [OPTION...]: make the stamps of all stages, and an image with a layer of noise. Sets KEY and LAY.
made() {
	local stage key p=$1
	shift
	while read -r key stage; do
		mkdir -p "$OWN/$p/$stage.$key"
		touch "$OWN/$p/$stage.$key/stamp"
		[ "$stage" != image ] || KEY=$key LAY=$OWN/$p/image.$key/oci
	done < <(mk -s keys PROVIDER="$p")
	[ -e noise ] || noise 1500000 > noise
	ocipack -t "localhost/kubestamp/$p:latest" --compress none --file noise=usr/noise --label "org.kubestamp.provider=$p" \
		--label "org.kubestamp.key=$KEY" --label org.kubestamp.kubernetes=1.20.2 "$@" "$LAY"
}

# digest LAYOUT: print the digest of its only image. remote TAG: print the digest that TAG has in the registry.
digest() { ocipack --list "$1" | cut -d' ' -f2; }
remote() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$R/team/one:$1" | sha256sum | cut -d' ' -f1)"; }

# no_layer LAYOUT: remove its layer, so that sending it fails.
no_layer() { find "$1/blobs" -size +1000k -delete; }

# value NAME [PROVIDER]: print a value in published.json.
value() { jq -r ".$1" "$OWN/${2:-one}/published.json"; }

# machine: set up a machine that has only these scripts, the tools and podman. up [ARG...]: start a cluster from $R/team/one.
# The image contains no programs, so this fails with the first container. (tests/e2e-* test the rest.)
machine() {
	command -v podman > /dev/null || skip "podman is not installed"
	mkdir -p "$OWN" storage
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$PWD/storage/root" "$PWD/storage/run" > storage.conf
	export CONTAINERS_STORAGE_CONF=$PWD/storage.conf
	printf 'ENGINE=podman\nengine=(podman --network-backend netavark --cgroup-manager cgroupfs)\nengine_run=()\n' > "$OWN/engine-auto.conf"
	mkdir -p share/bin
	printf 'node_memory=64M\nnode_cpus=1\nnode_disk=1G\nkubernetes_version=\n' > share/provider.conf
}
up() {
	env TOP="$COPY" BIN="$BIN" B="$OWN" P="$OWN/none" KS_CACHE="$PWD/cache/kubestamp" PROVIDER=none CLUSTER=pulled$$ \
		NODES=1 RESUME=never IMAGE_LAYOUT="$PWD/cache/kubestamp/images" AUTHFILE= CERT_DIR= TLS_VERIFY=false DISK_WINDOWS=yes \
		IMAGE_FROM="$R/team/one" "$@" "$COPY/mk/sh/cluster/cluster-up" 3>&-
}
# cached: list the images in the cache.
cached() { ocipack --list cache/kubestamp/images; }
