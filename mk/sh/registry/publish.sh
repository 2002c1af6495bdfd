# What publishes and pulls images shares. Sourced. AUTHFILE, TLS_VERIFY and CERT_DIR are the user's.
# shellcheck shell=bash

# registry_access: $access, options of regpush, regpull and `skopeo inspect`, which call them the same.
registry_access() {
	case ${TLS_VERIFY:-} in
	'') access=() ;;
	true | false) access=("--tls-verify=$TLS_VERIFY") ;;
	*) echo "error: TLS_VERIFY=$TLS_VERIFY: true or false" >&2; return 2 ;;
	esac
	[ -z "${CERT_DIR:-}" ] || access+=(--cert-dir "$CERT_DIR")
	[ -z "${AUTHFILE:-}" ] || access+=(--authfile "$AUTHFILE")
}

# publish_where: from REGISTRY and PROVIDER the registry $host and the repository $repo. What is no registry is not
# repeated: it may have a password in it.
publish_where() {
	local part='[a-z0-9]+([._-]+[a-z0-9]+)*'
	[[ $REGISTRY/$PROVIDER =~ ^([A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:]+\](:[0-9]+)?)((/$part)+)$ ]] ||
		{ echo "error: REGISTRY: HOST[:PORT]/PATH in lower-case letters and digits, without a scheme or a user" >&2; return 2; }
	host=${BASH_REMATCH[1]} repo=${BASH_REMATCH[4]#/}
}

# published_value FILE NAME: of a published.json: what is called NAME, a list as words.
published_value() {
	sed -nE "s/^ *\"$2\": (.*[^,]),?\$/\\1/p" "$1" 2> /dev/null | tr -d '[]",'
}

# last_words LOG: the last line in it; skopeo's without what it wraps around.
last_words() {
	grep -av '^ *$' "$1" | tail -n 1 | sed -E -e 's/^time="[^"]*" level=[a-z]+ msg="(.*)"$/\1/' -e 's/\\"/"/g'
}
