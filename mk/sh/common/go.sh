# The modules below providers/go, and what go says. Sourced; needs TOP and BIN.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

# go_value MODULE KEY: print a value of its module.ini; nothing if it is not set.
go_value() {
	[ -e "$TOP/providers/go/$1/module.ini" ] || fail "[go] modules: $1: there is no providers/go/$1/module.ini"
	"$BIN/inifile" --get "module.$2" "$TOP/providers/go/$1/module.ini" || [ $? = 3 ]
}

# go_compiled: print the provider's modules whose programs are compiled, a line each: with source = upstream not those of Kubernetes
# itself, whose programs and images are downloaded; and flannel's only with cni = flannel.
go_compiled() {
	local module
	for module in ${go_modules:-}; do
		case ${module%%-[0-9]*} in
		kubernetes | etcd | coredns) [ "$kubernetes_source" != upstream ] || continue ;;
		flannel) [ "${network_cni:-}" = flannel ] || continue ;;
		esac
		echo "$module"
	done
}

# go_reason TEXT: what go's messages TEXT mean, in one line.
go_reason() {
	local text why
	# With a blank at its end, so that a pattern can end with one.
	text=$(sed -E '/^go: (downloading|finding|found|added|upgraded|downgraded) /d' <<< "$1" | tr -s ' \t\n' ' ')
	case $text in
	*'o space left on device'*) why='no space left' ;;
	*'checksum mismatch'* | *'SECURITY ERROR'*) why='the contents differ from the digest' ;;
	*'connection refused'* | *'dial tcp'* | *'no such host'* | *'i/o timeout'* | *'timeout awaiting'* | *'deadline exceeded'* | *'TLS handshake'* | \
		*': EOF '* | *'unexpected EOF '* | *'disabled by GOPROXY=off'*) why='the Go module proxy cannot be reached' ;;
	*'not a valid zip file'*) why='a module in the cache is damaged; remove it' ;;
	*'invalid proxy URL'* | *'invalid GOPROXY'*) why='GOPROXY is not valid' ;;
	*': 5'[0-9][0-9]\ *) why='the Go module proxy has an error' ;;
	*'toolchain not available'* | *golang.org/toolchain@* | *'running go '*) why='this version of Go cannot be obtained' ;;
	*': 4'[0-9][0-9]\ * | *'no such file or directory'* | *'unknown revision'* | *'invalid version'*)
		why='the Go module proxy refuses it' ;;
	*'go-generate: '*) why='generating source failed' ;;
	*) why='go failed' ;;
	esac
	text=${text# }
	text=${text% }
	text=${text:0:1000}
	echo "$why: ${text:-no message}"
}
