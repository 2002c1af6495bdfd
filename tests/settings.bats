# The settings of a cluster: from make's variables to the file that everything else reads, and the format of such files.
load lib/common
load lib/settings

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	OWN=$PWD/build
	mkdir -p bin build/clusters home
}

# mk ARG...: run make in the checkout, with a build directory of the test's own.
mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u TB -u BIN -u P -u PROVIDER PATH="$PWD/bin:$PATH" XDG_CACHE_HOME="$PWD/cache" \
		make -s -C "$TOP" B="$OWN" BIN="$BIN" TOOLS='' SAN= "$@" 3>&-
}

# cluster NAME: create a cluster's files, with a kubectl that prints its arguments, and exits with 7 if one is "seven".
cluster() {
	mkdir -p "build/clusters/$1/share/bin"
	printf '%s\n' "CLUSTER=$1" PROVIDER=mini ENGINE=podman ACCEL=tcg NODES=2 'MEMORY=700M  # command line' kubernetes_version=1.20.2 > "build/clusters/$1/conf"
	cat > "build/clusters/$1/share/bin/kubectl" <<-'END'
		#!/bin/bash
		for word; do printf '<%s>' "$word"; done
		echo
		[[ " $* " != *" seven "* ]] || exit 7
	END
	chmod +x "build/clusters/$1/share/bin/kubectl"
}

# setting NAME: value and origin, as cluster-show prints them in $output.
setting() { sed -nE "s/^$1 +([^ ]+) +(.*)/\1 \2/p" <<< "$output"; }

@test "a settings file: what was written is read back, lists too; a failed write leaves the old file" {
	libs conf
	# shellcheck disable=SC2016
	text="it's \$HOME \`id\` \"x\" # y;&|<>()\\" plain=a/b:1,2 empty='' list=(one 'two words' "it's" '') none=()
	conf_write f.conf text plain empty list none unset
	grep -qx 'plain=a/b:1,2' f.conf
	grep -qxF "list=(one 'two words' 'it'\\''s' '')" f.conf
	(
		wanted=$text
		unset text plain empty list none
		conf_read f.conf
		[ "$text" = "$wanted" ] && [ "$plain" = a/b:1,2 ] && [ -z "$empty" ] && [ "${#none[@]}" = 0 ]
		[ "${#list[@]}" = 4 ] && [ "${list[1]}" = 'two words' ] && [ "${list[2]}" = "it's" ]
	)
	[ "$(conf_get f.conf text)" = "$text" ]
	[ -z "$(conf_get f.conf nothing)" ]
	text=$'a\nb'
	run ! conf_write f.conf text
	[[ $output == *"more than one line"* ]]
	grep -q '^plain=' f.conf
	[ "$(ls)" = $'bin\nbuild\nf.conf\nhome' ]
}

@test "a settings file: those of earlier versions can be read" {
	libs conf
	# shellcheck disable=SC2016
	value='a b;c$d(e)'
	printf 'IMAGE=%q\nMEMORY=%q\nkubernetes_version=%q\n' "$value" '' 1.20.2 > old.conf
	conf_read old.conf
	[ "$IMAGE" = "$value" ]
	[ -z "$MEMORY" ]
	[ "$kubernetes_version" = 1.20.2 ]
}

@test "a settings file: no command in it is run" {
	local line
	libs conf
	for line in 'A=$(touch ran)' 'A=`touch ran`' 'touch ran' 'A=x touch ran' "A='x' touch ran" 'A=x;touch ran' 'A=(x $(touch ran))' \
		'A=x&touch ran' 'A=<(touch ran)' 'A[$(touch ran)]=1' 'A="$(touch ran)"' '. ./x'; do
		printf 'B=1\n%s\n' "$line" > bad.conf
		run -1 conf_read bad.conf
		[ "$output" = "error: bad.conf:2: not a setting: $line" ]
		[ ! -e ran ]
	done
}

@test "the user's values reach scripts unchanged, and only the scripts that need them" {
	local wild='a'\''b $HOME $(shell touch '"$PWD"'/ran) `touch ran` "q" $$x' probe=$PWD/probe.mk
	printf 'settings:\n\t@$(with-settings) printf "%%s\\n" "$$CMD" "$$TAG" "$$CLUSTER" "$$IMAGE_FROM"\nnone:\n\t@echo "$${CMD:-}$${STATES:-}$${CLUSTER:-}$${FOCUS:-}"\n' > "$probe"
	run -0 mk -f GNUmakefile -f "$probe" settings CMD="$wild" TAG="$wild" PROVIDER=mini IMAGE=h/x
	[ "$output" = "$wild"$'\n'"$wild"$'\nmini\nh/x' ]
	CMD=$wild TAG=$wild run -0 mk -f GNUmakefile -f "$probe" settings
	[ "${lines[0]}" = "$wild" ]
	[ "${lines[1]}" = "$wild" ]
	run -0 env -u CLUSTER -u STATES "$(command -v make)" -s -C "$TOP" B="$OWN" -f GNUmakefile -f "$probe" none FOCUS="$wild"
	[ -z "$output" ]
	[ ! -e ran ]
}

@test "kubectl: a shell splits ARGS, and make exits with kubectl's own code" {
	cluster c
	run -0 mk kubectl CLUSTER=c ARGS="get 'a b' \"\$(echo \$((1 + 1)))\""
	[ "$output" = "<--kubeconfig><$OWN/clusters/c/kubeconfig><get><a b><2>" ]
	[ -e /usr/include/gnumake.h ] || skip "make cannot load modules here"
	mk "$BIN/become.so"
	run -7 mk kubectl CLUSTER=c ARGS="seven 'a b'"
	[ "${lines[0]}" = "<--kubeconfig><$OWN/clusters/c/kubeconfig><seven><a b>" ]
}

@test "cluster-show without a cluster: what cluster-up would use, and where each value comes from" {
	KUBEVIRT_NUM_NODES=3 DISK=30G run -0 mk cluster-show PROVIDER=mini CPUS=4 RESUME=never
	[[ ${lines[0]} == "# There is no cluster mini; "* ]]
	[ "$(setting CPUS)" = "4 command line" ]
	[ "$(setting DISK)" = "30G environment" ]
	[ "$(setting NODES)" = "3 environment (KUBEVIRT_NUM_NODES)" ]
	[ "$(setting NICS)" = "0 default" ]
	[ "$(setting RESUME)" = "never command line" ]
	[ "$(setting PROVIDER)" = "mini command line" ]
	[[ $(setting MEMORY) =~ ^[0-9]+M\ (tests/)?providers/(mini|base)/provider.ini:[0-9]+$ ]]
	run -0 mk cluster-show IMAGE=h.invalid/x PROVIDER=mini
	[ "$(setting MEMORY)" = "- the image" ]
	[[ $(setting IMAGE) == "h.invalid/x "* ]]
}

@test "cluster-show with a cluster: the settings in its file" {
	cluster c
	run -0 mk cluster-show CLUSTER=c NODES=9 MEMORY=1G
	[ "$(setting MEMORY)" = "700M command line" ]
	grep -qE '^NODES +2 *$' <<< "$output"
}

@test "an invalid value: exit 2 and one line with its name, before anything is done" {
	local wrong
	for wrong in "${wrong_settings[@]}"; do
		run -2 env TOP="$TOP" BIN="$BIN" B="$OWN" P="$OWN/p" PROVIDER=mini CLUSTER=c NODES=1 "$wrong" "$TOP/mk/sh/cluster/cluster-up"
		[ "${#lines[@]}" = 1 ]
		[[ $output == "error: ${wrong%%=*}=${wrong#*=}: "* ]]
		[ ! -e build/clusters/c.lock ]
	done
	[[ $(mk cluster-show NODES=x 2>&1) == "error: NODES=x: must be a number from 1 to 99"* ]]
}

@test "a name of a cluster that is none: exit 2 from every goal that takes one, before anything is done" {
	local goal name
	cluster c
	mkdir -p build/x
	# shellcheck disable=SC2016
	for name in '' . .. ../x ../../build/x c/../c 'c d' C "c'; touch PWNED; '" '$(touch PWNED)' '`touch PWNED`' '-c'; do
		for goal in cluster-up cluster-down stop start kubectl ssh console logs status ports env cluster-show image-push image-load conformance \
			cluster-save cluster-restore cluster-saves cluster-save-delete cluster-pause cluster-unpause; do
			# NAME is for the saved clusters, IMG for the images.
			run -2 --separate-stderr mk "$goal" CLUSTER="$name" PROVIDER=mini NAME=n IMG=i
			[ -z "$output" ]
			[[ $stderr == *"error: CLUSTER=$name: must be lower-case letters, digits, '.' and '-' only"* ]] ||
				{ echo "$goal '$name': $stderr"; return 1; }
		done
	done
	[ -e build/clusters/c/conf ]
	[ -d build/x ]
	run ! compgen -G 'build/mini/*/stamp'
	[ -z "$(find . "$TOP" -maxdepth 1 -name PWNED)" ]
}

# engine: make a podman whose containers are files in ./containers, and whose image has the directory ./share. It records its
# arguments in ./calls.
engine() {
	mkdir -p containers share/bin tools
	cat > bin/podman <<-END
		#!/bin/bash
		cd "$PWD"
		echo "\$*" >> calls
		case "\$1" in
		image) echo 'sha256:1234 <no value>' ;;
		create) echo unpack ;;
		cp) cp -R share "\$3" ;;
		rm) rm -f "containers/\${*: -1}" ;;
		run)
			while [ "\$1" != --name ]; do shift; done
			[ "\${FAILS:-}" != "\${2#*-}" ] || { echo "\$2: cannot start" >&2; exit 125; }
			touch "containers/\$2"
			;;
		port) printf '%s/tcp -> 127.0.0.1:%s\n' 5000 40000 2201 40001 2202 40002 ;;
		ps) ls containers ;;
		inspect)
			# After the format comes a container's name.
			case "\$*" in
			*directory*) cat directory 2> /dev/null || echo "$OWN/clusters/c" ;;
			*) [ -e "containers/\${*: -1}" ] && [ ! -e "containers/\${*: -1}.ended" ] && echo true ;;
			esac
			;;
		logs) ;;
		*) exit 1 ;;
		esac
	END
	chmod +x bin/podman
	printf '%s\n' ENGINE=podman 'engine=(podman)' 'engine_run=()' > build/engine-auto.conf
	printf '%s\n' node_memory=64M node_cpus=1 node_disk=1G "network_address='192.168.66.2/24'" kubernetes_version= > share/provider.conf
	ln -s "$BIN"/* tools/
	rm tools/waitssh
	printf '#!/bin/bash\necho "$*" >> "%s/waited"\n' "$PWD" > tools/waitssh
	chmod +x tools/waitssh
}
# up [VAR=VALUE...]: run cluster-up as make does.
up() {
	env PATH="$PWD/bin:$PATH" TOP="$TOP" BIN="$PWD/tools" B="$OWN" P="$OWN/mini" KS_CACHE="$PWD/cache" PROVIDER=mini CLUSTER=c NODES=2 RESUME=never \
		SUDO_UID= "$@" "$TOP/mk/sh/cluster/cluster-up" 3>&-
}

@test "cluster-up: boots with its settings and writes them to a file, which the other commands read" {
	engine
	run -0 up CPUS=3 SETTINGS_FROM_COMMAND_LINE=CPUS
	[[ $output == *"2 node(s) with 64M and 3 CPUs each, "*"The cluster c is running: 2 node(s)"* ]]
	grep -q -- '--name c-node02 .*-e MEMORY=64M -e CPUS=3 -e DISK=1G -e NICS=0 ' calls
	grep -q -- '--name c-node02 .*/run/node 2$' calls
	[[ $(< waited) == *"127.0.0.1:40001 127.0.0.1:40002" ]]
	grep -qxE 'CPUS=3 +# command line' build/clusters/c/conf
	grep -qxE 'MEMORY=64M +# image' build/clusters/c/conf
	grep -qxE 'ENGINE=podman +# detected' build/clusters/c/conf
	grep -qx 'IMAGE_ID=1234' build/clusters/c/conf
	[ "$(cat build/clusters/c/ports)" = $'port_2201=40001\nport_2202=40002\nport_5000=40000' ]
	run -0 mk cluster-show CLUSTER=c
	[ "$(setting CPUS)" = "3 command line" ]
	run -0 mk ports CLUSTER=c
	[[ $output == "ssh-node01   127.0.0.1:40001"$'\n'"ssh-node02   127.0.0.1:40002"$'\n'"registry     127.0.0.1:40000" ]]
	run -0 mk env CLUSTER=c
	[[ $output == *"export KUBESTAMP_REGISTRY=127.0.0.1:40000"* ]]
	# In a shell that evaluates it, other goals do what they did before.
	[ -z "$(comm -12 <(sed -n 's/^export \([^=]*\)=.*/\1/p' <<< "$output" | sort) <(sed -n 's/^\([A-Z0-9_]*\) ?=.*/\1/p' "$TOP/mk/config.mk" | sort))" ]
	run -2 mk ssh CLUSTER=c NODE=node03
	[[ $output == "error: NODE=node03: the nodes are node01 to node02"* ]]
	mk cluster-down CLUSTER=c
	[ ! -e build/clusters ]
	[ -z "$(ls containers)" ]
}

@test "cluster-up again: nothing to do, or what differs; it takes away what a killed command left" {
	engine
	up CPUS=3 API_PORT=9000 > /dev/null
	[ ! -e build/clusters/c.unfinished ]
	: > calls
	run -0 up CPUS=3
	[ "$output" = "The cluster c is already running." ]
	run -0 up CPUS=3 API_PORT=9000
	run ! grep -E '^(run|rm|image load)' calls
	down="; 'make cluster-down' removes it"
	run -1 up API_PORT=9001 WITH=x NODES=1
	[ "$output" = "error: cluster c is already running, but differs from what is asked for: NODES=2, not 1; CPUS=3, not 1; API_PORT=9000, not 9001; WITH=, not x$down" ]
	run -1 up CPUS=3 IMAGE_FROM=h/x
	[ "$output" = "error: cluster c is already running, but differs from what is asked for: its image is the provider's own, not h/x$down" ]
	# The same in other words.
	up CPUS=3 MEMORY=65536K API_PORT=9000 > /dev/null
	echo 1234 > build/clusters/c/image.id
	echo 1234 > layout.id
	up CPUS=3 IMAGE_LAYOUT="$PWD/layout" > /dev/null
	echo 5678 > layout.id
	run -1 up CPUS=3 IMAGE_LAYOUT="$PWD/layout"
	[ "$output" = "error: cluster c is already running, but differs from what is asked for: its image was made again since$down" ]
	# A part of it has ended, or it is another checkout's.
	touch containers/c-node02.ended
	run -1 up CPUS=3
	[ "$output" = "error: node02 of the cluster c does not run; 'make start' starts it, ${down#; }" ]
	rm containers/c-node02.ended
	echo /other/build/clusters/c > directory
	run -1 up CPUS=3
	[ "$output" = "error: there is already a cluster c, of /other/build; choose another CLUSTER=" ]
	rm directory
	run ! grep -E '^(run|rm|image load)' calls
	# An engine that does not answer is not taken for one without containers.
	mv bin/podman bin/well
	printf '#!/bin/bash\n[ "$1" != ps ] || { echo "cannot connect" >&2; exit 125; }\nexec "%s/bin/well" "$@"\n' "$PWD" > bin/podman
	chmod +x bin/podman
	run -1 up CPUS=3
	[[ $output == *"error: podman does not list the cluster's containers" ]]
	[ -e build/clusters/c/conf ]
	mv bin/well bin/podman
	# Whatever the moment at which cluster-up was killed: the next one begins anew.
	for left in 'touch build/clusters/c.unfinished' 'rm build/clusters/c/conf' 'rm -r build/clusters/c' 'touch build/clusters/c.unfinished; rm containers/c-node0*'; do
		eval "$left"
		: > calls
		run -0 up CPUS=4
		[[ $output == *"removing what an interrupted command left of it"*"The cluster c is running"* ]]
		grep -q '^rm .*c-dnsmasq' calls
		[ ! -e build/clusters/c.unfinished ]
	done
	# Only files, no containers.
	rm containers/*
	touch build/clusters/c.unfinished
	run -0 up CPUS=3
	[ ! -e build/clusters/c.unfinished ]
}

@test "cluster-up that gets a signal leaves nothing, and exits with 128 plus its number" {
	local signal where
	engine
	# In a step, and between two: when its settings are written.
	printf '#!/bin/bash\n: > "%s/waitssh"\nsleep 60 & wait\n' "$PWD" > tools/waitssh
	rm tools/clusterconf
	printf '#!/bin/bash\n[[ " $* " != *" -o "* ]] || { : > "%s/clusterconf"; sleep 1; }\nexec "%s/clusterconf" "$@"\n' "$PWD" "$BIN" > tools/clusterconf
	chmod +x tools/clusterconf
	for signal in {INT:130,TERM:143,HUP:129}:{waitssh,clusterconf}; do
		where=${signal##*:} signal=${signal%:*}
		rm -f waitssh clusterconf
		# A shell that is not interactive ignores SIGINT in what it starts in the background; perl does not.
		perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' env PATH="$PWD/bin:$PATH" TOP="$TOP" BIN="$PWD/tools" B="$OWN" P="$OWN/mini" KS_CACHE="$PWD/cache" PROVIDER=mini \
			CLUSTER=c NODES=1 RESUME=never SUDO_UID= "$TOP/mk/sh/cluster/cluster-up" > said 2>&1 3>&- &
		wait_for 20 test -e "$where"
		[ -e build/clusters/c.unfinished ]
		kill -"${signal%:*}" $!
		rc=0
		wait $! || rc=$?
		[ "$rc" = "${signal#*:}" ] || { echo "$signal: $rc"; cat said; return 1; }
		[ -z "$(ls containers)" ]
		[ "$(ls build/clusters)" = $'c.lock\nc.log' ]
	done
}

@test "cluster-up fails: it prints what failed and where, and leaves only the log; KEEP=1 keeps the rest" {
	engine
	run -1 up FAILS=node02
	[[ $output == *"the cluster c did not start: 2 node(s) with 64M"*"c-node02: cannot start"*"KEEP=1 leaves the cluster"* ]]
	[ -z "$(ls containers)" ]
	[ ! -e build/clusters/c ]
	[ -s build/clusters/c.log ]
	run -1 up FAILS=node02 KEEP=1
	[[ $output == *"KEEP=1: the cluster is left as it is"* ]]
	[ -e containers/c-node01 ]
	run -1 up
	[ "$output" = "error: cluster c did not start, and KEEP=1 kept it for inspection; 'make cluster-down' removes it" ]
	[ -e containers/c-node01 ]
	mk cluster-down CLUSTER=c
	# An image with an invalid settings file.
	echo 'node_memory=$(touch ran)' >> share/provider.conf
	rm -rf cache
	run -1 up
	[[ $output == *"/share/provider.conf:6: not a setting: node_memory="* ]]
	[ ! -e ran ]
}

@test "a node whose kernel stands still while it boots is started again" {
	engine
	# No node answers until one was started again.
	printf '#!/bin/bash\ngrep -q "^restart" "%s/calls" || { echo "waitssh: no SSH banner" >&2; exit 124; }\n' "$PWD" > tools/waitssh
	sed -i 's/^run)$/run)\n[[ $4 != c-node02 ]] || { mkdir -p build\/clusters\/c\/node02; printf "[1.0] rcu: INFO: rcu_preempt detected stalls on CPUs\/tasks:\\r\\n" > build\/clusters\/c\/node02\/console.log; }/; s/^\*) exit 1/restart) ;;\n&/' bin/podman
	run -0 up
	[ "$(grep ^restart calls)" = 'restart -t 0 c-node02' ]
	grep -q 'node02: its kernel stands still; starting it again' build/clusters/c.log
	# One that is only slow is not.
	mk cluster-down CLUSTER=c
	sed -i 's/detected stalls/all is well/' bin/podman
	: > calls
	run -124 up
	run ! grep ^restart calls
}

@test "RESUME=always without a saved state: an error; auto boots, and saves for the next time" {
	engine
	run -1 up RESUME=always
	[[ $output == *"the cluster c cannot be resumed: it has no saved state"*"RESUME=auto boots it"* ]]
	rm tools/vmsave
	printf '#!/bin/bash\nfor i; do case $i in */node*) mkdir -p "$i"; touch "$i/vm.json" ;; esac; done\n' > tools/vmsave
	printf '#!/bin/bash\ncat > /dev/null\n' > bin/ssh
	chmod +x tools/vmsave bin/ssh
	run -0 up RESUME=auto
	[[ $output == *" saved in "* ]]
	[ "$(ls -d cache/states/*/node* | wc -l)" = 2 ]
}

@test "cluster-resume: an error that gives the new name, cluster-unpause" {
	run -2 mk cluster-resume
	[[ $output == *"cluster-unpause"* ]]
}

@test "settings_keep: removes the settings that a program does not need from its environment" {
	libs conf
	SETTINGS='TAG VERSION MIRROR' TAG=a VERSION=b MIRROR=c OTHER=d
	settings_keep MIRROR STATE
	[ "${TAG-none}${VERSION-none}$MIRROR$OTHER" = nonenonecd ]
}

@test "an old name of a variable is an error that says the new one, on the command line and in the environment" {
	run -2 mk help DISK_CHUNKS=no
	[[ $output == *"DISK_CHUNKS was renamed to DISK_WINDOWS"* ]]
	run -2 env DISK_CHUNKS= make -s -C "$TOP" B="$OWN" BIN="$BIN" TOOLS='' SAN= help
	[[ $output == *"DISK_CHUNKS was renamed to DISK_WINDOWS"* ]]
	run -0 mk help
	[[ $output == *DISK_WINDOWS* && $output != *DISK_CHUNKS* ]]
}

@test "make -n runs no script of any goal" {
	local goals
	# Bash reads this file before a script. pinned only checks, and may run whenever make reads its makefiles.
	printf '%s\n' "case \$0 in */stage/pinned) ;; *mk/sh/*) echo \"\$0 \$*\" >> $PWD/ran ;; esac" > hook
	mapfile -t goals < <(sed -n 's/^\.PHONY: *//p' "$TOP"/mk/*.mk | tr ' ' '\n' | grep -E '^[a-z-]+$' | grep -vx 'deps\|others' | sort -u)
	[ "${#goals[@]}" -gt 40 ]
	mk keys PROVIDER=mini > /dev/null
	export BASH_ENV=$PWD/hook
	run -0 mk -n "${goals[@]}" PROVIDER=mini REGISTRY=localhost/x STAGE=image TARGET=tar
	[[ $output == *mk/sh/provider/matrix* && $output == *mk/sh/registry/publish-all* ]]
	[ ! -e ran ]
	# The same file sees the script of a goal that is run.
	mk list > /dev/null
	[ "$(< ran)" = "mk/sh/cluster/cluster-info list" ]
}

@test "a path that make would take for two: one line, exit 2, and nothing is made" {
	local name
	for name in 'a b' 'a:b'; do
		mkdir "$name"
		cp -R "$TOP/GNUmakefile" "$TOP/mk" "$name/"
		run -2 make -s -C "$name" cluster-up
		[ "${lines[-1]}" = "GNUmakefile:22: *** this directory: $PWD/$name: the path must not contain blanks or colons.  Stop." ]
		[ "$(ls "$name")" = $'GNUmakefile\nmk' ]
		run -2 mk help B="$PWD/$name/build"
		[[ ${lines[-1]} == *"*** B: $PWD/$name/build: the path must not contain blanks or colons.  Stop." ]]
		run -2 env XDG_CACHE_HOME="$PWD/$name" make -s -C "$TOP" list
		[[ ${lines[-1]} == *"*** XDG_CACHE_HOME: $PWD/$name: the path must not contain blanks or colons.  Stop." ]]
		run -2 env -u XDG_CACHE_HOME HOME="$PWD/$name" make -s -C "$TOP" list
		[[ ${lines[-1]} == *"*** HOME: $PWD/$name: the path must not contain blanks or colons.  Stop." ]]
	done
}
