# Add-ons: sourced by what applies them, pins them and lists their images. Needs kube.sh (kube_render; kc and kube_wait
# to apply), lock.sh, BIN, TOP, KS_CACHE and PROVIDER_DIRS; the provider's values are in the shell's variables.
#
# An add-on is manifests/NAME.yaml, or the directory manifests/NAME with an addon.ini (provconf(1)), of the provider or
# of the checkout.
# shellcheck shell=bash

# addon_fail TEXT: what stops the work; as fail of lib.sh, which not everybody here has sourced.
addon_fail() { printf 'error: %s\n' "$*" >&2; return 1; }

# addon_path NAME: its directory or file.
addon_path() {
	local dir
	for dir in $PROVIDER_DIRS .; do
		[ ! -e "$TOP/$dir/manifests/$1/addon.ini" ] || { echo "$TOP/$dir/manifests/$1"; return; }
		[ ! -e "$TOP/$dir/manifests/$1.yaml" ] || { echo "$TOP/$dir/manifests/$1.yaml"; return; }
	done
	addon_fail "there is no add-on '$1': neither manifests/$1/addon.ini nor manifests/$1.yaml"
}

# addon_get PATH SECTION.KEY: one value; nothing where it is not set.
addon_get() { "$BIN/provconf" --addon --get "$2" "$1" || [ $? = 3 ]; }

# addon_section PATH PREFIX: the values of the sections "PREFIX NAME", or of the section PREFIX, as lines NAME.KEY=VALUE
# or KEY=VALUE.
addon_section() {
	"$BIN/provconf" --addon --format make "$1" | sed -n "s/^$2\.\([^ ]*\) := \{0,1\}/\1=/p" | sed 's/\$\$/$/g; s/\\#/#/g'
}

# addon_render PATH: standard input with the words of [values], then those of the provider, in their places.
addon_render() {
	local script='' line tmp rc=0
	while IFS= read -r line; do
		script+="s"$'\001'"@${line%%=*}@"$'\001'"$(sed 's/[&\\]/\\&/g' <<< "${line#*=}")"$'\001'"g;"
	done < <(addon_section "$1" values)
	tmp=$(mktemp)
	sed "$script" > "$tmp"
	kube_render "$tmp" || rc=$?
	rm -f "$tmp"
	return "$rc"
}

# addon_text PATH TEXT: the same for a text.
addon_text() { printf '%s\n' "$2" | addon_render "$1"; }

# addon_url PATH FILE: where the file is from.
addon_url() {
	local url
	url=$(addon_get "$1" "fetch $2.url") || return
	addon_text "$1" "$url"
}

# addon_fetched PATH: the files that are fetched, one a line.
addon_fetched() { addon_section "$1" fetch | sed -n 's/\.url=.*//p'; }

# addon_unlocked PATH: what to say of an add-on that has no lock.
addon_unlocked() { echo "the add-on ${1##*/} has no lock.ini, which says what comes from elsewhere; make it once, with the network: make pin ADDON=${1##*/}"; }

# addon_cached PATH FILE: the file in the user's cache, fetched if it is not there, as the lock says.
addon_cached() {
	local lock=$1/lock.ini url hex at
	[ -e "$lock" ] || { addon_fail "$(addon_unlocked "$1")"; return; }
	url=$(addon_url "$1" "$2") || return
	at=$(lock_get "$lock" "file $2" url) && hex=$(lock_get "$lock" "file $2" sha256) && [ "$at" = "$url" ] ||
		{ addon_fail "$lock is not of $url: make pin ADDON=${1##*/}"; return; }
	lock_cached "$hex" "$url"
}

# replace_text OLD NEW: standard input with NEW wherever OLD is; no such place is an error.
replace_text() {
	OLD=$1 NEW=$2 awk '
		BEGIN { old = ENVIRON["OLD"]; new = ENVIRON["NEW"] }
		{
			out = ""
			while ((i = index($0, old)) > 0) {
				out = out substr($0, 1, i - 1) new
				$0 = substr($0, i + length(old))
				n++
			}
			print out $0
		}
		END { exit n > 0 ? 0 : 3 }'
}

# addon_replaced PATH FILE: standard input with what [replace FILE] says.
addon_replaced() {
	local text old new line
	text=$(cat; echo .) || return
	text=${text%.}
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		line=${line#*=}
		old=${line%% => *}
		new=$(addon_text "$1" "${line#* => }") || return
		text=$(replace_text "$old" "$new" <<< "$text") || { addon_fail "the add-on ${1##*/}: '$old' is not in $2"; return; }
	done < <(addon_section "$1" "replace\.${2//./\\.}")
	printf '%s\n' "$text"
}

# addon_made PATH FILE: what the add-on's FILE.render makes of the files that were fetched.
addon_made() {
	local dir rc=0 name file
	dir=$(mktemp -d)
	while read -r name; do
		file=$(addon_cached "$1" "$name") && ln -s "$file" "$dir/$name" || rc=$?
	done < <(addon_fetched "$1")
	[ "$rc" != 0 ] || "$1/$2.render" "$dir" || rc=$?
	rm -rf "$dir"
	return "$rc"
}

# addon_file PATH FILE: a file to apply, as it is applied.
addon_file() {
	local file
	if [ -e "$1/$2" ]; then
		addon_render "$1" < "$1/$2"
	elif [ -x "$1/$2.render" ]; then
		addon_made "$1" "$2"
	else
		file=$(addon_cached "$1" "$2") || return
		addon_replaced "$1" "$2" < "$file"
	fi
}

# addon_files NAME DIR: all that is applied, in DIR as NN-FILE, in order.
addon_files() {
	local path file n=0 files
	path=$(addon_path "$1") || return
	mkdir -p "$2"
	if [ ! -d "$path" ]; then
		kube_render "$path" > "$2/$1.yaml"
		return
	fi
	files=$(addon_get "$path" addon.apply) || return
	for file in $files; do
		n=$((n + 1))
		addon_file "$path" "$file" > "$2/$(printf '%02d-%s' "$n" "$file")" || return
	done
}

# addon_needs NAME...: the add-ons and those that they need, each after what it needs; a circle is an error.
addon_needs() {
	local -A addon_seen=()
	local name
	for name; do addon_visit "$name" || return; done
}

addon_visit() {
	local path needs need
	case ${addon_seen[$1]:-} in
	done) return ;;
	now) addon_fail "the add-on $1 needs itself"; return ;;
	esac
	path=$(addon_path "$1") || return
	addon_seen[$1]='now'
	if [ -d "$path" ]; then
		needs=$(addon_get "$path" addon.needs) || return
		for need in $needs; do addon_visit "$need" || return; done
	fi
	addon_seen[$1]='done'
	echo "$1"
}

# addon_declared NAME: the images that the add-on's files do not name, one a line.
addon_declared() {
	local path images
	path=$(addon_path "$1") || return
	[ -d "$path" ] || return 0
	images=$(addon_get "$path" addon.images) || return
	[ -z "$images" ] || addon_text "$path" "$images" | tr ' ' '\n'
}

# addon_pack NAME DIR: all that is needed to apply it later, without a network or a checkout: its files as they are
# applied, and conf.
addon_pack() {
	local path name value
	path=$(addon_path "$1") || return
	addon_files "$1" "$2" || return
	{
		# What others wrote may be too large for the annotation that an apply from here would leave.
		printf 'addon_name=%q\naddon_apply=%q\n' "$1" "$([ ! -d "$path" ] || echo '--server-side --force-conflicts')"
		for name in needs namespace wait timeout; do
			value=
			[ ! -d "$path" ] || value=$(addon_get "$path" "addon.$name") || return
			printf 'addon_%s=%q\n' "$name" "$value"
		done
	} > "$2/conf"
}

# addon_apply DIR: apply what addon_pack has left there, and wait until it runs.
addon_apply() {
	local addon_name addon_apply addon_needs addon_namespace addon_wait addon_timeout file options=()
	# shellcheck source=/dev/null
	. "$1/conf"
	if [ -n "$addon_namespace" ]; then
		options=(--namespace "$addon_namespace")
		kc get namespace "$addon_namespace" > /dev/null 2>&1 || kc create namespace "$addon_namespace" || return
	fi
	for file in "$1"/*.yaml "$1"/*.yml "$1"/*.json; do
		[ -e "$file" ] || continue
		# shellcheck disable=SC2086 # options
		kc apply $addon_apply "${options[@]}" -f "$file" || return
		# The next file may hold objects of the kinds that this one has brought.
		grep -q '^kind: CustomResourceDefinition' "$file" || continue
		kc wait --for condition=Established crd --all --timeout "$(cl_scale 60)s" > /dev/null || return
	done
	addon_until "$addon_name" "$(cl_scale "${addon_timeout:-120}")" $addon_wait
}

# addon_until NAME SECONDS WAIT...: until all of it is so.
addon_until() {
	local end=$((SECONDS + $2)) name=$1 wait
	shift 2
	for wait; do
		kube_wait "$((end > SECONDS ? end - SECONDS : 0))" "the add-on $name: $wait" addon_is "$wait" || return
	done
}

# addon_with DIR NAME...: apply add-ons that are packed in DIR/NAME, each after what it needs.
addon_with() {
	local dir=$1 name
	local -A addon_seen=()
	shift
	for name; do addon_with_one "$dir" "$name" || return; done
}

addon_with_one() {
	local need needs
	[ -z "${addon_seen[$2]:-}" ] || return 0
	addon_seen[$2]=yes
	[ -e "$1/$2/conf" ] || { addon_fail "$(addon_lacking "$1" "$2")"; return; }
	# shellcheck source=/dev/null
	needs=$(. "$1/$2/conf" && echo "$addon_needs") || return
	for need in $needs; do addon_with_one "$1" "$need" || return; done
	printf '== the add-on %s\n' "$2"
	addon_apply "$1/$2"
}

# addon_lacking DIR NAME: what to say of an add-on that the image does not have.
addon_lacking() {
	echo "WITH=$2: the image does not include it: name it in [addons] include of provider.ini, and make the image again; it includes: $(find "$1" -mindepth 2 -maxdepth 2 -name conf 2> /dev/null | sed 's,/conf$,,; s,.*/,,' | sort | paste -sd' ' | grep . || echo none)"
}

# addon_is WAIT: is it so, now?
addon_is() {
	local kind=${1%%/*} rest=${1#*/} namespace=()
	case $1 in
	*=*)
		rest=${rest%%=*}
		[[ $rest != */* ]] || namespace=(--namespace "${rest%%/*}")
		[ "$(kc get "${namespace[@]}" "$kind" "${rest##*/}" -o "jsonpath={.status.conditions[?(@.type==\"${1##*=}\")].status}")" = True ]
		;;
	crd/*) kc wait --for condition=Established "crd/$rest" --timeout 1s ;;
	pods/*) addon_pods "${rest%%/*}" "${rest##*/}" ;;
	*) kc rollout status --watch=false --namespace "${rest%%/*}" "$kind/${rest##*/}" | grep -qE 'successfully rolled out|roll out complete|rolling update complete' ;;
	esac
}

# addon_pods NAMESPACE NUMBER: at least so many pods, all of them Ready or finished.
addon_pods() {
	local pods
	pods=$(kc get pods -n "$1" -o 'jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return
	[ "$(grep -c . <<< "$pods")" -ge "$2" ] && ! grep -vE ' (Running True|Succeeded .*)$' <<< "$pods"
}
