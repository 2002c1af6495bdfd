# The stage sources of source = go: what is compiled from a module (mk/sh/stage/go-build), what is generated for it before
# (mk/sh/stage/go-generate), and why it fails, in one line (go_reason of mk/sh/common/go.sh). This machine's go stands for the builder's; the modules come from a proxy of the test's own.
load lib/common
load lib/goproxy

setup() {
	command -v go > /dev/null || skip "go is not installed"
	cd "$BATS_TEST_TMPDIR" || return
	export TOP BIN
	export GOMODCACHE=$PWD/modules GOCACHE=$BATS_FILE_TMPDIR/cache GOPROXY=file://$PWD/proxy GOSUMDB=off GOFLAGS='' GOTOOLCHAIN=local CGO_ENABLED=0
	unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
	# Made by hand, as a proxy serves it: https://go.dev/ref/mod#goproxy-protocol
	mkdir -p "proxy/example.test/hello/@v" "zip/example.test/hello@v1.0.0/cmd/hello" source out
	printf 'module example.test/hello\n\ngo 1.19\n' | tee "zip/example.test/hello@v1.0.0/go.mod" > "proxy/example.test/hello/@v/v1.0.0.mod"
	printf '{"Version":"v1.0.0"}' > "proxy/example.test/hello/@v/v1.0.0.info"
	program 'hello'
	mkdir -p source/own
	printf 'module kubestamp/hello\n\ngo 1.19\n\nrequire example.test/hello v1.0.0\n' > source/go.mod
	printf 'package main\n\nimport _ "example.test/hello/text"\n\nfunc main() {}\n' > source/own/main.go
	# What this module needs is recorded, as `go mod tidy` does for one of ours.
	(cd source && go mod download -json example.test/hello 2> /dev/null | jq -r '"\(.Path) \(.Version) \(.Sum)\n\(.Path) \(.Version)/go.mod \(.GoModSum)"' > go.sum)
}

teardown() { end_kept; }

# program WORD: what the module's program prints, in the zip that the proxy has.
program() {
	local dir=zip/example.test/hello@v1.0.0
	mkdir -p "$dir/text"
	printf 'package main\n\nimport "example.test/hello/text"\n\nvar version = "none"\n\nfunc main() { println(text.Word, version) }\n' > "$dir/cmd/hello/main.go"
	printf 'package text\n\nconst Word = "%s"\n' "$1" > "$dir/text/text.go"
	rm -f proxy/example.test/hello/@v/v1.0.0.zip
	(cd zip && find . -type f | perl -MIO::Compress::Zip=zip -e 'chomp(@f = <STDIN>); s,^\./,, for @f; zip(\@f => $ARGV[0]) or die' \
		../proxy/example.test/hello/@v/v1.0.0.zip)
}

build() { "$TOP/mk/sh/stage/go-build" source "$PWD/${OUT_DIR:-out}" '' "${FLAGS:-}" hello=example.test/hello/cmd/hello other=./own > log 2>&1; }

# reason: why the last build failed.
reason() {
	bash -c '. "$TOP/mk/sh/common/go.sh"; go_reason "$(cat log)"'
}

@test "programs have the names that module.ini gives them, and the variables" {
	FLAGS='-X main.version=v7' build
	[ "$(ls out | paste -sd ' ')" = "hello other" ]
	run -0 out/hello
	[ "$output" = "hello v7" ]
}

@test "compiled again, from other caches and another directory, they are the same bytes" {
	build
	chmod -R u+w modules
	rm -rf modules
	mkdir elsewhere
	mv source elsewhere/
	cd elsewhere
	mkdir out
	GOMODCACHE=$PWD/modules GOCACHE=$PWD/cache build
	cmp out/hello ../out/hello
	cmp out/other ../out/other
}

@test "the modules' cache suffices, without a proxy" {
	build
	rm -rf out/*
	GOPROXY=off build
	[ -x out/hello ]
}

@test "a module whose contents differ from go.sum" {
	chmod -R u+w modules
	rm -rf modules
	program 'something else'
	run ! build
	run -0 reason
	[[ $output == "the contents differ from the digest: "*example.test/hello@v1.0.0* ]]
}

@test "a module that the proxy does not have, or refuses" {
	chmod -R u+w modules
	rm -rf modules proxy/example.test/hello/@v/v1.0.0.*
	run ! build
	run -0 reason
	[[ $output == *example.test/hello*v1.0.0* ]]
	mkdir web
	serve "$PWD/web" "$PWD/state"
	GOPROXY=$U/there run ! build
	run -0 reason
	[[ $output == "the Go module proxy refuses it: "*example.test/hello*404* ]]
}

@test "a proxy that cannot be reached" {
	chmod -R u+w modules
	rm -rf modules
	GOPROXY=http://127.0.0.1:$(free_port) run ! build
	run -0 reason
	[[ $output == "the Go module proxy cannot be reached: "*"connection refused"* ]]
}

@test "a version of Go that cannot be had" {
	GOTOOLCHAIN=go1.99.9 run ! build
	run -0 reason
	[[ $output == "this version of Go cannot be obtained: "*go1.99.9* ]]
}

# api_modules EXCEPTIONS: publish a module with a generated package that is missing, as k8s.io/kubernetes 1.22 has it: a program
# prints what was generated. Of its types, some are in a module that it replaces by a directory. The generator lists the
# packages that it is given, and reports one violation.
api_modules() {
	export PROXY_DIR=$PWD/proxy
	rm -rf proxy/example.test/api proxy/example.test/types proxy/example.test/other proxy/k8s.io source
	mkdir -p mod/{v1,v2,v3} source
	printf 'module example.test/types\n\ngo 1.19\n' > mod/go.mod
	printf '// +k8s:openapi-gen=true\n\npackage v1\n' > mod/v1/types.go
	printf '// +k8s:openapi-gen=true\n\npackage v2\n' > mod/v2/types.go
	printf 'package v3\n' > mod/v3/types.go
	go_publish example.test/types v0.1.0
	mkdir mod
	printf 'module example.test/other\n\ngo 1.19\n' > mod/go.mod
	printf '// +k8s:openapi-gen=true\n\npackage other\n' > mod/other.go
	go_publish example.test/other v1.0.0
	mkdir -p mod/{cmd/server,pkg/{own,generated/openapi},api/api-rules}
	printf 'module example.test/api\n\ngo 1.19\n\nrequire (\n\t%s\n\t%s\n)\n\nreplace %s\n' 'example.test/types v0.0.0' 'example.test/other v1.0.0' \
		'example.test/types => ./staging/src/example.test/types' > mod/go.mod
	printf 'package openapi\n' > mod/pkg/generated/openapi/doc.go
	printf '// +k8s:openapi-gen=true\n\npackage own\n' > mod/pkg/own/types.go
	printf '%s\n' "$1" > mod/api/api-rules/violation_exceptions.list
	cat > mod/cmd/server/main.go <<-'END'
		package main

		import (
			"example.test/api/pkg/generated/openapi"
			_ "example.test/other"
			_ "example.test/types/v1"
		)

		func main() { print(openapi.Packages) }
	END
	go_publish example.test/api v1.0.0
	mkdir -p mod/cmd/openapi-gen
	printf 'module k8s.io/kube-openapi\n\ngo 1.19\n' > mod/go.mod
	cat > mod/cmd/openapi-gen/main.go <<-'END'
		package main

		import (
			"flag"
			"os"
		)

		func main() {
			packages := flag.String("input-dirs", "", "")
			base := flag.String("output-base", "", "")
			pkg := flag.String("output-package", "", "")
			file := flag.String("output-file-base", "", "")
			report := flag.String("report-filename", "", "")
			flag.String("go-header-file", "", "")
			flag.Parse()
			dir := *base + "/" + *pkg
			// The real one finds no package then, and says nothing.
			if os.Getenv("GOROOT") == "" {
				*packages = ""
			}
			if os.MkdirAll(dir, 0o755) != nil ||
				os.WriteFile(dir+"/"+*file+".go", []byte("package openapi\n\nconst Packages = `"+*packages+"`\n"), 0o644) != nil ||
				os.WriteFile(*report, []byte("API rule violation: names_match\n"), 0o644) != nil {
				os.Exit(1)
			}
		}
	END
	go_publish k8s.io/kube-openapi v1.0.0
	printf 'module kubestamp/api\n\ngo 1.19\n\nrequire (\n\texample.test/api v1.0.0\n\tk8s.io/kube-openapi v1.0.0\n)\n\nreplace %s\n' \
		'example.test/types => example.test/types v0.1.0' > source/go.mod
	printf '//go:build tools\n\npackage tools\n\nimport (\n\t_ "example.test/api/cmd/server"\n\t_ "k8s.io/kube-openapi/cmd/openapi-gen"\n)\n' > source/tools.go
	(cd source && go mod tidy 2> /dev/null)
}

generate() { "$TOP/mk/sh/stage/go-generate" "${1:-openapi}" source example.test/api '' example.test/api/cmd/server > log 2>&1; }

@test "generate = openapi: of all packages that ask for it, in the module and its repository's other ones" {
	api_modules 'API rule violation: names_match'
	generate
	[[ $(cat log) == *"generating the OpenAPI definitions of 3 packages"* ]]
	"$TOP/mk/sh/stage/go-build" source "$PWD/out" '' '' server=example.test/api/cmd/server
	run -0 out/server
	[ "$output" = example.test/api/pkg/own,example.test/types/v1,example.test/types/v2 ]
	# From another directory, without a proxy: the same bytes.
	mkdir -p elsewhere/out
	api_modules 'API rule violation: names_match'
	mv source elsewhere/
	cd elsewhere
	GOPROXY=off generate
	"$TOP/mk/sh/stage/go-build" source "$PWD/out" '' '' server=example.test/api/cmd/server
	cmp out/server ../out/server
}

@test "generate = openapi: violations of the API's rules that are not the module's exceptions" {
	api_modules 'API rule violation: list_type_missing'
	run ! generate
	run -0 reason
	[[ $output == "generating source failed: "*"go-generate: openapi-gen's report differs from api/api-rules/violation_exceptions.list: < API rule violation: names_match > API rule violation: list_type_missing" ]]
	run ! generate swagger
	run -0 reason
	[[ $output == "generating source failed: "*"'swagger'"* ]]
}

@test "no space left" {
	[ "$(id -u)" = 0 ] || skip "mounting wants root"
	FLAGS='-X main.version=v7' build
	mkdir small
	unshare -m --propagation private sh -c 'mount -t tmpfs -o size=64k tmpfs small && rm -rf out && ln -s small out && "$@"' \
		sh env OUT_DIR=out bash -c "$(declare -f build); build" && false
	run -0 reason
	[[ $output == "no space left: "* ]]
}

@test "module.ini: an unknown key, a missing key or a missing module stops make before it builds" {
	mkdir -p providers/go/hello-1.0.0 providers/own
	ln -s "$TOP/mk" mk
	printf '%s\n' '[provider]' 'description = own' '[debian]' 'suite = trixie' '[node]' 'memory = 1G' 'cpus = 1' 'disk = 1G' \
		'[kubernetes]' 'version = 1.22.17' 'source = go' 'kubeadm_api = v1beta3' \
		'dns = coredns' '[images]' 'repository = r.example' 'pause = 3.5' 'etcd = 3.5.6-0' 'coredns = v1.8.4' '[go]' 'modules = hello-1.0.0' > providers/own/provider.ini
	echo 'PROVIDER_DIRS := providers/own' > keys.mk
	check() { TOP=$PWD PROVIDER=own KS_CACHE=/cache mk/sh/stage/pinned keys.mk; }
	rmdir providers/go/hello-1.0.0
	run -1 check
	[[ $output == *"hello-1.0.0: there is no providers/go/hello-1.0.0/module.ini"* ]]
	mkdir providers/go/hello-1.0.0
	printf '[module]\npath = example.test/hello\ngo = 1.19\nprogram = hello\n' > providers/go/hello-1.0.0/module.ini
	run -2 check
	[ "$output" = "provconf: providers/go/hello-1.0.0/module.ini:4: module.program: unknown key (did you mean 'programs'?)" ]
	sed -i /^program/d providers/go/hello-1.0.0/module.ini
	run -2 check
	[ "$output" = "provconf: providers/go/hello-1.0.0/module.ini: module.programs: is not set" ]
	echo 'programs = hello=example.test/hello/cmd/hello' >> providers/go/hello-1.0.0/module.ini
	check
	# What the node has does not fit its Kubernetes.
	sed -i 's/v1beta3/v1beta4/' providers/own/provider.ini
	run -1 check
	[ "$output" = "upstream: own: kubeadm 1.22 needs kubeadm_api = v1beta3, not v1beta4" ]
	sed -i 's/v1beta4/v1beta3/' providers/own/provider.ini
	echo 'generate = swagger' >> providers/go/hello-1.0.0/module.ini
	run -2 check
	[[ $output == "provconf: providers/go/hello-1.0.0/module.ini:5: module.generate: "*openapi* ]]
	sed -i 's/^generate = .*/generate = openapi/' providers/go/hello-1.0.0/module.ini
	check
}

@test "the digest of a module's programs: what generates source is part of it, if anything is generated" {
	local plain generated
	mkdir -p providers/go/hello-1.0.0
	cp -R "$TOP/mk" mk
	printf '[module]\npath = example.test/hello\ngo = 1.19\nprograms = hello=./hello\n' > providers/go/hello-1.0.0/module.ini
	id() { env TOP="$PWD" KS_CACHE=/cache bash -c '. "$TOP/mk/sh/stage/go.sh"; go_id "$1"' sh hello-1.0.0; }
	plain=$(id)
	echo '# changed' >> mk/sh/stage/go-generate
	[ "$(id)" = "$plain" ]
	echo 'generate = openapi' >> providers/go/hello-1.0.0/module.ini
	generated=$(id)
	[ "$generated" != "$plain" ]
	echo '# changed' >> mk/sh/stage/go-generate
	[ "$(id)" != "$generated" ]
}

# go_sh COMMAND...: run it with the functions of mk/sh/stage/go.sh.
go_sh() { env KS_CACHE=/cache bash -c '. "$TOP/mk/sh/stage/go.sh"; "$@"' sh "$@"; }

@test "the user's settings that reach the builder: quoted, and without GOSUMDB=off" {
	unset GOSUMDB
	export GOPROXY="http://user:p w'\$x@proxy.example,direct" GONOSUMDB=a.example GOFLAGS=-mod=vendor
	run -0 go_sh go_network
	[ "${#lines[@]}" = 2 ]
	(
		unset GOPROXY GONOSUMDB
		eval "$output"
		[ "$GOPROXY,$GONOSUMDB" = "http://user:p w'\$x@proxy.example,direct,a.example" ]
	)
	GOSUMDB=off run -0 go_sh go_network
	[[ $output != *GOSUMDB=* ]]
	GOSUMDB=sum.example run -0 go_sh go_network
	[[ $output == *GOSUMDB=sum.example* ]]
}

@test "what go says, in one line" {
	reason() { [[ "$(go_sh go_reason "$2")" == "$1: $2" ]] || { go_sh go_reason "$2"; return 1; }; }
	reason 'the Go module proxy cannot be reached' 'go: a.example/b@v1.0.0: Get "http://p.example/x": EOF'
	reason 'the Go module proxy cannot be reached' 'Get "http://p.example/x": net/http: timeout awaiting response headers'
	reason 'a module in the cache is damaged; remove it' 'go: a.example/b@v1.0.0: zip: not a valid zip file'
	reason 'GOPROXY is not valid' 'go: invalid proxy URL: foo'
	# A compiler's words are not a network's.
	reason 'go failed' 'a/timeout.go:12: undefined: io.EOF'
}

@test "a version with a suffix, in the programs' variables" {
	mkdir -p providers/go/hello-1.38.0-rc.1
	cp -R "$TOP/mk" mk
	printf '[module]\npath = example.test/hello\ngo = 1.19\nprograms = hello=./hello\nvariables = a.v=v@version@ a.m=@minor@\n' > providers/go/hello-1.38.0-rc.1/module.ini
	[ "$(TOP=$PWD go_sh go_variables hello-1.38.0-rc.1)" = "-X a.v=v1.38.0-rc.1 -X a.m=38" ]
}

@test "every module here is complete, pinned, and used by a provider" {
	for dir in "$TOP"/providers/go/*/; do
		dir=${dir%/}
		"$BIN/provconf" --module --check "$dir"
		path=$("$BIN/provconf" --module --get module.path "$dir")
		grep -qE "^(require )?[[:blank:]]*$path v${dir##*-}( |$)" "$dir/go.mod"
		grep -q "^$path v${dir##*-} h1:" "$dir/go.sum"
		grep -qw "${dir##*/}" "$TOP"/providers/*/provider.ini
	done
}
