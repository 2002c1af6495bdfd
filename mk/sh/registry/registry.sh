# Shared by publishing and pulling; sourced. AUTHFILE, TLS_VERIFY and CERT_DIR are the user's.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

# registry_access: sets $access, options that regpush and regpull share.
registry_access() {
	[[ ${TLS_VERIFY:-} =~ ^(|true|false)$ ]] || refuse "TLS_VERIFY=$TLS_VERIFY is neither true nor false"
	access=(${TLS_VERIFY:+"--tls-verify=$TLS_VERIFY"} ${CERT_DIR:+--cert-dir "$CERT_DIR"} ${AUTHFILE:+--authfile "$AUTHFILE"})
}

# layout_digest LAYOUT NAME: print the digest of the image NAME, if LAYOUT has it.
layout_digest() { "$BIN/ocipack" --list "$1" | awk -v name="$2" '$1 == name { print $2 }'; }

# publish_where: split $REGISTRY/$PROVIDER into the registry $host and the repository $repo. An invalid value is not shown,
# since it may contain a password.
publish_where() {
	local part='[a-z0-9]+([._-]+[a-z0-9]+)*'
	[[ $REGISTRY/$PROVIDER =~ ^([A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:]+\](:[0-9]+)?)((/$part)+)$ ]] ||
		refuse "REGISTRY must have the form HOST[:PORT]/PATH, in lower-case letters and digits, without a scheme or user"
	host=${BASH_REMATCH[1]} repo=${BASH_REMATCH[4]#/}
}
