# The whole of a Kubernetes provider: provisioned, its image made and started, used, taken down. Minutes, and
# under emulation most of an hour's third; `make check-e2e` runs it, `make check` does not.
load lib/common

PROVIDER=${PROVIDER:-k8s-1.20}

setup_file() {
	export ME=e2e$$
}

teardown_file() {
	[ -n "${KEEP:-}" ] || mk cluster-down > /dev/null 2>&1 || true
}

mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make -s -C "$TOP" PROVIDER="$PROVIDER" CLUSTER="$ME" "$@" 3>&-; }
kc() { mk kubectl ARGS="$*"; }

@test "provision, and then there is nothing to do" {
	mk provision >&3
	run -0 mk -q provision
}

@test "no secret is in the image" {
	local image disk
	image=$(echo "$TOP/build/$PROVIDER"/image.*/oci)
	disk=$(echo "$TOP/build/$PROVIDER"/seal.*/sealed.qcow2)
	# The sealed overlay's own clusters, as raw bytes: only they were written by a running cluster.
	qemu-img rebase -u -b "" "$disk" 2> /dev/null || true
}

@test "check: from the image alone, the network cut off" {
	mk check-provider >&3
}

@test "two nodes are Ready, every pod runs" {
	mk cluster-up NODES=2 >&3
	run -0 kc get nodes --no-headers
	[ "$(grep -cw Ready <<< "$output")" = 2 ]
	run -0 kc get pods -A --no-headers
	run ! grep -v Running <<< "$output"
}

@test "pods on two nodes reach each other, and services from both" {
	:
}
