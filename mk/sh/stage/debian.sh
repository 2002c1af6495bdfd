# Debian file systems; sourced by the stages that make one, after lib.sh.
# shellcheck shell=bash

# debian_sources SUITE: sources.list lines for SUITE and its security and update suites, from the machine's own
# apt configuration, or from MIRROR (which then must carry SUITE; SUITE-updates and security are not asked for).
debian_sources() {
	local suite=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg found
	if [ -n "${MIRROR:-}" ]; then
		echo "deb [signed-by=$key] $MIRROR $suite main"
		return
	fi
	found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)' 'Created-By: Packages' |
		awk -v suite="$suite" -v key="$key" '
			($2 == suite || $2 == suite "-updates" || $2 == suite "-security") && $3 == "main" && !seen[$1 $2]++ {
				print "deb [signed-by=" ($4 ~ /^\// ? $4 : key) "] " $1 " " $2 " main"
			}')
	grep -q " $suite main" <<< "$found" ||
		fail "this machine's apt configuration has no suite $suite: set MIRROR= to a Debian mirror"
	printf '%s\n' "$found"
}

# debian_tree DEST.tar VARIANT PACKAGES [MMDEBSTRAP-OPTION...]: a Debian file system as a tar, without what no
# container or node reads, and without what differs from one run to the next.
debian_tree() {
	local dest=$1 variant=$2 packages=$3 proxy=()
	local exclude=(man doc locale info lintian bug) e options=()
	shift 3
	need_programs mmdebstrap
	for e in "${exclude[@]}"; do options+=("--dpkgopt=path-exclude=/usr/share/$e/*"); done
	eval "$(apt-config shell http Acquire::http::Proxy https Acquire::https::Proxy 2> /dev/null || true)"
	[ -z "${http:-}" ] || proxy+=("--aptopt=Acquire::http::Proxy \"$http\"")
	[ -z "${https:-}" ] || proxy+=("--aptopt=Acquire::https::Proxy \"$https\"")
	debian_sources "$debian_suite" > "$OUT/sources.list"
	# shellcheck disable=SC2016 # $1 is for the hook's shell
	SOURCE_DATE_EPOCH=0 TMPDIR=$OUT mmdebstrap --variant="$variant" --include="$(tr -s ' ' , <<< "$packages")" \
		--aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		--aptopt='Acquire::http::Timeout "30"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt=force-confold --dpkgopt=force-confdef "${options[@]}" "${proxy[@]}" \
		--customize-hook='rm -rf "$1"/var/cache/ldconfig/aux-cache "$1"/var/log/* "$1"/etc/resolv.conf "$1"/etc/hostname' \
		"$@" \
		"$debian_suite" "$dest" - < "$OUT/sources.list"
	rm "$OUT/sources.list"
}
