# Shared by publishing and pulling; sourced. AUTHFILE, TLS_VERIFY and CERT_DIR are the user's.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

# registry_access: sets $access, options that regpush, regpull and `skopeo inspect` share.
registry_access() {
	[[ ${TLS_VERIFY:-} =~ ^(|true|false)$ ]] || refuse "TLS_VERIFY=$TLS_VERIFY: true or false"
	access=(${TLS_VERIFY:+"--tls-verify=$TLS_VERIFY"} ${CERT_DIR:+--cert-dir "$CERT_DIR"} ${AUTHFILE:+--authfile "$AUTHFILE"})
}

# registry_manifest NAME: print the manifest that a registry has under NAME; with --config the image's configuration.
registry_manifest() { timeout 60 skopeo inspect --raw "${access[@]}" "${@:2}" "docker://$1"; }

# publish_where: split $REGISTRY/$PROVIDER into the registry $host and the repository $repo. An invalid value is not shown,
# since it may contain a password.
publish_where() {
	local part='[a-z0-9]+([._-]+[a-z0-9]+)*'
	[[ $REGISTRY/$PROVIDER =~ ^([A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:]+\](:[0-9]+)?)((/$part)+)$ ]] ||
		refuse "REGISTRY: HOST[:PORT]/PATH in lower-case letters and digits, without a scheme or a user"
	host=${BASH_REMATCH[1]} repo=${BASH_REMATCH[4]#/}
}

# sha256 FILE: its digest, "sha256:HEX".
sha256() { sha256sum < "$1" | sed 's/ .*//; s/^/sha256:/'; }
