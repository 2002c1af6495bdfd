# Programs that are compiled in the builder, from Go modules and our own: `make check-e2e PROVIDER=k8s-1.36`, after e2e-k8s.bats has
# provisioned it.
load lib/common

setup() {
	PROVIDER=${PROVIDER:-k8s-1.20}
	source=$(cd "$TOP" && provconf -I providers -f sh "providers/$PROVIDER" | sed -n "s/^kubernetes_source=//p" | tr -d "'")
	[[ $source == go || $BATS_TEST_DESCRIPTION == "our tools"* ]] || skip "PROVIDER=$PROVIDER compiles no Go modules"
	[ "$(id -u)" = 0 ] || skip "stages want root"
	B=${B:-$TOP/build}
	USER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kubestamp
	builder=$(ls -dt "$B/$PROVIDER"/builder.*/stamp 2> /dev/null | head -n 1)
	[ -n "$builder" ] || skip "$PROVIDER is not provisioned"
	cd "$BATS_TEST_TMPDIR" || return
}

# stage_dir STAGE: the stage's directory of the current key.
stage_dir() { mk keys | awk -v s="$1" -v p="$B/$PROVIDER" '$2 == s { print p "/" s "." $1 }'; }

mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TOP" PROVIDER="$PROVIDER" B="$B" "$@" 3>&-; }

@test "crictl compiled again, from another build cache: the same bytes" {
	module=$(cd "$TOP/providers/go" && echo crictl-*)
	mkdir -p cache/go
	ln -s "$USER_CACHE/go/modules" cache/go/modules
	run -0 env TOP="$TOP" BIN="$BIN" KS_CACHE="$PWD/cache" IN_builder="${builder%/stamp}" OUT="$PWD" \
		bash -c '. "$TOP/mk/sh/stage/lib.sh"; . "$TOP/mk/sh/stage/go.sh"; go_programs "$1" "$OUT/programs"' sh "$module"
	[[ $output =~ "compiled $module in "[0-9]+" s, "[1-9][0-9]*" s of processor time" ]]
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

@test "our tools run in the runner, with its libraries" {
	tools=$(stage_dir tools) layout=$(stage_dir runner)/oci
	blob() { sed 's,:,/,' <<< "$1"; }
	manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
	mkdir tree
	for layer in $(jq -r '.layers[].digest' "$layout/blobs/$(blob "$manifest")"); do
		tar -C tree -xzpf "$layout/blobs/$(blob "$layer")" --numeric-owner --exclude='dev/*' --exclude='./dev/*'
	done
	[ "$(ls "$tools/bin" | paste -sd' ')" = "$(cd "$TOP/tools" && printf '%s\n' *.c preload/*.c | sed 's,^preload/\(.*\)\.c$,\1.so,; s/\.c$//' | sort | paste -sd' ')" ]
	run -0 "$TOP/mk/sh/stage/in-tree" tree "$tools/bin=/tools,ro" -- sh -c 'for tool in /tools/*; do
		case $tool in
		*.so) LD_PRELOAD=$tool true 2>&1 ;;
		*) "$tool" --version > out 2>&1 || { echo "$tool"; cat out; } ;;
		esac
	done'
	[ -z "$output" ]
	# The same that the image and the machine have.
	cmp "$tools/bin/vmstart" "$(stage_dir boot)/bin/vmstart"
}

@test "our tools compiled again, from no cache: the same bytes" {
	mkdir out
	run -0 env TOP="$TOP" BIN="$BIN" KS_CACHE="$PWD/cache" IN_builder="$(stage_dir builder)" OUT="$PWD/out" builder_tools=builder \
		"$TOP/providers/base/stage/tools"
	diff -r out/bin "$(stage_dir tools)/bin"
}
