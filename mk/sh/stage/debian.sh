# Debian file systems; sourced by the stages that make one, after lib.sh.
# shellcheck shell=bash

# debian_targets: what the machine's apt configuration has, a line "URI|SUITE|COMPONENT|KEYRING|ORIGIN" for each index of packages.
# Without downloaded lists apt knows no codenames and origins, and leaves these words as they are.
debian_targets() {
	local targets format='$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(SIGNED_BY)|$(ORIGIN)'
	targets=$(apt-get indextargets --format "$format" 'Created-By: Packages')
	[ -n "$targets" ] ||
		targets=$(apt-get indextargets --no-release-info --format "${format/CODENAME/RELEASE}" 'Created-By: Packages')
	printf '%s\n' "$targets"
}

# debian_sources SUITE: sources.list lines for SUITE and its security and update suites, from the machine's own apt
# configuration, or from MIRROR (which then must carry SUITE; SUITE-updates and security are not asked for). If the machine
# runs another release of Debian, they come from where its own do: a mirror carries all releases. Repositories of others, which
# often name their suites after Debian's, are not used.
debian_sources() {
	local suite=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg own found
	if [ -n "${MIRROR:-}" ]; then
		echo "deb [signed-by=$key] $MIRROR $suite main"
		return
	fi
	# shellcheck source=/dev/null
	own=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") || own=none
	found=$(debian_targets |
		awk -F '|' -v suite="$suite" -v own="$own" -v key="$key" '
			function add(name, uri, signed) {
				return "deb [signed-by=" (signed ~ /^\// ? signed : key) "] " uri " " name " main\n"
			}
			$3 != "main" || ($5 != "Debian" && $5 != "$(ORIGIN)") || seen[$1 $2]++ { next }
			$2 ~ "^" suite "(-updates|-security)?$" { exact = exact add($2, $1, $4) }
			$2 ~ "^" own "(-updates|-security)?$" { name = $2; sub(own, suite, name); derived = derived add(name, $1, "") }
			END { printf "%s", exact != "" ? exact : derived }')
	grep -q " $suite main" <<< "$found" ||
		fail "this machine's apt configuration has no Debian release $suite: set MIRROR= to a Debian mirror"
	printf '%s\n' "$found"
}

# debian_packages TREE.tar: print "NAME VERSION" for each package of a Debian file system.
debian_packages() {
	local dir
	dir=$(mktemp -d -p "$OUT")
	tar -C "$dir" -xf "$1" ./var/lib/dpkg/status
	dpkg-query --admindir="$dir/var/lib/dpkg" -W -f '${Package} ${Version}\n'
	rm -rf "$dir"
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
