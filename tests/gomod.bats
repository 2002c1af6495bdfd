# bump, new-provider and outdated for providers with source = go: in a checkout of the test's own, with modules that the test
# has made, from a proxy on this machine.
load lib/common
load lib/checkout
load lib/goproxy

# The environment of a user with a proxy whose modules no checksum database knows.
go_user() {
	local name
	for name in ${!GO@}; do unset "$name"; done
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	export GOPROXY=file://$PROXY_DIR GOSUMDB=off HOME=$1/home KS_CACHE=$1/cache GOENV=off
	mkdir -p "$HOME"
}

# a_module NAME-VERSION PATH PROGRAM=PACKAGE... < more of go.mod: make the directory of a module.
a_module() {
	local dir=$T/providers/go/$1 program
	mkdir -p "$dir"
	{
		printf 'module kubestamp/%s\n\ngo 1.24.0\n\nrequire %s v%s // indirect\n\n' "${1%-*}" "$2" "${1##*-}"
		for program in "${@:3}"; do printf 'tool %s\n' "${program#*=}"; done
		cat
	} > "$dir/go.mod"
	printf '; %s.\n\n[module]\npath = %s\ngo = 1.24.0\nprograms = %s\n' "$1" "$2" "${*:3}" > "$dir/module.ini"
	(cd "$dir" && GOFLAGS=-modcacherw GOMODCACHE=$KS_CACHE/go/modules go mod tidy 2>&1)
}

# Made once: the proxy, and the checkout that each test gets a copy of.
setup_file() {
	local minor
	cd "$BATS_FILE_TMPDIR" || return
	export NO_GO=
	[[ $(GOTOOLCHAIN=local go env GOVERSION 2> /dev/null) =~ go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 24 ] ||
		{ NO_GO="needs Go 1.24 or newer"; return 0; }
	export PROXY_DIR=$PWD/proxy T=$PWD/top
	go_user "$PWD"
	mkdir -p "$T/providers/k8s-1.36" "$T/providers/go-common" "$T/manifests"
	for minor in 36 38; do go_library example.test/dep "v1.$minor.0"; done
	go_library example.test/raised v1.0.0
	go_library example.test/raised v1.2.0
	go_kubernetes 1.36.1 3.6.8-0 1.24.0 "api old"
	go_kubernetes 1.36.3 3.6.9-0 1.24.1 "api old"
	go_kubernetes 1.36.4 3.6.9-0 1.99.0 "api old"
	go_kubernetes 1.36.10 3.6.9-0 1.24.0 "api old" v1beta9
	go_kubernetes 1.38.0 3.7.0-0 1.24.0 "api new"
	go_etcd 3.6.16
	go_etcd 3.6.17
	go_etcd 3.7.1
	a_module kubernetes-1.36.1 k8s.io/kubernetes kubeadm=k8s.io/kubernetes/cmd/kubeadm <<-'END'
		replace k8s.io/api => k8s.io/api v0.36.1
		replace k8s.io/old => k8s.io/old v0.36.1
	END
	a_module etcd-3.6.16 go.etcd.io/etcd/server/v3 etcd=go.etcd.io/etcd/server/v3 etcdctl=go.etcd.io/etcd/etcdctl/v3 <<< 'require go.etcd.io/etcd/etcdctl/v3 v3.6.16'
	printf '[provider]\nabstract = yes\n\n[kubernetes]\nsource = go\nkubeadm_api = v1beta3\n' > "$T/providers/go-common/provider.ini"
	{
		printf '; Kubernetes 1.36, compiled from Go modules.\n\n'
		provider_ini "Kubernetes 1.36.1 on Debian 13" | sed '/^description/i inherit = go-common'
		cat <<-'END'

			[kubernetes]
			version = 1.36.1

			[go]
			; Directories below providers/go.
			modules = kubernetes-1.36.1
			  etcd-3.6.16

			[images]
			pause = 3.10.1
			; The module's version.
			etcd = 3.6.16-0
			coredns = v1.14.2
		END
	} > "$T/providers/k8s-1.36/provider.ini"
	unset T
}

setup() {
	[ -z "$NO_GO" ] || skip "$NO_GO"
	cd "$BATS_TEST_TMPDIR" || return
	checkout
	cp -RT "$BATS_FILE_TMPDIR/top" "$T"
	cp -R "$BATS_FILE_TMPDIR/cache" cache
	go_user "$PWD"
	export TOP=$T BIN PROVIDER=k8s-1.36 PROVIDERS='' MODULE='' NAME='' FROM='' VERSION=''
}

teardown() { end_kept; }

ini() { "$BIN/provconf" -I "$T/providers" --get "$2" "$T/providers/$1"; }
bump() { env "$@" "$T/mk/sh/provider/bump"; }
new_provider() { env NAME="$1" FROM="$2" VERSION="$3" "${@:4}" "$T/mk/sh/provider/new-provider"; }
outdated() { "$T/mk/sh/provider/outdated" > listed; local rc=$?; tr -s ' ' < listed; return "$rc"; }
# tree: every file of the providers, hidden ones too, and its contents.
tree() { (cd "$T/providers" && find . -type f -exec sha256sum {} + | sort -k 2); }

# unchanged STATUS TEXT COMMAND...: it fails with one line that contains the pattern TEXT, and nothing of the providers changes.
unchanged() {
	local before
	before=$(tree)
	run "-$1" --separate-stderr "${@:3}"
	# shellcheck disable=SC2053,SC2154 # a pattern
	[[ $stderr == *$2* ]] || { echo "got: $stderr"; return 1; }
	[ "$(grep -c '^error: ' <<< "$stderr")" = 1 ] || { echo "got: $stderr"; return 1; }
	[ -z "$output" ]
	diff <(echo "$before") <(tree)
}

@test "bump: the new module with its staging modules, and what depends on the version; the old directory goes" {
	run -0 bump VERSION=1.36.3
	[ "$(ls "$T/providers/go")" = $'etcd-3.6.16\nkubernetes-1.36.3' ]
	[[ $output == *"made      providers/go/kubernetes-1.36.3"*"removed   providers/go/kubernetes-1.36.1"* ]]
	[[ $output == *"-kubernetes.version = 1.36.1"* && $output == *"+kubernetes.version = 1.36.3"* ]]
	# The provider: comments and layout stay.
	diff - <(diff "$BATS_FILE_TMPDIR/top/providers/k8s-1.36/provider.ini" "$T/providers/k8s-1.36/provider.ini" | grep '^[<>]') <<-'END'
		< description = Kubernetes 1.36.1 on Debian 13
		> description = Kubernetes 1.36.3 on Debian 13
		< version = 1.36.1
		> version = 1.36.3
		< modules = kubernetes-1.36.1
		> modules = kubernetes-1.36.3
		< pause = 3.10.1
		> pause = 3.10.2
		< coredns = v1.14.2
		> coredns = v1.14.9
	END
	# The module: as it would be made from nothing. It asks for a newer Go.
	cd "$T/providers/go/kubernetes-1.36.3"
	grep -q 'k8s.io/kubernetes v1.36.3' go.mod
	grep -q 'k8s.io/api => k8s.io/api v0.36.3' go.mod
	grep -q 'k8s.io/old => k8s.io/old v0.36.3' go.mod
	grep -q '^k8s.io/api v0.36.3 h1:' go.sum
	run ! grep -q '36\.1' go.mod go.sum
	grep -qx 'go 1.24.1' go.mod
	grep -qx 'go = 1.24.1' module.ini
	# It behaves as upstream's, whatever Go it is compiled with.
	grep -qx 'godebug default=go1.23' go.mod
	[[ $(GOFLAGS=-modcacherw GOMODCACHE=$KS_CACHE/go/modules GOPROXY=off go list -f '{{.DefaultGODEBUG}}' k8s.io/kubernetes/cmd/kubeadm) == *=* ]]
	cp go.mod go.sum "$BATS_TEST_TMPDIR"
	GOFLAGS=-modcacherw GOMODCACHE=$KS_CACHE/go/modules GOPROXY=off go mod tidy
	diff "$BATS_TEST_TMPDIR/go.mod" go.mod
	diff "$BATS_TEST_TMPDIR/go.sum" go.sum
	GOFLAGS=-modcacherw GOMODCACHE=$KS_CACHE/go/modules GOPROXY=off go build -o /dev/null k8s.io/kubernetes/cmd/kubeadm
	cd -
	run -0 bump VERSION=1.36.3
	[ "$output" = "bump: k8s-1.36 has kubernetes 1.36.3 already" ]
}

@test "bump: a tag that the sources of kubeadm do not determine is reported" {
	cp -R "$PROXY_DIR" proxy
	PROXY_DIR=$PWD/proxy go_kubernetes 1.36.5 '' 1.24.0 'api old'
	sed -i 's/^etcd = .*/etcd = 3.5.0-0/' "$T/providers/k8s-1.36/provider.ini"
	run -0 --separate-stderr bump GOPROXY="file://$PWD/proxy" VERSION=1.36.5
	diff - <(echo "$stderr") <<-'END'
		resolving k8s.io/kubernetes v1.36.5
		kubeadm's sources do not say which etcd it wants: images.etcd = 3.5.0-0 is unchanged; please check it
	END
	[ "$(ini k8s-1.36 images.etcd)" = 3.5.0-0 ]
}

@test "bump: a requirement that has a reason stays, others follow from the module" {
	local dir=$T/providers/go/kubernetes-1.36.1
	mkdir "$dir/raised"
	printf 'package main\n\nimport _ "example.test/raised"\n\nfunc main() {}\n' > "$dir/raised/main.go"
	(cd "$dir" && GOFLAGS=-modcacherw GOMODCACHE=$KS_CACHE/go/modules go get example.test/raised@v1.0.0 example.test/dep@v1.38.0 2>&1)
	sed -i -E 's,(example.test/raised v1.0.0).*,\1 // indirect; 1.2.0 does not start,' "$dir/go.mod"
	bump VERSION=1.36.3
	dir=$T/providers/go/kubernetes-1.36.3
	[ -e "$dir/raised/main.go" ]
	grep -q 'example.test/raised v1.0.0 // 1.2.0 does not start' "$dir/go.mod"
	grep -q 'example.test/dep v1.36.0 // indirect' "$dir/go.mod"
}

@test "bump: a directory that another provider names stays, and one that is there already is shared" {
	cp -R "$T/providers/k8s-1.36" "$T/providers/k8s-1.36-b"
	run -0 bump VERSION=1.36.3
	[ "$(ls "$T/providers/go")" = $'etcd-3.6.16\nkubernetes-1.36.1\nkubernetes-1.36.3' ]
	[[ $output != *removed* ]]
	cp -R "$T/providers/go/kubernetes-1.36.3" before
	run -0 bump PROVIDER=k8s-1.36-b VERSION=1.36.3
	[ "$(ls "$T/providers/go")" = $'etcd-3.6.16\nkubernetes-1.36.3' ]
	[[ $output != *made* ]]
	diff -r before "$T/providers/go/kubernetes-1.36.3"
	diff "$T/providers/k8s-1.36/provider.ini" "$T/providers/k8s-1.36-b/provider.ini"
}

@test "bump: a directory that no provider names, or that pins another version, is not taken" {
	cp -R "$T/providers/go/kubernetes-1.36.1" "$T/providers/go/kubernetes-1.36.3"
	unchanged 1 "providers/go/kubernetes-1.36.3: already exists, and no provider names it; remove it first" bump VERSION=1.36.3
	mkdir "$T/providers/other"
	sed 's/1\.36\.1/1.36.3/' "$T/providers/k8s-1.36/provider.ini" > "$T/providers/other/provider.ini"
	unchanged 1 "providers/go/kubernetes-1.36.3: already exists, but pins v1.36.1 of k8s.io/kubernetes" bump VERSION=1.36.3
}

@test "bump MODULE=: all modules of its repository that have its version, and the tag that tells it" {
	# A replacement of ours is no staging module's.
	echo 'replace k8s.io/api => k8s.io/api v0.36.1' >> "$T/providers/go/etcd-3.6.16/go.mod"
	run -0 bump MODULE=etcd VERSION=3.6.17
	grep -q '^replace k8s.io/api => k8s.io/api v0.36.1$' "$T/providers/go/etcd-3.6.17/go.mod"
	[ "$(ls "$T/providers/go")" = $'etcd-3.6.17\nkubernetes-1.36.1' ]
	[ "$(ini k8s-1.36 images.etcd) $(ini k8s-1.36 images.pause) $(ini k8s-1.36 kubernetes.version)" = "3.6.17-0 3.10.1 1.36.1" ]
	[ "$(ini k8s-1.36 go.modules)" = "kubernetes-1.36.1 etcd-3.6.17" ]
	[ "$(grep -c '3\.6\.17' "$T/providers/go/etcd-3.6.17/go.mod")" = 3 ]
	run ! grep -q '3\.6\.16' "$T"/providers/{k8s-1.36/provider.ini,go/etcd-3.6.17/go.{mod,sum}}
	# Another minor version of a module that is not Kubernetes needs no new provider.
	bump MODULE=etcd VERSION=3.7.1
	[ "$(ini k8s-1.36 images.etcd)" = 3.7.1-0 ]
}

@test "bump MODULE=: one that is inherited is changed where it is named" {
	sed -i 's/^  etcd-3.6.16$//; s/^modules =/modules +=/' "$T/providers/k8s-1.36/provider.ini"
	printf '\n[go]\nmodules = etcd-3.6.16\n' >> "$T/providers/go-common/provider.ini"
	unchanged 2 "k8s-1.36 inherits etcd-3.6.16 from go-common: make bump PROVIDER=go-common MODULE=etcd VERSION=3.6.17" \
		bump MODULE=etcd VERSION=3.6.17
	bump PROVIDER=go-common MODULE=etcd VERSION=3.6.17
	[ "$(ini k8s-1.36 go.modules)" = "etcd-3.6.17 kubernetes-1.36.1" ]
	bump VERSION=1.36.3
	[ "$(ini k8s-1.36 go.modules)" = "etcd-3.6.17 kubernetes-1.36.3" ]
	# A new provider keeps the inherited ones too. Its Kubernetes has no godebug line, unlike the one that it is made from.
	grep -q ^godebug "$T/providers/go/kubernetes-1.36.3/go.mod"
	new_provider k8s-1.38 k8s-1.36 1.38.0
	run ! grep ^godebug "$T/providers/go/kubernetes-1.38.0/go.mod"
	[ "$(ini k8s-1.38 go.modules)" = "etcd-3.6.17 kubernetes-1.38.0" ]
}

@test "bump: what cannot be is refused" {
	unchanged 2 "VERSION='v1.36.3' is not a version like 1.31.4" bump VERSION=v1.36.3
	unchanged 2 "VERSION='' is not a version" bump MODULE=etcd
	unchanged 2 "make new-provider NAME=k8s-1.38 FROM=k8s-1.36 VERSION=1.38.0" bump VERSION=1.38.0
	unchanged 2 "MODULE=runc: k8s-1.36 has no such module in [[]go] modules; it has: kubernetes etcd" bump MODULE=runc VERSION=1.3.4
	unchanged 2 "there is no providers/nothing" bump PROVIDER=nothing VERSION=1.36.3
	mkdir "$T/providers/debian"
	provider_ini "Debian's" > "$T/providers/debian/provider.ini"
	printf '\n[kubernetes]\nversion = 1.20.2\nsource = debian\n' >> "$T/providers/debian/provider.ini"
	unchanged 2 "debian takes Kubernetes from Debian, which has no other version" bump PROVIDER=debian VERSION=1.20.3
	mkdir "$T/providers/plain"
	provider_ini "no Kubernetes" > "$T/providers/plain/provider.ini"
	unchanged 2 "MODULE=etcd: plain has no Go modules: its [[]kubernetes] source is not set" bump PROVIDER=plain MODULE=etcd VERSION=3.6.17
	printf '\n[kubernetes]\nversion = 1.36.1\nsource = upstream\n' >> "$T/providers/plain/provider.ini"
	unchanged 2 "MODULE=etcd: plain has no Go modules: its [[]kubernetes] source is upstream" bump PROVIDER=plain MODULE=etcd VERSION=3.6.17
	sed -i 's/etcd-3.6.16/etcd/' "$T/providers/k8s-1.36/provider.ini"
	unchanged 1 "[[]go] modules: 'etcd' is not NAME-VERSION" bump VERSION=1.36.3
}

@test "a version that the proxy refuses, a proxy that has an error, and one that cannot be reached" {
	serve "$PROXY_DIR" served
	export GOPROXY=$U/there
	unchanged 1 "error: k8s.io/kubernetes v1.36.2: the Go module proxy refuses it: *404" bump VERSION=1.36.2
	unchanged 1 "error: k8s.io/kubernetes v1.38.1: the Go module proxy refuses it: *404" new_provider k8s-1.38 k8s-1.36 1.38.1
	# A staging module is refused.
	cp -R "$PROXY_DIR" proxy
	rm "proxy/k8s.io/old/@v/v0.36.3".*
	GOPROXY=file://$PWD/proxy unchanged 1 "error: k8s.io/kubernetes v1.36.3: the Go module proxy refuses it: *k8s.io/old@v0.36.3" bump VERSION=1.36.3
	rm -rf cache/go/modules
	GOPROXY=$U/down unchanged 1 "error: k8s.io/kubernetes v1.36.3: the Go module proxy has an error: *500" bump VERSION=1.36.3
	GOPROXY=http://127.0.0.1:1 unchanged 1 "the Go module proxy cannot be reached: *127.0.0.1:1" bump VERSION=1.36.3
	GOPROXY=http://127.0.0.1:1 unchanged 1 "the Go module proxy cannot be reached: *127.0.0.1:1" new_provider k8s-1.38 k8s-1.36 1.38.0
	GOPROXY=off unchanged 1 "the Go module proxy cannot be reached: *GOPROXY=off" bump MODULE=etcd VERSION=3.6.17
	# The same proxy, undisturbed.
	bump VERSION=1.36.3
}

@test "a Go that cannot be had, contents that differ from their digest, no space" {
	unchanged 1 "error: k8s.io/kubernetes v1.36.4: this version of Go cannot be obtained: *1.99" bump VERSION=1.36.4
	echo "k8s.io/kubernetes v1.36.3 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" >> "$T/providers/go/kubernetes-1.36.1/go.sum"
	unchanged 1 "error: k8s.io/kubernetes v1.36.3: the contents differ from the digest: *k8s.io/kubernetes@v1.36.3: checksum mismatch" bump VERSION=1.36.3
	rm -rf cache/go
	mkdir cache/go
	unshare -rm mount -t tmpfs -o size=16k none cache/go 2> /dev/null || skip "no file system can be mounted"
	unchanged 1 "error: go.etcd.io/etcd/server/v3 v3.6.17: no space left: *$PWD/cache/go" \
		unshare -rm sh -c 'mount -t tmpfs -o size=16k none cache/go && "$@"' sh env MODULE=etcd VERSION=3.6.17 "$T/mk/sh/provider/bump"
}

@test "a result that is not a valid provider is not kept; nor is half of one when it is stopped" {
	# Its kubeadm has an API that no provider can have.
	unchanged 1 "'v1beta9' is not one of: *k8s-1.36: the result is not a valid provider" bump VERSION=1.36.10
	unchanged 1 "'v1beta9' is not one of: *the result is not a valid provider" new_provider k8s-1.36-b k8s-1.36 1.36.10
	# It is stopped while go resolves, in a directory whose name ends with its PID.
	mkdir fake
	printf '#!/bin/bash\n[[ $* != "mod tidy" ]] || { kill "${PWD##*.}"; sleep 1; }\nexec %s "$@"\n' "$(command -v go)" > fake/go
	chmod +x fake/go
	before=$(tree)
	# A second signal, while it removes what it has made: make passes on what the process group has received.
	printf '#!/bin/bash\nkill $PPID\nexec %s "$@"\n' "$(command -v rm)" > fake/rm
	chmod +x fake/rm
	PATH=$PWD/fake:$PATH run -130 bump VERSION=1.36.3
	diff <(echo "$before") <(tree)
	[[ $output == *"nothing was changed"* ]]
}

@test "the host's Go: too old, or none: one line" {
	mkdir fake
	printf '#!/bin/bash\necho "{\\"GOVERSION\\": \\"go1.19.8\\"}"\n' > fake/go
	chmod +x fake/go
	PATH=$PWD/fake:$PATH unchanged 1 "fake/go is go1.19.8: this needs Go 1.24 or newer" bump VERSION=1.36.3
	PATH=$PWD/fake:$PATH unchanged 1 "fake/go is go1.19.8: this needs Go 1.24 or newer" new_provider k8s-1.38 k8s-1.36 1.38.0
	rm fake/go
	for program in bash env cat sed grep jq mktemp rm mkdir cp mv dirname basename cut sort tail tr awk; do
		ln -s "$(command -v "$program")" "fake/$program"
	done
	unchanged 1 "go not found: this needs Go 1.24 or newer" bump PATH="$PWD/fake" VERSION=1.36.3
}

@test "of the user's settings for Go, only those count that say where modules come from" {
	printf 'GOFLAGS=-mod=vendor\nGOPROXY=file://%s\n' "$PROXY_DIR" > goenv
	env -u GOPROXY GOENV="$PWD/goenv" GOFLAGS=-mod=vendor GOTOOLCHAIN=local GOOS=plan9 GO111MODULE=off GOWORK="$PWD/none" GOMODCACHE="$PWD/elsewhere" \
		VERSION=1.36.3 "$T/mk/sh/provider/bump"
	[ -e "$T/providers/go/kubernetes-1.36.3/go.sum" ]
	[ ! -e elsewhere ]
}

@test "new-provider: its module, and what its kubeadm wants; the old ones stay" {
	run -0 --separate-stderr new_provider k8s-1.38 k8s-1.36 1.38.0
	[ "$(ls "$T/providers/go")" = $'etcd-3.6.16\nkubernetes-1.36.1\nkubernetes-1.38.0' ]
	[[ $output == *"made      providers/go/kubernetes-1.38.0"$'\n'"made      providers/k8s-1.38/provider.ini"$'\n'* ]]
	[[ $output == *"+kubernetes.version = 1.38.0"* ]]
	# The node of the old one lacks what this version needs.
	[[ $stderr == *"upstream: k8s-1.38: "*"new-provider: correct providers/k8s-1.38/provider.ini before you provision it" ]]
	diff - <(diff "$T"/providers/k8s-1.3{6,8}/provider.ini | grep '^>') <<-'END'
		> ; Kubernetes 1.38, compiled from Go modules.
		> description = Kubernetes 1.38.0 on Debian 13
		> version = 1.38.0
		> modules = kubernetes-1.38.0
		> pause = 3.10.2
		> coredns = v1.14.9
	END
	# Staging modules that came and went.
	grep -q 'k8s.io/new => k8s.io/new v0.38.0' "$T/providers/go/kubernetes-1.38.0/go.mod"
	run ! grep -q 'k8s.io/old' "$T/providers/go/kubernetes-1.38.0/go.mod"
	# The same version again, under another name.
	run -0 new_provider k8s-1.38-b k8s-1.36 1.38.0
	[[ $output != *"providers/go"* ]]
	[ "$(ini k8s-1.38-b go.modules)" = "kubernetes-1.38.0 etcd-3.6.16" ]
	run -0 new_provider k8s-1.36-b k8s-1.36 1.36.1
	diff "$T"/providers/k8s-1.36{,-b}/provider.ini
}

@test "new-provider: one with files of its own is inherited; kubeadm's API, where the old one is gone" {
	touch "$T/providers/k8s-1.36/check"
	sed -i 's/v1beta3/v1beta2/' "$T/providers/go-common/provider.ini"
	sed -i 's/^etcd = .*/etcd = 3.5.0-0/' "$T/providers/k8s-1.36/provider.ini"
	new_provider k8s-1.38 k8s-1.36 1.38.0
	[ "$(ini k8s-1.38 go.modules) $(ini k8s-1.38 kubernetes.kubeadm_api)" = "kubernetes-1.38.0 etcd-3.6.16 v1beta4" ]
	[ "$(ini k8s-1.38 images.etcd)" = 3.7.0-0 ]
	[ "$(ini k8s-1.38 provider.inherit)" = k8s-1.36 ]
}

@test "new-provider: a name that is taken, and a directory that is there" {
	unchanged 2 "provider k8s-1.36 already exists" new_provider k8s-1.36 k8s-1.36 1.38.0
	mkdir "$T/providers/go/kubernetes-1.38.0"
	unchanged 1 "providers/go/kubernetes-1.38.0: already exists, and no provider names it; remove it first" new_provider k8s-1.38 k8s-1.36 1.38.0
	sed -i 's/kubernetes-1.36.1//' "$T/providers/k8s-1.36/provider.ini"
	unchanged 2 "k8s-1.36 has no module kubernetes in [[]go] modules; it has: etcd" new_provider k8s-1.38 k8s-1.36 1.38.0
}

@test "outdated: each module, the newest patch and what else there is; 0 and 3" {
	run -3 outdated
	diff - <(echo "$output") <<-'END'
		k8s-1.36 kubernetes-1.36.1 1.36.10 is available: make bump PROVIDER=k8s-1.36 VERSION=1.36.10; there is also 1.38.0
		k8s-1.36 etcd-3.6.16 3.6.17 is available: make bump PROVIDER=k8s-1.36 MODULE=etcd VERSION=3.6.17; there is also 3.7.1
	END
	bump MODULE=etcd VERSION=3.7.1
	cp -R "$PROXY_DIR" proxy
	echo v1.36.1 > proxy/k8s.io/kubernetes/@v/list
	GOPROXY=file://$PWD/proxy run -0 outdated
	[ "$output" = $'k8s-1.36 kubernetes-1.36.1 is the newest\nk8s-1.36 etcd-3.7.1 is the newest' ]
}

@test "outdated: a proxy that refuses, or cannot be reached, is not up to date: exit 1; a list is asked for once" {
	serve "$PROXY_DIR" served
	cp -R "$T/providers/k8s-1.36" "$T/providers/k8s-1.36-b"
	cp -R "$PROXY_DIR" www
	rm -r www/k8s.io/kubernetes
	: > www/go.etcd.io/etcd/server/v3/@v/list
	GOPROXY=$U/there run -3 outdated
	[ "$(grep -c '/etcd/server/v3/@v/list ' served/log)" = 1 ]
	export PROVIDERS=k8s-1.36
	GOPROXY=file://$PWD/www run -1 outdated
	[[ ${lines[0]} == "k8s-1.36 kubernetes-1.36.1 k8s.io/kubernetes: the Go module proxy refuses it: "* ]]
	[[ ${lines[1]} == "k8s-1.36 etcd-3.6.16 go.etcd.io/etcd/server/v3: the Go module proxy lists no versions" ]]
	GOPROXY=http://127.0.0.1:1 run -1 outdated
	[[ ${lines[0]} == "k8s-1.36 kubernetes-1.36.1 k8s.io/kubernetes: the Go module proxy cannot be reached: "*127.0.0.1:1* ]]
	[[ $output != *newest* ]]
	GOPROXY=$U/missing run -1 outdated
	[[ ${lines[1]} == "k8s-1.36 etcd-3.6.16 go.etcd.io/etcd/server/v3: the Go module proxy refuses it: "*404* ]]
	# One cannot be asked, the other is behind: still 1.
	cp -R "$PROXY_DIR" proxy
	rm -r proxy/k8s.io/kubernetes
	GOPROXY=file://$PWD/proxy run -1 outdated
	[[ $output == *"3.6.17 is available"* ]]
}
