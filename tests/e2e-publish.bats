# A whole Kubernetes provider, published to a registry and started from there with an empty cache and a build directory of its own,
# as on a machine that has never seen the provider.
load lib/common
load lib/registry
load lib/kubernetes

setup_file() {
	export PROVIDER=${PROVIDER:-k8s-1.36} ME=e2e$$ B=${B:-$TOP/build}
	cd "$BATS_FILE_TMPDIR"
	BATS_TEST_TMPDIR=$PWD docker_registry
	echo "$R" > address
	echo "$REGISTRY_PID" > pid
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	R=$(< address)
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR"
	R=$(< address)
	there cluster-down > /dev/null 2>&1 || true
	kill "$(< pid)"
	# shellcheck source=/dev/null
	[ ! -s image ] || (. build/engine-auto.conf && "${engine[@]}" rmi "$(< image)") > /dev/null 2>&1 || true
}

# there ARG...: run make as the user of that machine does, with this checkout's tools.
there() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES -u PROVIDER XDG_CACHE_HOME="$PWD/cache" make -s -C "$TOP" CLUSTER="$ME" \
		B="$PWD/build" TB="${TB:-$TOP/build}" BIN="$BIN" TLS_VERIFY=false IMAGE="$R/team/$PROVIDER" "$@" 3>&-
}

@test "publish: the provider's image; a second time only the tags" {
	show mk publish REGISTRY="$R/team" TLS_VERIFY=false
	run -0 curl -sS --fail "http://$R/v2/team/$PROVIDER/tags/list"
	[[ $output == *'"latest"'* ]]
	run -0 mk publish REGISTRY="$R/team" TLS_VERIFY=false
	[[ $output == *"tags only"* ]]
}

@test "cluster-up IMAGE=: the cluster resumes from the published image, without any stage; every pod is Ready" {
	show there cluster-up RESUME=always
	sed -n 's/^IMAGE=//p' "build/clusters/$ME/conf" > image
	[[ $(< image) == localhost/kubestamp/pulled:* ]]
	[ -z "$(find build -name stamp)" ]
	run -0 there kubectl ARGS='get nodes --no-headers'
	[ "$(awk '$2 == "Ready"' <<< "$output" | wc -l)" = 1 ]
	run -0 there kubectl ARGS='get pods -A --no-headers'
	[ "$(awk '$4 == "Running"' <<< "$output" | wc -l)" -ge 7 ]
	[ "$(awk '$4 != "Running"' <<< "$output" | wc -l)" = 0 ]
}

@test "that cluster runs a new pod, and names its registry" {
	run -0 there kubectl ARGS="get configmap -n kube-public local-registry-hosting -o 'jsonpath={.data}'"
	[[ $output == *"host: \\\"$(there ports | awk '$1 == "registry" { print $2 }')"* ]]
	there kubectl ARGS="run new --image $(sed -n '/kubestamp-tools/p' "build/clusters/$ME/share/images") --restart Never -- sleep infinity"
	there kubectl ARGS='wait --for=condition=Ready pod/new --timeout=300s'
	there cluster-down
}
