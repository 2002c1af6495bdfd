# Helpers for tests that start virtual machines: `load lib/vm` after lib/common.
# shellcheck shell=bash

# vm_end: ends the VMs whose runtime directories are in BATS_TEST_TMPDIR. For teardown.
vm_end() {
	local pid
	end_kept
	for pid in "$BATS_TEST_TMPDIR"/*/pid; do
		[ ! -s "$pid" ] || "$BIN/vmstop" --now "$(dirname "$pid")" || true
	done
}

# vm_status RUN: prints the status that QEMU reports for the VM.
vm_status() {
	printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-status"}' |
		timeout 5 socat -t 2 - "UNIX-CONNECT:$1/qmp.sock" | grep -o '"status": "[a-z]*"'
}

# sector FILE HEX: creates a disk whose boot sector is the code HEX. SeaBIOS does not boot from a very small disk.
sector() {
	perl -e 'my $code = pack "H*", join "", split " ", $ARGV[0]; print $code, "\0" x (510 - length $code), "\x55\xaa"' \
		"$2" > "$1"
	truncate -s 4M "$1"
}

# A guest that writes B to its console, enables the power button (PM1_EN, port 602h), and powers off (PM1_CNT,
# port 604h) when it is pressed (PM1_STS, port 600h). SeaBIOS sets up these ports of the ICH9.
BOOTED='baf803 b042 ee'
ENABLE='ba0206 b80001 ef'
WAIT_PRESS='ba0006 ed f6c401 74fa'
CLEAR='b80001 ef'
POWER_OFF='ba0406 b80020 ef f4'
SAY_ONE='baf803 b031 ee'

polite_disk() { sector "$1" "$ENABLE $BOOTED $WAIT_PRESS $POWER_OFF"; }
