# cluster-up from an image of a registry ($IMAGE_FROM). Sourced by cluster-up, whose step and log it uses.
# shellcheck shell=bash
. "$TOP/mk/sh/registry/publish.sh"
. "$TOP/mk/sh/registry/chunks.sh"

# pull_name: what the cache calls $IMAGE_FROM. Where a digest is given the tag does not count.
pull_name() {
	local digest=
	[[ $IMAGE_FROM != *@* ]] || digest=@${IMAGE_FROM#*@}
	local where=${IMAGE_FROM%%@*}
	if [ -n "$digest" ]; then
		[[ ${where##*/} != *:* ]] || where=${where%:*}
	elif [[ ${where##*/} != *:* ]]; then
		where+=:latest
	fi
	echo "$where$digest"
}

# pull_digest NAME: of the manifest that the cache has under NAME; nothing if it has none.
pull_digest() {
	[ ! -e "$IMAGE_LAYOUT/oci-layout" ] || "$BIN/ocipack" --list "$IMAGE_LAYOUT" | awk -v n="$1" '$1 == n { print $2 }'
}

# pull_unreachable: is there nobody to ask? That is so where no connection comes about: what a registry answers, or how
# it is secured, is another matter. The codes are curl's: no proxy, no such host, refused, not in time.
pull_unreachable() {
	local scheme rc
	for scheme in https ${TLS_VERIFY:+http}; do
		rc=0
		curl -q -s -k -o /dev/null --connect-timeout 5 -m 10 "$scheme://${IMAGE_FROM%%/*}/v2/" || rc=$?
		[[ $rc =~ ^(5|6|7|28)$ ]] || return
	done
}

# pull_chunks NAME: what chunks save. Whatever is wrong with them is a line of the log, and no error.
pull_chunks() {
	local dir said
	dir=$(mktemp -d "$IMAGE_LAYOUT.XXXXXX") || return 0
	said=$(
		trap 'rm -rf "$dir"' EXIT
		trap 'exit 130' INT TERM HUP
		chunks_restore "$1" "$IMAGE_LAYOUT" "$dir" 2>&1
	) || true
	[ -z "$said" ] || echo "the disk in chunks: $(tail -n 1 <<< "$said")"
}

# pull_bring NAME: have the cache name what the registry has; its missing blobs come.
pull_bring() {
	[ "$DISK_CHUNKS" = no ] || pull_chunks "$1"
	"$BIN/regpull" "${access[@]}" -t 14400 "$IMAGE_FROM" "$IMAGE_LAYOUT:$1"
}

# pull_config: the image's configuration, which says of what provider it is.
pull_config() { skopeo inspect --raw --config "oci:$IMAGE_LAYOUT:$LAYOUT_NAME"; }

# pull_image: sets LAYOUT_NAME, what the image is called in $IMAGE_LAYOUT; IMAGE, what the engine is to call it;
# IMAGE_WANTED, its id; PROVIDER and P. A digest that the cache has is not asked for.
pull_image() {
	local digest
	[[ $IMAGE_FROM =~ ^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?$ ]] ||
		{ echo "error: IMAGE: HOST[:PORT]/REPO[:TAG][@sha256:DIGEST], without a scheme or a user" >&2; exit 2; }
	registry_access || exit
	mkdir -p "$KS_CACHE"
	LAYOUT_NAME=$(pull_name)
	digest=$(pull_digest "$LAYOUT_NAME")
	if [ -n "$digest" ] && [[ $LAYOUT_NAME != *@* ]] && pull_unreachable; then
		printf '%-9s %s\n' "$CLUSTER" "${IMAGE_FROM%%/*} cannot be reached: $LAYOUT_NAME is what it was the last time, $digest"
	elif [ -z "$digest" ] || [[ $LAYOUT_NAME != *@* ]]; then
		NEXT="what is asked for is IMAGE=; AUTHFILE, TLS_VERIFY and CERT_DIR say how" step "pulling $LAYOUT_NAME" 14500 pull_bring "$LAYOUT_NAME"
		digest=$(pull_digest "$LAYOUT_NAME")
	fi
	IMAGE=localhost/kubestamp/pulled:${digest:7:16}
	IMAGE_WANTED=$(pull_config | sha256sum | cut -d' ' -f1)
	PROVIDER=$(pull_config | sed -nE 's/.*"org\.kubestamp\.provider": *"([a-z0-9][a-z0-9.-]*)".*/\1/p')
	[ -n "$PROVIDER" ] || cl_fail "IMAGE=$IMAGE_FROM is no image of a kubestamp provider"
	P=$B/$PROVIDER
	mkdir -p "$P"
}
