# Programs that a provider compiles from Go modules: `make check-e2e PROVIDER=k8s-1.36`, after e2e-k8s.bats has provisioned it.
load lib/common

setup() {
	PROVIDER=${PROVIDER:-k8s-1.20}
	source=$(cd "$TOP" && provconf -I providers -f sh "providers/$PROVIDER" | sed -n "s/^kubernetes_source=//p" | tr -d "'")
	[ "$source" = go ] || skip "PROVIDER=$PROVIDER compiles no Go modules"
	[ "$(id -u)" = 0 ] || skip "stages want root"
	B=${B:-$TOP/build}
	USER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kubestamp
	builder=$(ls -dt "$B/$PROVIDER"/builder.*/stamp 2> /dev/null | head -n 1)
	[ -n "$builder" ] || skip "$PROVIDER is not provisioned"
	cd "$BATS_TEST_TMPDIR" || return
}

mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TOP" PROVIDER="$PROVIDER" B="$B" "$@" 3>&-; }

@test "crictl compiled again, from another build cache: the same bytes" {
	module=$(cd "$TOP/providers/go" && echo crictl-*)
	mkdir -p cache/go
	ln -s "$USER_CACHE/go/modules" cache/go/modules
	env TOP="$TOP" BIN="$BIN" KS_CACHE="$PWD/cache" IN_builder="${builder%/stamp}" OUT="$PWD" \
		bash -c '. "$TOP/mk/sh/stage/lib.sh"; . "$TOP/mk/sh/stage/go.sh"; go_programs "$1" "$OUT/programs"' sh "$module"
	run -0 sh -c 'cmp "$1"/crictl programs/crictl' sh "$(echo "$USER_CACHE/go/programs/$module".????????????????????????????????/bin)"
	run -0 programs/crictl --version
	[ "$output" = "crictl version v${module#crictl-}" ]
}

@test "with the programs in the user's cache, the network is not needed" {
	key=$(mk keys | awk '$2 == "sources" { print $1 }')
	stamp=$B/$PROVIDER/sources.$key/stamp
	rm "$stamp"
	run -0 unshare -n make -C "$TOP" PROVIDER="$PROVIDER" B="$B" keys "$stamp"
	[[ $output == *"sources done"* ]]
	run ! grep -q 'compiling' "${stamp%/stamp}/log"
}
