# Kubernetes from upstream, SOURCE=upstream: a provider of modules is pinned and provisioned, and clusters are started, with every
# byte of Kubernetes from local mirrors, which serve what the stages sources and images of the provider have compiled. It uses a
# copy of the checkout, in which the locks are written, and keeps its build directory, $B/upstream. The provider must have been
# provisioned: `make check-e2e PROVIDER=k8s-1.36`.
load lib/common
load lib/registry
load lib/upstream

setup_file() {
	export PROVIDER=${PROVIDER:-k8s-1.36} B=${B:-$TOP/build}
	export COPY=$BATS_FILE_TMPDIR/kubestamp UP_B=$B/upstream PROGRAMS LAYOUT K8S_VERSION ME=up$$
	K8S_VERSION=$(value kubernetes.version)
	# What it was provisioned from last.
	PROGRAMS=$(ls -dt "$B/$PROVIDER"/sources.*/stamp 2> /dev/null | while read -r stamp; do echo "${stamp%/stamp}/bin"; done | head -n 1)
	LAYOUT=$(ls -dt "$B/$PROVIDER"/images.*/stamp 2> /dev/null | while read -r stamp; do echo "${stamp%/stamp}/oci"; done | head -n 1)
	mkdir -p "$COPY" "$UP_B/cache/kubestamp"
	tar -C "$TOP" -c GNUmakefile mk tools providers manifests tests/providers | tar -C "$COPY" -x
	rm -f "$COPY/providers/$PROVIDER/lock.ini"
	take_tools "$UP_B"
	# The modules that are not Kubernetes' are compiled already.
	ln -sfn "${XDG_CACHE_HOME:-$HOME/.cache}/kubestamp/go" "$UP_B/cache/kubestamp/go"
	[ -z "$PROGRAMS" ] || upstream_tree "$PROGRAMS" "$BATS_FILE_TMPDIR/root" "$K8S_VERSION"
}

setup() {
	[ -n "$(value upstream.repository)" ] && [ "$(value kubernetes.source)" = go ] || skip "PROVIDER=$PROVIDER has no SOURCE=upstream"
	[ -n "$PROGRAMS" ] && [ -n "$LAYOUT" ] || skip "$PROVIDER is not provisioned: make provision PROVIDER=$PROVIDER"
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() { end_kept; }

teardown_file() {
	[ -n "${KEEP:-}" ] || mk cluster-down > /dev/null 2>&1 || true
}

mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES XDG_CACHE_HOME="$UP_B/cache" make -s -C "$COPY" PROVIDER="$PROVIDER" SOURCE=upstream \
		CLUSTER="$ME" B="$UP_B" SAN= "$@" 3>&-
}
kc() { mk kubectl ARGS="$(printf '%q ' "$@")"; }

# value SECTION.KEY: print a value of the provider, as it is without SOURCE; nothing if it is not set. tag NAME: print the tag of
# the released image.
value() { provconf -I "$TOP/providers" -g "$1" "$TOP/providers/$PROVIDER" || [ $? = 3 ]; }
tag() { value "upstream.$1" | grep . || value "images.$1"; }

# probe_addon: create an add-on that the provider includes. Its manifest and image are on the mirrors, and it replaces a word in
# the manifest.
probe_addon() {
	local dir=$COPY/providers/$PROVIDER
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
	inifile --in-place --set addons.include=probe "$dir/provider.ini"
}

@test "pinned and provisioned from the mirrors; a second run has nothing to do and needs no mirror" {
	rm -rf "$UP_B/cache/kubestamp/downloads" "$UP_B/cache/kubestamp/images-oci"
	# The stages without Kubernetes have the same keys as without SOURCE: use their results.
	mkdir -p "$UP_B/$PROVIDER"
	cp -al "$B/$PROVIDER"/{runner,rootfs,builder}.* "$UP_B/$PROVIDER/" 2> /dev/null || true
	docker_registry
	upstream_push_as "$R" "$LAYOUT" kube-{apiserver,controller-manager,scheduler,proxy}:"v$K8S_VERSION" "coredns/coredns:$(tag coredns)" \
		"pause:$(tag pause)" "etcd:$(tag etcd)"
	serve "$BATS_FILE_TMPDIR/root" "$PWD/state"
	export K8S_MIRROR=$U/file IMAGE_MIRROR="registry.k8s.io=$R addons.example=$R"
	probe_addon
	mk pin ADDON=probe
	mk pin
	[ -e "$COPY/providers/$PROVIDER/lock.ini" ]
	show mk provision
	end_kept
	run -0 mk -q provision
	run -0 mk images-check
}

@test "a cluster from its image is Ready; the images have upstream's names" {
	show mk cluster-up
	run -0 kc get nodes --no-headers
	[ "$(grep -cw Ready <<< "$output")" = 1 ]
	[[ $output == *"v$K8S_VERSION"* ]]
	run -0 kc get pods -A --no-headers
	[ "$(grep -cw Running <<< "$output")" = "$(grep -c . <<< "$output")" ]
	run -0 kc get pods -n kube-system -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}'
	grep -qx "registry.k8s.io/kube-apiserver:v$K8S_VERSION" <<< "$output"
	grep -qx "registry.k8s.io/etcd:$(tag etcd)" <<< "$output"
	grep -qx "registry.k8s.io/coredns/coredns:$(tag coredns)" <<< "$output"
	run ! grep -qvE '^(registry\.k8s\.io/|registry\.kubestamp/kubestamp-tools:)' <<< "$output"
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
