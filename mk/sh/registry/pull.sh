# cluster-up from an image in a registry ($IMAGE_FROM). Sourced by cluster-up, whose step and log it uses.
# shellcheck shell=bash
. "$TOP/mk/sh/registry/registry.sh"

# pull_name: the name of $IMAGE_FROM in the cache: HOST/REPO@DIGEST, or HOST/REPO:TAG if there is no digest.
pull_name() {
	local path='([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?/[a-z0-9._/-]+'
	[[ $IMAGE_FROM =~ ^($path)(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?$ ]] ||
		refuse "IMAGE must have the form HOST[:PORT]/REPO[:TAG][@sha256:DIGEST], without a scheme or user"
	echo "${BASH_REMATCH[1]}${BASH_REMATCH[5]:-${BASH_REMATCH[4]:-:latest}}"
}

# pull_digest NAME: print the digest of the image NAME in the cache, if it is there.
pull_digest() { [ ! -e "$IMAGE_LAYOUT/oci-layout" ] || layout_digest "$IMAGE_LAYOUT" "$1"; }

# pull_unreachable: succeed if no connection to the registry can be made, whatever it would answer. These exit codes of
# curl mean: proxy or host not found, connection refused, timeout.
pull_unreachable() {
	local scheme rc direct=${no_proxy:-${NO_PROXY:-}}
	[ "$direct" = '*' ] || direct+=,localhost,127.0.0.1,127.0.0.0/8,::1
	for scheme in https ${TLS_VERIFY:+http}; do
		rc=0
		curl -q --noproxy "$direct" -s -k -o /dev/null --connect-timeout 5 -m 10 "$scheme://${IMAGE_FROM%%/*}/v2/" || rc=$?
		[[ $rc =~ ^(5|6|7|28)$ ]] || return
	done
}

# pull_into_cache NAME: download the image into the cache as NAME, its disk in windows as far as possible.
pull_into_cache() {
	local windows=(--disk-windows)
	[ "$DISK_WINDOWS" != no ] || windows=()
	"$BIN/regpull" "${access[@]}" -t 14400 "${windows[@]}" "$IMAGE_FROM" "$IMAGE_LAYOUT:$1"
}

pull_config() { skopeo inspect --raw --config "oci:$IMAGE_LAYOUT:$LAYOUT_NAME"; }

# pull_image: set LAYOUT_NAME, the image's name in $IMAGE_LAYOUT; IMAGE, its name for the engine; IMAGE_WANTED, its id;
# PROVIDER and P. The registry is not asked for a digest that the cache has.
pull_image() {
	local digest
	LAYOUT_NAME=$(pull_name)
	registry_access
	mkdir -p "$KS_CACHE"
	digest=$(pull_digest "$LAYOUT_NAME")
	if [ -n "$digest" ] && [[ $LAYOUT_NAME != *@* ]] && pull_unreachable; then
		ui_note "$CLUSTER" "cannot reach ${IMAGE_FROM%%/*}: using $LAYOUT_NAME as pulled last time, $digest"
	elif [ -z "$digest" ] || [[ $LAYOUT_NAME != *@* ]]; then
		NEXT="Check IMAGE, AUTHFILE, TLS_VERIFY and CERT_DIR." step "pulling $LAYOUT_NAME" 14500 pull_into_cache "$LAYOUT_NAME"
		digest=$(pull_digest "$LAYOUT_NAME")
	fi
	IMAGE=localhost/kubestamp/pulled:${digest:7:16}
	IMAGE_WANTED=$(pull_config | sha256sum | cut -d' ' -f1)
	PROVIDER=$(pull_config | jq -r '.config.Labels["org.kubestamp.provider"] // "" | select(test("^[a-z0-9][a-z0-9.-]*$"))')
	[ -n "$PROVIDER" ] || fail "IMAGE=$IMAGE_FROM is not an image of a kubestamp provider"
	P=$B/$PROVIDER
	mkdir -p "$P"
}
