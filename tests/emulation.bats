# The settings for emulation: what a node does with them at each boot, and what vmstart adds. See docs/EMULATION.md.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ROOT=$BATS_TEST_TMPDIR/root
	settings=$TOP/providers/kubernetes-go/rootfs/usr/lib/kubestamp/emulation
	mkdir -p "$ROOT"/{proc,run,usr/lib/kubestamp,etc/kubernetes/manifests} "$ROOT"/usr/lib/kubestamp/static-pods/{plain,emulated}
	cp -R "$settings" "$ROOT/usr/lib/kubestamp/"
	for pod in etcd kube-apiserver; do
		for form in plain emulated; do echo "$pod $form" > "$ROOT/usr/lib/kubestamp/static-pods/$form/$pod.yaml"; done
	done
}

# boot [WORD...]: a boot with these words on the kernel's command line.
boot() {
	echo "quiet $*" > "$ROOT/proc/cmdline"
	"$settings/apply"
}

in_run() { (cd "$ROOT/run/kubestamp" && find . -type f | sort | paste -sd' '); }

@test "under emulation the settings are put in place, and a boot under KVM removes them" {
	echo "etcd plain" > "$ROOT/etc/kubernetes/manifests/etcd.yaml"
	boot kubestamp.emulated highres=off
	[ "$(in_run)" = "./containerd/emulation.toml ./emulation/environment.conf ./kubelet/emulation.conf" ]
	[ "$(cat "$ROOT/etc/kubernetes/manifests/etcd.yaml")" = "etcd emulated" ]
	boot
	[ -z "$(in_run)" ]
	# The kubelet fails if the directory of its settings does not exist.
	[ -d "$ROOT/run/kubestamp/kubelet" ]
	[ "$(cat "$ROOT/etc/kubernetes/manifests/etcd.yaml")" = "etcd plain" ]
}

@test "a node gets no static pod that it does not have, and keeps those of the user" {
	echo mine > "$ROOT/etc/kubernetes/manifests/mine.yaml"
	boot kubestamp.emulated
	[ "$(ls "$ROOT/etc/kubernetes/manifests")" = mine.yaml ]
	[ "$(cat "$ROOT/etc/kubernetes/manifests/mine.yaml")" = mine ]
	rm -r "$ROOT/etc/kubernetes/manifests" "$ROOT/usr/lib/kubestamp/static-pods"
	boot kubestamp.emulated
	[ ! -e "$ROOT/etc/kubernetes/manifests" ]
}

@test "a static pod that is right already is not written again" {
	echo "etcd emulated" > "$ROOT/etc/kubernetes/manifests/etcd.yaml"
	touch -d @0 "$ROOT/etc/kubernetes/manifests/etcd.yaml"
	boot kubestamp.emulated
	[ "$(stat -c %Y "$ROOT/etc/kubernetes/manifests/etcd.yaml")" = 0 ]
}

@test "kubeadm knows the targets of all patches, and docs/EMULATION.md names every file of settings" {
	local file
	for file in "$settings"/static-pods/*; do
		[[ ${file##*/} =~ ^(etcd|kube-apiserver|kube-controller-manager|kube-scheduler)-(emulation2?|readiness)\+(strategic|json)\.yaml$ ]]
	done
	for file in "$settings"/*; do grep -q "emulation/${file##*/}" "$TOP/docs/EMULATION.md"; done
}

@test "vmstart adds kernel arguments and a CPU model only under emulation" {
	local start=("$BIN/vmstart" -n vm --run x --kernel /k --append quiet --tcg-append 'highres=off a' --tcg-cpu qemu64,+aes --print)
	run -0 "${start[@]}" --accel tcg
	[[ $output = *"-append 'quiet highres=off a'"* && $output = *"-cpu qemu64,+aes"* ]]
	run -0 "${start[@]}" --accel kvm
	[[ $output = *"-append quiet"* && $output != *highres* && $output = *"-cpu host,migratable=on"* ]]
	# What is given for every accelerator comes first.
	run -0 "${start[@]}" --accel tcg --cpu max
	[[ $output = *"-cpu max"* ]]
	# An empty text adds nothing.
	run -0 "$BIN/vmstart" -n vm --run x --kernel /k --append quiet --tcg-append '' --tcg-cpu '' --accel tcg --print
	[[ $output = *"-append quiet" && $output = *"-cpu qemu64 "* ]]
	run -2 "$BIN/vmstart" -n vm --run x --tcg-append a --accel tcg --print
	[ "${lines[0]}" = "vmstart: initrd, append and tcg-append require --kernel" ]
	run -2 "$BIN/vmstart" --run x --resume saved --tcg-cpu max
}

@test "the cache of translated code is large for machines with 3 GiB of memory or more" {
	local start=("$BIN/vmstart" -n vm --run x --print)
	[[ $("${start[@]}" --accel tcg -m 3G) = *"tb-size=2047"* ]]
	[[ $("${start[@]}" --accel tcg -m 3071) = *"tb-size=512"* ]]
	[[ $("${start[@]}" --accel kvm -m 8G) != *tb-size* ]]
}

@test "a node is told that it is emulated, with the arguments and the CPU model of provider.ini" {
	printf '%s\n' node_append=quiet node_memory=1G node_cpus=1 node_disk=1G > conf
	mkdir bin
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' > bin/vmstart
	chmod +x bin/vmstart
	sed "s,/usr/lib/kubestamp/bin,$PWD/bin," "$TOP/mk/sh/cluster/run/node" > node
	PROVIDER_CONF=$PWD/conf run -0 bash node 1
	[[ $output = *$'--tcg-append\nkubestamp.emulated \n--tcg-cpu\n\n'* ]]
	printf '%s\n' "node_emulated_append='highres=off nohz=off'" node_emulated_cpu=qemu64,+aes >> conf
	PROVIDER_CONF=$PWD/conf run -0 bash node 1
	[[ $output = *$'--tcg-append\nkubestamp.emulated highres=off nohz=off\n--tcg-cpu\nqemu64,+aes\n'* ]]
}
