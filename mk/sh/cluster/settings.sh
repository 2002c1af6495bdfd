# The settings of a cluster, which clusterconf(1) checks and resolves, and its conf. Sourced; needs cluster.sh.
#
# A setting's value is the first of: the command line of make, the environment, the provider's (of the image, or in the
# checkout), the default. cluster-up writes all of them, with where each comes from, to $D/conf.
# shellcheck shell=bash

# settings ARGUMENT...: run clusterconf, which also gets the provider in the checkout.
settings() {
	(cd "$TOP" && "$BIN/clusterconf" -I providers -I tests/providers ${PROVIDER_DIR:+-p "$PROVIDER_DIR"} "$@")
}

# settings_check: end with exit code 2 if a setting's value cannot be right.
settings_check() {
	local why
	why=$(settings --check 2>&1) || refuse "${why#clusterconf: }"
}

# settings_differ: print in which settings the cluster that is here differs from the one that is asked for, in one line; nothing
# if there is no difference. Ports that nobody asked for may be anywhere.
settings_differ() {
	local name wanted has differences=() asked=$D/asked
	settings -i "$D/share/provider.conf" -o "$asked" "ACCEL=$ACCEL" "ENGINE=$ENGINE" || return
	for name in PROVIDER ENGINE ACCEL NODES NICS MEMORY CPUS DISK API_PORT REGISTRY_PORT SSH_PORT PUBLISH WITH; do
		wanted=$(conf_get "$asked" "$name") has=$(conf_get "$D/conf" "$name")
		case $name in PROVIDER | *_PORT) [ -n "$wanted" ] || continue ;; esac
		[ "$(settings_plain "$name" "$wanted")" = "$(settings_plain "$name" "$has")" ] || differences+=("$name=$has, not $wanted")
	done
	rm -f "$asked"
	# The image: the one that was asked for is where its name came from, which a restored cluster does not know.
	wanted=${IMAGE_FROM:-"the provider's own"}
	has=$("$BIN/clusterconf" --show "$D/conf" | sed -nE 's/^IMAGE +[^ ]+ +//p')
	if [ -n "$has" ] && [ "$wanted" != "$has" ]; then
		differences+=("its image is $has, not $wanted")
	elif [ -z "${IMAGE_FROM:-}" ] && [ -e "$D/image.id" ] && [ -e "${IMAGE_LAYOUT:-}.id" ] && [ "$(< "$IMAGE_LAYOUT.id")" != "$(< "$D/image.id")" ]; then
		differences+=("its image was made again since")
	fi
	[ "${#differences[@]}" = 0 ] || printf '%s; ' "${differences[@]}" | sed 's/; $//'
}

# settings_plain NAME VALUE: print the value in one of the forms that mean the same: a size in bytes, ports in order.
settings_plain() {
	case $1 in
	MEMORY | DISK) numfmt --from=iec -- "$2" ;;
	PUBLISH) tr ' ' '\n' <<< "$2" | sort | xargs ;;
	*) echo "$2" ;;
	esac
}

# settings_show: print the settings in columns: of the cluster if it is here, else those that cluster-up would use.
settings_show() {
	if [ -e "$D/conf" ]; then
		"$BIN/clusterconf" --show "$D/conf"
		return
	fi
	settings_check
	echo "# There is no cluster $CLUSTER; these are the settings of the next cluster-up."
	settings "ACCEL=$("$BIN/hostcheck" --accel)" | "$BIN/clusterconf" --show -
}
