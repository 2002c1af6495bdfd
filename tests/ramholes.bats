# ramholes.so, preloaded into a program that maps a file and prints what it maps. vmsave.bats tests it in QEMU.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	command -v python3 > /dev/null || skip "no python3 here"
	# 8 MiB: data, a hole of 2 MiB, data, a hole of half a MiB, data, a hole to the end.
	truncate -s 8M ram
	for mib in 0 3; do
		head -c 1M /dev/zero | tr '\0' x | dd of=ram bs=1M seek=$mib conv=notrunc status=none
	done
	head -c 512K /dev/zero | tr '\0' y | dd of=ram bs=512K seek=9 conv=notrunc status=none
}

# mapped [FLAG]: prints how many KiB of the mapping are backed by the file, and the digest of its contents.
mapped() {
	python3 - "${1:-MAP_PRIVATE}" <<-'END'
		import hashlib, mmap, sys
		f = open("ram", "r+b")
		m = mmap.mmap(f.fileno(), 8 << 20, flags=getattr(mmap, sys.argv[1]), prot=mmap.PROT_READ | mmap.PROT_WRITE)
		kib = 0
		for line in open("/proc/self/maps"):
		    if line.rstrip().endswith("/ram"):
		        a, b = line.split()[0].split("-")
		        kib += (int(b, 16) - int(a, 16)) >> 10
		print(kib, hashlib.sha256(m).hexdigest())
	END
}

with() { LD_PRELOAD=$BIN/ramholes.so RAMHOLES=$1 mapped "${@:2}"; }

@test "holes of 1 MiB and more are not mapped from the file; the contents are the same" {
	local plain
	plain=$(mapped)
	[ "${plain% *}" = 8192 ]
	run -0 with ram
	# The hole of half a MiB stays mapped: 1 + 1 + 0.5 + 0.5 MiB are the file's.
	[ "${output% *}" = 3072 ]
	[ "${output#* }" = "${plain#* }" ]
}

@test "shared mappings, other files, and all mappings without RAMHOLES are not changed" {
	run -0 with ram MAP_SHARED
	[ "${output% *}" = 8192 ]
	touch other
	run -0 with other
	[ "${output% *}" = 8192 ]
	run -0 with nowhere
	[ "${output% *}" = 8192 ]
	LD_PRELOAD=$BIN/ramholes.so run -0 mapped
	[ "${output% *}" = 8192 ]
}
