# make gc and make clean: what they remove, and that they remove nothing that another make is using.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	OWN=$PWD/build
	mkdir -p bin build/mini/disk.0123456789abcdef
	echo result > build/mini/disk.0123456789abcdef/stamp
	# The engine: its containers are files.
	mkdir containers
	cat > bin/podman <<-END
		#!/bin/bash
		cd "$PWD"
		echo "\$*" >> calls
		case "\$1" in
		ps) ls containers ;;
		rm) rm "containers/\${*: -1}" ;;
		esac
	END
	chmod +x bin/podman
	printf '%s\n' ENGINE=podman 'engine=(podman)' 'engine_run=()' > build/engine-auto.conf
}

teardown() { end_kept; }

mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u TB -u BIN -u P -u PROVIDER -u ENGINE PATH="$PWD/bin:$PATH" XDG_CACHE_HOME="$PWD/cache" \
		make -s -C "$TOP" B="$OWN" BIN="$BIN" TOOLS='' SAN= PROVIDER=mini "$@" 3>&-
}

# hold FILE: another make has this lock.
hold() {
	bash -c 'exec 9> "$1" && flock 9 && exec sleep 60' bash "$1" 3>&- &
	keep_pid $!
	wait_for 10 bash -c "! flock -n $1 true"
}

# provision_machine: a machine that a stage left running.
provision_machine() {
	mkdir build/mini/live
	touch build/mini/live/conf.sh containers/machine
}

@test "gc: old results and a machine that was left running are removed" {
	provision_machine
	run -0 mk gc
	[[ $output == *"freed "*" MiB in $OWN/mini"* ]]
	[ ! -e build/mini/disk.0123456789abcdef ]
	[ ! -e build/mini/live ]
	[ -z "$(ls containers)" ]
}

@test "gc: while another make runs a stage, live or not, nothing is removed" {
	local lock
	provision_machine
	for lock in live rootfs.0000000000000000; do
		hold "build/mini/$lock.lock"
		run -2 mk gc
		[[ $output == "error: another make is provisioning mini; nothing was removed. Run 'make gc' when it has ended."* ]]
		[ -e build/mini/disk.0123456789abcdef/stamp ]
		[ -e containers/machine ]
		[ ! -e calls ]
		end_kept
		wait_for 10 flock -n "build/mini/$lock.lock" true
	done
}

@test "clean: everything is removed, a machine that was left running too" {
	provision_machine
	run -0 mk clean
	[ ! -e build ]
	[ -z "$(ls containers)" ]
}

@test "clean: a build directory that is a link is emptied, and stays" {
	mv build elsewhere
	ln -s elsewhere build
	touch build/.hidden
	run -0 mk clean
	[ "$(readlink build)" = elsewhere ]
	[ -d elsewhere ]
	[ -z "$(ls -A elsewhere)" ]
}

@test "clean: locks that nobody holds, and a cluster's log, are in nobody's way" {
	mkdir build/clusters
	touch build/clusters/c.lock build/clusters/c.log build/mini/live.lock build/mini/rootfs.0000000000000000.lock
	chmod a-w build/clusters/c.lock
	run -0 mk clean
	[ ! -e build ]
}

@test "clean: refused while there is a cluster, or another make works on one or runs a stage" {
	mkdir -p build/clusters/c
	touch build/clusters/c/conf
	run -2 mk clean
	[[ $output == "error: cluster c still exists in $OWN; run 'make cluster-down CLUSTER=c' first"* ]]
	rm -r build/clusters/c
	for lock in clusters/c.lock mini/live.lock mini/rootfs.0000000000000000.lock; do
		hold "build/$lock"
		run -2 mk clean
		[[ $output == "error: another make is working in $OWN; nothing was removed"* ]]
		[ -e build/mini/disk.0123456789abcdef/stamp ]
		end_kept
		wait_for 10 flock -n "build/$lock" true
		rm "build/$lock"
	done
	run -0 mk clean
}
