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
