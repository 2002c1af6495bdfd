# new-provider, bump, outdated, matrix and bundle, in a checkout of the test's own, with a local upstream.
load lib/common
load lib/registry
load lib/checkout
load lib/goproxy

setup() {
	registry_setup
	checkout
	mkdir -p "$T/providers/k8s-1.30" www/release
	{
		printf '; Kubernetes 1.30, from upstream.\n\n'
		provider_ini "Kubernetes 1.30.2 on Debian 12"
		cat <<-'END'

			[kubernetes]
			version = 1.30.2
			source = upstream

			; The images that kubeadm of this version needs.
			[images]
			repository = r.example
			pause = 3.9
			etcd = 3.5.12-0
		END
	} > "$T/providers/k8s-1.30/provider.ini"
	serve www served
	export TOP=$T BIN B=$PWD/b P=$PWD/b/k8s-1.30 KS_CACHE=$PWD/cache PROVIDER=k8s-1.30 PROVIDER_DIRS=providers/k8s-1.30
	export K8S_MIRROR=$U/file IMAGE_MIRROR=$R PROVIDERS='' D=$PWD/d TMPDIR=$PWD
	mkdir -p "$P" d
}

teardown() { end_kept; }

ini() { "$BIN/provconf" --get "$2" "$T/providers/$1"; }

@test "new-provider: sets the version, and the values that differ between minor versions" {
	run -0 --separate-stderr env NAME=k8s-1.31 FROM=k8s-1.30 VERSION=1.31.4 "$T/mk/sh/provider/new-provider"
	[ -z "$stderr" ]
	[[ $output == *"-kubernetes.version = 1.30.2"*"+kubernetes.version = 1.31.4"* ]]
	[ "$(ini k8s-1.31 kubernetes.version)" = 1.31.4 ]
	[ "$(ini k8s-1.31 provider.description)" = "Kubernetes 1.31.4 on Debian 12" ]
	[ "$(ini k8s-1.31 images.pause) $(ini k8s-1.31 images.etcd)" = "3.10 3.5.15-0" ]
	run -3 ini k8s-1.31 images.coredns
	# Comments, the order and everything else stay.
	[ "$(diff "$T"/providers/k8s-1.3[01]/provider.ini | grep -c '^>')" = 5 ]
	[ "$(head -n 1 "$T/providers/k8s-1.31/provider.ini")" = "; Kubernetes 1.31, from upstream." ]
}

@test "new-provider: a provider with files of its own is inherited" {
	touch "$T/providers/k8s-1.30/check"
	run -0 env NAME=k8s-1.31 FROM=k8s-1.30 VERSION=1.31.4 "$T/mk/sh/provider/new-provider"
	[ "$(ls "$T/providers/k8s-1.31")" = provider.ini ]
	[ "$(ini k8s-1.31 provider.inherit)" = k8s-1.30 ]
	[ "$(ini k8s-1.31 images.pause) $(ini k8s-1.31 node.memory)" = "3.10 1G" ]
}

@test "new-provider: a note if the table does not have the version; invalid arguments are refused, and nothing is left" {
	new() { env NAME="$1" FROM="$2" VERSION="$3" "$T/mk/sh/provider/new-provider"; }
	run -0 --separate-stderr new k8s-1.99 k8s-1.30 1.99.0
	[[ $stderr == *"mk/kubernetes-versions.ini has no section 1.99"* ]]
	[ "$(ini k8s-1.99 images.pause)" = 3.9 ]
	run -2 new k8s-1.30 k8s-1.30 1.30.4
	[[ $output == *"provider k8s-1.30 already exists"* ]]
	run -2 new ../evil k8s-1.30 1.31.4
	run -2 new k8s-1.31 nothing 1.31.4
	run -2 new k8s-1.31 k8s-1.30 1.31
	[[ $output == *"VERSION='1.31' is not a version like 1.31.4"* ]]
	sed -i 's/^source = .*/source = debian/' "$T/providers/k8s-1.30/provider.ini"
	run -2 new k8s-1.31 k8s-1.30 1.31.4
	[[ $output == *"takes Kubernetes from Debian"* ]]
	sed -i 's/^memory = .*/memory = much/; s/^source = .*/source = upstream/' "$T/providers/k8s-1.30/provider.ini"
	run ! new k8s-1.31 k8s-1.30 1.31.4
	[ "$(ls -A "$T/providers")" = $'k8s-1.30\nk8s-1.99' ]
}

@test "new-provider: a note if the images of the conformance tests are those of another version" {
	printf '\n[conformance]\nimages = r.example/agnhost:2.47\n' >> "$T/providers/k8s-1.30/provider.ini"
	run -0 --separate-stderr env NAME=k8s-1.31 FROM=k8s-1.30 VERSION=1.31.4 "$T/mk/sh/provider/new-provider"
	[ "$stderr" = "new-provider: the [conformance] images are those of 1.30; please check them" ]
	run -0 --separate-stderr env NAME=k8s-1.30b FROM=k8s-1.30 VERSION=1.30.4 "$T/mk/sh/provider/new-provider"
	[ -z "$stderr" ]
}

@test "inifile: a value is replaced with its continuation lines, or added, also in a new section" {
	ini_set() { inifile --set "$2.$3=$4" "$1"; }
	printf '[a]\nx = 1\n  2\n  3\ny = 4\n\n[b]\nx = 5\n' > f
	[ "$(ini_set f a x 9)" = $'[a]\nx = 9\ny = 4\n\n[b]\nx = 5' ]
	[ "$(ini_set f a z 9)" = $'[a]\nx = 1\n  2\n  3\ny = 4\nz = 9\n\n[b]\nx = 5' ]
	[ "$(ini_set f b x 'a & b\1')" = $'[a]\nx = 1\n  2\n  3\ny = 4\n\n[b]\nx = a & b\\1' ]
	[ "$(ini_set f c x 9)" = $'[a]\nx = 1\n  2\n  3\ny = 4\n\n[b]\nx = 5\n\n[c]\nx = 9' ]
}

@test "bump: changes the version and the pins, and prints what changed" {
	printf '[lock]\nversion = 1.30.2\n' > "$T/providers/k8s-1.30/lock.ini"
	cat > "$T/mk/sh/provider/pin" <<-'END'
		#!/bin/bash
		etcd=$("$BIN/provconf" --get images.etcd "$TOP/providers/$PROVIDER")
		[ ! -e "$KS_CACHE/other" ] || [ "$etcd" = 3.5.99-0 ] ||
			{ echo "error: $PROVIDER: the declared images (<) differ from those that kubeadm needs (>): < r.example/etcd:$etcd > r.example/etcd:3.5.99-0; change [images]" >&2; exit 1; }
		[ ! -e "$KS_CACHE/fail" ] || { echo half > "$TOP/providers/$PROVIDER/lock.ini"; exit 1; }
		printf '[lock]\nversion = %s\n' "$("$BIN/provconf" --get kubernetes.version "$TOP/providers/$PROVIDER")" > "$TOP/providers/$PROVIDER/lock.ini"
	END
	chmod +x "$T/mk/sh/provider/pin"
	run -0 env VERSION=1.30.7 "$T/mk/sh/provider/bump"
	[ "$(ini k8s-1.30 kubernetes.version) $(ini k8s-1.30 provider.description)" = "1.30.7 Kubernetes 1.30.7 on Debian 12" ]
	[ "$(sort <<< "$output")" = "$(sort <<-'END'
		-kubernetes.version = 1.30.2
		+kubernetes.version = 1.30.7
		-provider.description = Kubernetes 1.30.2 on Debian 12
		+provider.description = Kubernetes 1.30.7 on Debian 12
		-version = 1.30.2
		+version = 1.30.7
	END
	)" ]
	# kubeadm of that version needs another etcd.
	mkdir -p cache
	touch cache/other
	run -0 env VERSION=1.30.6 "$T/mk/sh/provider/bump"
	[ "$(ini k8s-1.30 images.etcd)" = 3.5.99-0 ]
	[[ $output == *"+images.etcd = 3.5.99-0"* ]]
	rm cache/other
	run -0 env VERSION=1.30.7 "$T/mk/sh/provider/bump"
	# If pinning fails, nothing is changed.
	mkdir -p cache
	touch cache/fail
	cp -R "$T/providers/k8s-1.30" before
	run -1 env VERSION=1.30.8 "$T/mk/sh/provider/bump"
	[[ $output == *"no new pins: nothing was changed"* ]]
	diff -r before "$T/providers/k8s-1.30"
	run -2 env VERSION=1.31.0 "$T/mk/sh/provider/bump"
	[[ $output == *"make new-provider NAME=k8s-1.31 FROM=k8s-1.30 VERSION=1.31.0"* ]]
	run -0 env VERSION=1.30.7 "$T/mk/sh/provider/bump"
	[ "$output" = "bump: k8s-1.30 has version 1.30.7 already" ]
	diff -r before "$T/providers/k8s-1.30"
}

@test "outdated: exit 0 for the newest version, 3 for an older one, 1 if no server could be queried" {
	mkdir "$T/providers/k8s-1.20" "$T/providers/abstract"
	sed 's/1\.30\.2/1.20.2/; s/^source.*/source = debian/' "$T/providers/k8s-1.30/provider.ini" > "$T/providers/k8s-1.20/provider.ini"
	echo '[images]' > "$T/providers/abstract/provider.ini"
	printf 'v1.30.2' > www/release/stable-1.30.txt
	run -0 "$T/mk/sh/provider/outdated"
	[ "$(tr -s ' ' <<< "$output")" = $'k8s-1.20 1.20.2 Debian\'s version\nk8s-1.30 1.30.2 is the newest' ]
	printf 'v1.30.14' > www/release/stable-1.30.txt
	run -3 "$T/mk/sh/provider/outdated"
	[[ $output == *"1.30.14 is available: make bump PROVIDER=k8s-1.30 VERSION=1.30.14" ]]
	printf '<html>' > www/release/stable-1.30.txt
	run -1 "$T/mk/sh/provider/outdated"
	[[ $output == *"cannot be queried: the answer is not a version: <html>" ]]
	K8S_MIRROR=http://127.0.0.1:1 run -1 "$T/mk/sh/provider/outdated"
	[[ $output == *"k8s-1.30 "*"cannot be queried: "*"127.0.0.1"* ]]
}

@test "matrix: provisions all providers even if one fails, writes a table, and fails at the end" {
	cat > make <<-'END'
		#!/bin/bash
		echo "$*"
		[[ $* != *PROVIDER=bad* ]] || exit 2
		mkdir -p "$B/good/image.0/oci"
		head -c 3000000 /dev/zero > "$B/good/image.0/oci/blob"
	END
	chmod +x make
	MAKE=$PWD/make PROVIDERS='bad good' run -1 "$T/mk/sh/provider/matrix"
	[[ $output == *"error: 1 provider(s) failed"* ]]
	[ "$(cut -f1,2,4 "$B/matrix/table")" = $'PROVIDER\tRESULT\tMIB\nbad\tfailed\t-\ngood\tok\t2' ]
	[ "$(cat "$B/matrix/good.log")" = "provision PROVIDER=good B=$B" ]
	MAKE=$PWD/make PROVIDERS=good run -0 "$T/mk/sh/provider/matrix"
}

# locked: create a lock with a file and an image.
locked() {
	echo hello > hello
	ocipack --tag x --file hello=/hello layout
	regpush --tls-verify=false layout:x "$R/pause:3.9" > digest
	mkdir -p www/release/v1.30.2
	echo kubeadm > www/release/v1.30.2/kubeadm
	cat > "$T/providers/k8s-1.30/lock.ini" <<-END
		[lock]
		version = 1.30.2

		[file kubeadm]
		path = release/v1.30.2/kubeadm
		sha256 = $(sha256sum < www/release/v1.30.2/kubeadm | cut -d' ' -f1)

		[image pause]
		name = r.example/pause:3.9
		digest = $(cat digest)
	END
}

@test "bundle: everything that is pinned, in one file; another machine needs no network" {
	locked
	run -0 "$T/mk/sh/provider/bundle"
	[[ $output == *"bundled   1 files and 1 images: $B/k8s-1.30.bundle"* ]]
	cp "$B/k8s-1.30.bundle" first
	run -0 "$T/mk/sh/provider/bundle"
	cmp first "$B/k8s-1.30.bundle"
	# The other machine.
	rm -r cache www
	forget
	run -0 "$T/mk/sh/provider/bundle-in" "$PWD/first"
	[[ $output == *"imported into $KS_CACHE" ]]
	hex=$(echo kubeadm | sha256sum | cut -d' ' -f1)
	[ "$(cat "$KS_CACHE/downloads/sha256/$hex")" = kubeadm ]
	run -0 "$T/mk/sh/provider/bundle-in" "$PWD/first"
	[ -z "$output" ]
	libs addon images
	printf 'r.example/pause:3.9\t%s\n' "$(cat digest)" > pinned
	images_pull out list < pinned
	[ "$(cat list)" = r.example/pause:3.9 ]
	skopeo copy -q oci:out:r.example/pause:3.9 dir:flat
	rm -rf "$KS_CACHE"
	run -1 images_pull out2 list < pinned
	[[ $output == *"cannot be pulled by its digest"* ]]
}

@test "bundle: no bundle is made without a lock, or if a file differs from its lock" {
	run -1 "$T/mk/sh/provider/bundle"
	[[ $output == *"has no locks"* ]]
	locked
	echo evil > www/release/v1.30.2/kubeadm
	run -1 "$T/mk/sh/provider/bundle"
	[[ $output == *"fetch: "* ]]
	[ ! -e "$B/k8s-1.30.bundle" ]
	[ -z "$(ls -d bundle.* 2> /dev/null)" ]
}

# go_provider: make a provider whose only module is hello-1.0.0, from the proxy in $PROXY_DIR. go_build MODULES: compile it as the
# stage does, with that cache of modules and without a proxy.
go_provider() {
	command -v go > /dev/null || skip "go is not installed"
	unset GOFLAGS GONOSUMDB GOPRIVATE
	export PROXY_DIR=$PWD/proxy GOPROXY=file://$PWD/proxy GOSUMDB=off GOENV=off GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE=$BATS_FILE_TMPDIR/build
	local own=$T/providers/go/hello-1.0.0
	mkdir -p mod/text "$own" "$T/providers/hello"
	printf 'module example.test/Dep\n\ngo 1.19\n' > mod/go.mod
	printf 'package text\n\nconst Word = "hello"\n' > mod/text/text.go
	go_publish example.test/Dep v1.2.0
	mkdir mod
	printf 'module example.test/hello\n\ngo 1.19\n\nrequire example.test/Dep v1.2.0\n' > mod/go.mod
	printf 'package main\n\nimport "example.test/Dep/text"\n\nfunc main() { println(text.Word) }\n' > mod/main.go
	go_publish example.test/hello v1.0.0
	printf '[module]\npath = example.test/hello\ngo = 1.19\nprograms = hello=example.test/hello\n' > "$own/module.ini"
	printf 'module kubestamp/hello\n\ngo 1.19\n\nrequire (\n\texample.test/hello v1.0.0\n\texample.test/Dep v1.2.0\n)\n' > "$own/go.mod"
	for module in hello@v1.0.0 Dep@v1.2.0; do
		GOFLAGS=-modcacherw GOMODCACHE=$PWD/first go mod download -json "example.test/$module" |
			jq -r '"\(.Path) \(.Version) \(.Sum)\n\(.Path) \(.Version)/go.mod \(.GoModSum)"'
	done > "$own/go.sum"
	rm -r first
	{ provider_ini hello && printf '[kubernetes]\nversion = 1.30.2\nsource = go\n[go]\nmodules = hello-1.0.0\n[images]\nrepository = r.example\n'; } > "$T/providers/hello/provider.ini"
	export PROVIDER=hello PROVIDER_DIRS=providers/hello P=$B/hello
}
go_build() {
	rm -rf out source
	cp -R "$T/providers/go/hello-1.0.0" source
	mkdir out
	GOMODCACHE=$1 "$TOP/mk/sh/stage/go-build" source "$PWD/out" '' '' hello=example.test/hello > built 2>&1 || { cat built; return 1; }
}

@test "bundle: Go modules; another machine compiles them without a proxy, and go compares them with go.sum" {
	go_provider
	run -1 "$T/mk/sh/provider/bundle"
	[[ $output == *"example.test/hello v1.0.0 is not in $KS_CACHE/go/modules/cache/download; "* ]]
	go_build "$KS_CACHE/go/modules"
	# What no go.sum names stays here.
	mkdir -p "$KS_CACHE/go/modules/cache/download/example.test/other/@v"
	touch "$KS_CACHE/go/modules/cache/download/example.test/other/@v/v1.0.0.zip"
	run -0 "$T/mk/sh/provider/bundle"
	[[ $output == *"bundled   0 files and 0 images, 2 Go modules: $B/hello.bundle"* ]]
	cp "$B/hello.bundle" first
	run -0 "$T/mk/sh/provider/bundle"
	cmp first "$B/hello.bundle"
	run -0 tar --zstd -tf first
	[[ $output == *"./go/example.test/!dep/@v/v1.2.0.zip"* && $output != *ziphash* && $output != *other* ]]
	# The other machine.
	rm -rf "$KS_CACHE" proxy
	run -0 "$T/mk/sh/provider/bundle-in" "$PWD/first"
	GOPROXY=off GOCACHE=$PWD/fresh go_build "$KS_CACHE/go/modules"
	run -0 out/hello
	[ "$output" = hello ]
	# Changed modules are put into the cache, but not compiled.
	rm -rf "$KS_CACHE" x
	mkdir -p x mod/text
	tar -C x --zstd -xf first
	printf 'module example.test/Dep\n\ngo 1.19\n' > mod/go.mod
	printf 'package text\n\nconst Word = "evil"\n' > mod/text/text.go
	go_publish example.test/Dep v1.2.0
	cp "proxy/example.test/!dep/@v/v1.2.0.zip" "x/go/example.test/!dep/@v/"
	tar -C x --zstd -cf bad .
	"$T/mk/sh/provider/bundle-in" "$PWD/bad"
	GOPROXY=off run ! go_build "$KS_CACHE/go/modules"
	[[ $output == *"checksum mismatch"* ]]
	# Names that do not belong there.
	mkdir y
	tar -C y --zstd -xf first
	for name in go/example.test/hello/@v/v1.0.0.ziphash go/example.test/hello/@v/list go/example.test/hello@v1.0.0/main.go; do
		mkdir -p "y/${name%/*}"
		touch "y/$name"
		tar -C y --zstd -cf bad .
		rm "y/$name"
		run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
		[[ $output == *"does not belong in a bundle"*"$name"* ]]
	done
	tar -C y --zstd --transform 's,^\./go/example.test/hello/,./go/../../hello/,' -P -cf bad .
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
	[[ $output == *"does not belong in a bundle"* ]]
}

@test "BUNDLE: a wrong digest, a file that does not belong in it, or not a bundle: nothing is imported" {
	locked
	"$T/mk/sh/provider/bundle" > /dev/null
	rm -r cache
	mkdir x
	tar -C x --zstd -xf "$B/k8s-1.30.bundle"
	hex=$(echo kubeadm | sha256sum | cut -d' ' -f1)
	echo evil > "x/downloads/sha256/$hex"
	tar -C x --zstd -cf bad .
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
	[[ $output == *"does not match the digest in its name: downloads/sha256/$hex"* ]]
	echo kubeadm > "x/downloads/sha256/$hex"
	ln -s /etc/passwd x/locks/link
	tar -C x --zstd -cf bad .
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
	[[ $output == *"does not belong in a bundle"*"link"* ]]
	rm x/locks/link
	tar -C x --zstd --transform 's,^\./locks/.*,../../../escaped,' -P -cf bad .
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
	[[ $output == *"does not belong in a bundle"* ]]
	head -c 100 "$B/k8s-1.30.bundle" > bad
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/bad"
	[[ $output == *"cannot be read"* ]]
	run -1 "$T/mk/sh/provider/bundle-in" "$PWD/nothing"
	[[ $output == *"no such file"* ]]
	[ -z "$(ls cache/downloads/sha256)" ]
	[ -z "$(find . -name 'escaped*')" ]
	# The unchanged bundle is imported.
	tar -C x --zstd -cf good .
	"$T/mk/sh/provider/bundle-in" "$PWD/good"
	[ -e "cache/downloads/sha256/$hex" ]
}

@test "provider_file: the provider's own file, else an inherited one, as a path relative to the checkout" {
	libs file
	TOP=$BATS_TEST_TMPDIR PROVIDER_DIRS='own parent'
	mkdir -p "$TOP"/{own,parent}/sub
	touch "$TOP"/{own,parent}/sub/both "$TOP/parent/one"
	[ "$(provider_file sub/both)" = own/sub/both ]
	[ "$(provider_file one)" = parent/one ]
	run -1 provider_file none
	[ "$output" = "error: none not found in any of: own parent" ]
}
