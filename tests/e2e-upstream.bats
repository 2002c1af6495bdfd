# Kubernetes from upstream: the provider tests/providers/k8s-1.20-upstream is pinned and provisioned, and clusters are started, with
# every byte of Kubernetes from local mirrors. It uses a copy of the checkout, in which the locks are written, and keeps its build
# directory, $B/upstream. The stages sources and images of k8s-1.20 must have run: the mirrors have their results.
load lib/common
load lib/registry
load lib/upstream

setup_file() {
	export COPY=$BATS_FILE_TMPDIR/kubestamp UP_B=${B:-$TOP/build}/upstream PROGRAMS LAYOUT ME=up$$
	PROGRAMS=$(upstream_programs)
	LAYOUT=$(ls -dt "${KS_IMAGES:-${B:-$TOP/build}}"/k8s-1.20/images.*/oci 2> /dev/null | head -n 1)
	mkdir -p "$COPY" "$UP_B"
	tar -C "$TOP" -c GNUmakefile mk tools providers manifests tests/providers | tar -C "$COPY" -x
	take_tools "$UP_B"
	[ -z "$PROGRAMS" ] || upstream_tree "$PROGRAMS" "$BATS_FILE_TMPDIR/root"
}

setup() {
	[ -n "$PROGRAMS" ] && [ -n "$LAYOUT" ] || skip "no k8s-1.20 here: make provision PROVIDER=k8s-1.20"
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() { end_kept; }

teardown_file() {
	[ -n "${KEEP:-}" ] || mk cluster-down > /dev/null 2>&1 || true
}

mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES XDG_CACHE_HOME="$UP_B/cache" make -s -C "$COPY" PROVIDER=k8s-1.20-upstream \
		CLUSTER="$ME" B="$UP_B" SAN= "$@" 3>&-
}
kc() { mk kubectl ARGS="$(printf '%q ' "$@")"; }

# probe_addon: create an add-on that the provider includes. Its manifest and image are on the mirrors, and it replaces a word in
# the manifest.
probe_addon() {
	local dir=$COPY/tests/providers/k8s-1.20-upstream
	ocipack --tag addons.example/probe:1 --file "$BIN/pause=/pause" --entrypoint /pause "$PWD/probe"
	regpush --tls-verify false "$PWD/probe:addons.example/probe:1" "$R/probe:1" > /dev/null
	mkdir -p "$dir/manifests/probe"
	cat > "$BATS_FILE_TMPDIR/root/probe.yaml" <<-END
		apiVersion: apps/v1
		kind: Deployment
		metadata: { name: probe }
		spec:
		  replicas: 0
		  selector: { matchLabels: { app: probe } }
		  template:
		    metadata: { labels: { app: probe } }
		    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: probe, image: "addons.example/probe:1" }] }
	END
	printf '%s\n' '[addon]' 'title = a deployment, for the tests' 'namespace = probe' 'apply = probe.yaml' \
		'wait = deployment/probe/probe pods/probe/1' '[fetch probe.yaml]' "url = $U/file/probe.yaml" \
		'[replace probe.yaml]' 'replicas = replicas: 0 => replicas: 1' > "$dir/manifests/probe/addon.ini"
	sed -i 's/^include =.*/include = probe/' "$dir/provider.ini"
}

@test "pinned and provisioned from the mirrors; a second run has nothing to do and needs no mirror" {
	rm -rf "$UP_B/cache/kubestamp/downloads" "$UP_B/cache/kubestamp/images-oci"
	# The stages without Kubernetes have the same keys as those of k8s-1.20: use their results.
	mkdir -p "$UP_B/k8s-1.20-upstream"
	cp -al "${B:-$TOP/build}"/k8s-1.20/{runner,rootfs}.* "$UP_B/k8s-1.20-upstream/" 2> /dev/null || true
	docker_registry
	upstream_push "$R" "$LAYOUT"
	serve "$BATS_FILE_TMPDIR/root" "$PWD/state"
	export K8S_MIRROR=$U/file IMAGE_MIRROR="k8s.gcr.io=$R addons.example=$R"
	probe_addon
	mk pin ADDON=probe
	mk pin
	show mk provision
	end_kept
	run -0 mk -q provision
	run -0 mk images-check
}

@test "a cluster from its image is Ready; the images have upstream's names" {
	show mk cluster-up
	run -0 kc get nodes --no-headers
	[ "$(grep -cw Ready <<< "$output")" = 1 ]
	[[ $output == *v1.20.2* ]]
	run -0 kc get pods -A --no-headers
	[ "$(grep -cw Running <<< "$output")" = "$(grep -c . <<< "$output")" ]
	run -0 kc get pods -n kube-system -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}'
	grep -qx k8s.gcr.io/kube-apiserver:v1.20.2 <<< "$output"
	grep -qx k8s.gcr.io/etcd:3.4.23 <<< "$output"
	run ! grep -qvE '^(k8s\.gcr\.io/|registry\.kubestamp/kubestamp-tools:)' <<< "$output"
	run ! kc get namespace probe
	mk cluster-down
}

@test "WITH: an add-on is applied after the image's saved state was resumed, and the next cluster resumes with it" {
	show mk cluster-up WITH=probe
	run -0 kc get pods -n probe -o 'jsonpath={.items[*].status.phase} {.items[*].spec.containers[0].image}'
	[ "$output" = 'Running addons.example/probe:1' ]
	mk cluster-down
	run -0 mk cluster-up WITH=probe RESUME=always
	[[ $output != *add-ons* ]]
	run -0 kc get deployment -n probe probe -o 'jsonpath={.status.readyReplicas}'
	[ "$output" = 1 ]
	mk cluster-down
}
