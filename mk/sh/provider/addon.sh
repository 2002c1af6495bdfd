# Add-ons (addon(1)): sourced by what applies them, pins them and lists their images. Needs BIN, TOP, KS_CACHE,
# PROVIDER_DIRS and, to apply them, kube.sh; the provider's settings are in the shell's variables. $addon_first is searched
# before the manifests of the provider and of the checkout.
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
. "$TOP/mk/sh/common/conf.sh"

# addon_tool OPTION... NAME...: run addon(1).
addon_tool() {
	local dir defines include=()
	conf_defines kubernetes_ network_ images_ storage_
	[ -z "${addon_first:-}" ] || include=(-I "$addon_first")
	for dir in $PROVIDER_DIRS .; do include+=(-I "$TOP/$dir/manifests"); done
	"$BIN/addon" "${defines[@]}" "${include[@]}" --fetch "$BIN/fetch" --cache "$KS_CACHE/downloads/sha256" "$@"
}

# addon_needs NAME...: the add-ons and those that they need, each after what it needs.
addon_needs() { addon_tool --needs "$@"; }

# addon_pack NAME DIR: write to DIR all that is needed to apply the add-on later, without a network or a checkout.
addon_pack() { addon_tool --pack "$2" "$1"; }

# addon_apply DIR: apply what addon_pack has left there, and wait until it runs.
addon_apply() {
	local addon_name addon_apply addon_needs addon_namespace addon_wait addon_timeout file words wait end options=()
	conf_read "$1/conf"
	if [ -n "$addon_namespace" ]; then
		options=(--namespace "$addon_namespace")
		kc get namespace "$addon_namespace" > /dev/null 2>&1 || kc create namespace "$addon_namespace" || return
	fi
	for file in "$1"/*.yaml "$1"/*.yml "$1"/*.json; do
		[ -e "$file" ] || continue
		# shellcheck disable=SC2086 # options
		words=$(kube_apply $addon_apply "${options[@]}" -f "$file") || return
		printf '%s\n' "$words"
		# The next file may contain objects of the kinds that this one defines.
		[[ $words == *customresourcedefinition.apiextensions.k8s.io/* ]] || continue
		kc wait --for condition=Established crd --all --timeout "$(cl_scale 60)s" > /dev/null || return
	done
	end=$((SECONDS + $(cl_scale "${addon_timeout:-120}")))
	for wait in $addon_wait; do
		kube_wait "$((end > SECONDS ? end - SECONDS : 0))" "the add-on $addon_name: $wait" addon_is "$wait" || return
	done
}

# addon_with DIR NAME...: apply the add-ons that are packed in DIR/NAME, each once and after those that it needs.
addon_with() {
	local dir=$1 name order
	shift
	order=$("$BIN/addon" --packed "$dir" "$@") || return
	for name in $order; do
		printf '== the add-on %s\n' "$name"
		addon_apply "$dir/$name" || return
	done
}

# addon_is WAIT: is it true now? (the key wait of addon.ini(5))
addon_is() {
	local kind=${1%%/*} rest=${1#*/} namespace=()
	case $1 in
	*=*)
		rest=${rest%%=*}
		[[ $rest != */* ]] || namespace=(--namespace "${rest%%/*}")
		[ "$(kc get "${namespace[@]}" "$kind" "${rest##*/}" -o "jsonpath={.status.conditions[?(@.type==\"${1##*=}\")].status}")" = True ]
		;;
	crd/*) kc wait --for condition=Established "crd/$rest" --timeout 1s ;;
	pods/*) kube_pods_are Succeeded "${rest##*/}" "${rest%%/*}" ;;
	*) kc rollout status --watch=false --namespace "${rest%%/*}" "$kind/${rest##*/}" | grep -qE 'successfully rolled out|roll out complete|rolling update complete' ;;
	esac
}
