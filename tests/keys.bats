# The keys of a real provider: an edit changes the keys of exactly those stages whose results it can change.
load lib/common

# A copy of the checkout, with the compiled tools.
setup_file() {
	export COPY=$BATS_FILE_TMPDIR/top
	mkdir -p "$COPY/build${SAN:+/san}"
	cp -a "$TOP"/{GNUmakefile,mk,tools,providers,manifests,tests,README.md} "$COPY/"
	cp -a "$TB"/{obj,debug,bin} "$COPY/build${SAN:+/san}/"
}

mk() { env -C "$COPY" -u B -u TB -u BIN -u TOP make -s PROVIDER="${P:-k8s-1.20}" "$@"; }

# moves STAGES FILE TEXT [MAKE-VARIABLE...]: TEXT at the end of FILE, with $at_top before its first line, changes the keys of
# exactly STAGES. FILE is restored.
moves() {
	local before after
	before=$(mk keys)
	cp -a "$COPY/$2" "$BATS_TEST_TMPDIR/kept"
	if [ -n "${at_top:-}" ]; then sed -i "1i $3" "$COPY/$2"; else printf '%s\n' "$3" >> "$COPY/$2"; fi
	after=$(mk keys "${@:4}")
	cp -a "$BATS_TEST_TMPDIR/kept" "$COPY/$2"
	after=$(diff <(echo "$before") <(echo "$after") | sed -n 's/^> [0-9a-f]* //p' | paste -sd' ') || true
	[ "$after" = "$1" ] || { echo "$2: not '$1' but '$after'"; return 1; }
}

all="builder tools runner rootfs sources images disk layers boot node cluster manifests ready seal image check"
compiled="tools rootfs sources images disk layers boot node cluster manifests ready seal image check"
live="boot node cluster manifests ready seal image check"

@test "scripts: each is part of the keys of the stages that run it" {
	moves "$all" mk/sh/stage/lib.sh :
	moves "$all" mk/sh/stage/debian.sh :
	moves "$compiled" mk/sh/stage/builder.sh :
	moves "$compiled" mk/sh/stage/in-tree :
	moves "$live" mk/sh/cluster/cluster.sh :
	moves "$live" mk/sh/cluster/kube-pki :
	moves "$live" mk/sh/cluster/run/network :
	moves "check" mk/sh/cluster/cluster-up :
	moves "" mk/sh/registry/publish :
	moves "" mk/sh/dev/check :
	moves "" README.md more
}

@test "files of a provider" {
	moves "manifests ready seal image check" manifests/storage.yaml '# more'
	moves "cluster manifests ready seal image check" providers/kubernetes/templates/volume.yaml '# more'
	moves "manifests ready seal image check" providers/kubernetes/templates/registry.yaml '# more'
	moves "" providers/kubernetes/templates/join.yaml '# more'
	moves "seal image check" providers/kubernetes/seal/before :
	moves "disk layers $live" providers/kubernetes/disk.d/kubernetes :
	moves "rootfs disk layers $live" providers/base/rootfs.d/finish :
	moves "check" providers/kubernetes/check :
	moves "sources images disk layers $live" providers/k8s-1.20/compile :
}

@test "the builder: what is compiled in it, or runs what was; not the runner" {
	moves "builder $compiled" providers/k8s-1.20/provider.ini $'[builder]\npackages += strace'
	moves "tools rootfs images disk layers $live" providers/k8s-1.20/provider.ini $'[builder]\ntools = host'
}

@test "a provider's hooks and inherited ones with the same names: all of them are run, and are part of the keys" {
	local own=$COPY/providers/k8s-1.20 hook
	for hook in rootfs.d/finish disk.d/kubernetes node/setup node/seal seal/before check; do
		mkdir -p "$(dirname "$own/$hook")" "$(dirname "$COPY/providers/kubernetes/$hook")"
		printf '#!/bin/bash\n' | tee "$own/$hook" >> "$COPY/providers/kubernetes/$hook"
	done
	moves "rootfs disk layers $live" providers/base/rootfs.d/finish :
	moves "disk layers $live" providers/kubernetes/disk.d/kubernetes :
	moves "node cluster manifests ready seal image check" providers/kubernetes/node/setup :
	moves "seal image check" providers/kubernetes/node/seal :
	moves "seal image check" providers/kubernetes/seal/before :
	moves "check" providers/kubernetes/check :
	moves "check" providers/k8s-1.20/check :
	rm -r "$own"/{rootfs.d,disk.d,node,seal,check} "$COPY/providers/kubernetes/node"
}

@test "tools: a program is part of the keys of the stages that run or install it; a comment changes no key" {
	moves "" tools/renew.c '/* a comment */'
	# At the top: every line after it has another number, in the debug information too.
	at_top=yes moves "" tools/renew.c '/* a comment */'
	at_top=yes moves "" tools/lib/base/words.c '/* a comment */'
	at_top=yes moves "" tools/preload/ramholes.c '/* a comment */'
	moves "tools rootfs disk layers $live" tools/renew.c 'const char one_more[] = "text"; const char *more(void); const char *more(void) { return one_more; }'
	moves "tools images disk layers $live" tools/kubehosts.c 'const char one_more[] = "text"; const char *more(void); const char *more(void) { return one_more; }'
	moves "tools $live" tools/vmstart.c 'const char one_more[] = "text"; const char *more(void); const char *more(void) { return one_more; }'
	moves "tools $live" tools/preload/ramholes.c 'const char one_more[] = "text"; const char *more(void); const char *more(void) { return one_more; }'
	moves "tools image check" tools/vmpause.c 'const char one_more[] = "text"; const char *more(void); const char *more(void) { return one_more; }'
}

@test "the compiler's options change the keys" {
	mk keys > "$BATS_TEST_TMPDIR/before"
	rm -rf "$COPY"/build/{obj,debug,bin,san}
	mk CFLAGS=-O1 tools
	mk CFLAGS=-O1 keys > "$BATS_TEST_TMPDIR/after"
	run -1 diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	[ "$(sed -n 's/^> [0-9a-f]* //p' <<< "$output" | head -n 3 | paste -sd' ')" = "tools runner rootfs" ]
}

@test "a stage with a dash in its name: its script gets the values in its key, and the directories of such stages" {
	local dir=$COPY/tests/providers/dash
	mkdir -p "$dir/stage"
	cat > "$dir/provider.ini" <<-'END'
		[provider]
		description = dashes
		[debian]
		suite = bookworm
		[node]
		memory = 1G
		cpus = 2
		disk = 10G
		[stage my-x]
		sections = node.cpus
		[stage image]
		needs = my-x
		sections = debian
	END
	printf '#!/bin/bash\necho "$node_cpus $debian_suite ${node_memory-none}:$CONF_NAMES"\n' > "$dir/stage/image"
	cp "$dir/stage/image" "$dir/stage/my-x"
	chmod +x "$dir/stage"/*
	# The recipe sets a variable whose name is valid in a shell.
	P=dash run -0 mk -n provision
	[[ $output == *" IN_my_x=$COPY/build"*"/dash/my-x."* ]]
	[[ $output != *IN_my-x* ]]
	cd "$COPY" || return
	node_memory=9G TOP=$COPY PROVIDER_DIRS=tests/providers/dash run -0 mk/sh/stage/stage-script image tests/providers/dash/stage/image
	[ "$output" = "2 bookworm none:debian_suite node_cpus" ]
}
