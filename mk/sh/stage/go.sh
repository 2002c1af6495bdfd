# Programs compiled from Go modules. providers/go/NAME-VERSION/ is a module of ours whose go.mod and go.sum pin and verify
# every byte of the source; its module.ini says what is compiled (module.ini(5)). It is compiled in the Debian tree of the
# stage builder, and kept in the user's cache under the digest of everything that determines the result. Sourced by stages,
# after lib.sh.
# shellcheck shell=bash
. "$TOP/mk/sh/common/go.sh"
. "$TOP/mk/sh/stage/builder.sh"
go_cache=$KS_CACHE/go

# go_id MODULE: print the digest of everything that determines its programs. The builder is part of it only with cgo: without,
# they contain nothing but what the modules and the toolchain, a module too, bring along.
go_id() {
	{
		(cd "$TOP/providers/go/$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
		sha256sum < "$TOP/mk/sh/stage/go-build"
		[ -z "$(go_value "$1" generate)" ] || sha256sum < "$TOP/mk/sh/stage/go-generate"
		go_variables "$1"
		[ "$(go_value "$1" cgo)" != yes ] || cat "$IN_builder/id"
	} | sha256sum | cut -c 1-32
}

# go_programs MODULE DEST: its programs, in the directory DEST: from the user's cache, or compiled.
go_programs() {
	local id cached
	id=$(go_id "$1")
	cached=$go_cache/programs/$1.$id
	builder_cached "$1" "$cached" go_compile "$1"
	mkdir -p "$2"
	cp -l "$cached"/bin/* "$2/" 2> /dev/null || cp -f "$cached"/bin/* "$2/"
}

# go_cpu: set cpu to the seconds of processor time that this shell's children have used (proc_pid_stat(5): cutime, cstime).
go_cpu() {
	local stat
	read -ra stat < "/proc/$BASHPID/stat"
	cpu=$(((stat[15] + stat[16]) / $(getconf CLK_TCK)))
}

# go_compile MODULE DIR: compile its programs, as DIR/bin.
go_compile() {
	local module=$1 new=$2 binds file log=$OUT/go.log certificates programs run generate tags begin cpu before said
	mkdir -p "$new/bin" "$go_cache"/{modules,build}
	cp -RT "$TOP/providers/go/$module" "$new/source"
	# The machine's way to the network, and the authorities that it trusts: a proxy may have one of its own.
	certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
	binds=("$new/source=/source" "$new/bin=/out" "$go_cache/modules=/modules" "$go_cache/build=/build"
		"$TOP/mk/sh/stage/go-build=/go-build" "$TOP/mk/sh/stage/go-generate=/go-generate" "$new/network=/network,ro")
	for file in /etc/resolv.conf=/etc/resolv.conf /etc/hosts=/etc/hosts "$certificates=/etc/ssl/certs/ca-certificates.crt" \
		"${NETRC:-${HOME:-/root}/.netrc}=/root/.netrc"; do
		[ ! -e "${file%%=*}" ] || binds+=("$file")
	done
	# GOPROXY may name directories.
	for file in $(grep -oE '(^|[,|])file://[^,|]+' <<< "${GOPROXY:-}" | sed 's,.*file://,,'); do binds+=("$file=$file,ro"); done
	# Not as arguments, which everyone can read: a proxy's URL may have a password in it.
	(umask 077 && go_network > "$new/network")
	read -ra programs <<< "$(go_value "$module" programs)"
	run=(builder_run "${binds[@]}" -- bash -c 'set -a && . /network && exec "$@"' bash env GOTOOLCHAIN="go$(go_value "$module" go)" GOMODCACHE=/modules
		GOCACHE=/build CGO_ENABLED="$([ "$(go_value "$module" cgo)" = yes ] && echo 1 || echo 0)")
	generate=$(go_value "$module" generate)
	tags=$(go_value "$module" tags)
	builder_unpack
	go_cpu
	begin=$SECONDS before=$cpu
	# The last message stays on the status line, and go is silent while it compiles.
	say "compiling $module: $(go_value "$module" programs | sed 's/=[^ ]*//g')"
	{
		[ -z "$generate" ] ||
			"${run[@]}" /go-generate "$generate" /source "$(go_value "$module" path)" "$tags" "${programs[@]#*=}" || exit
		"${run[@]}" /go-build /source /out "$tags" "$(go_variables "$module")" "${programs[@]}"
	} 2>&1 | tee "$log" | sed -u '/^go: downloading /d' || {
		# It may have a password in it.
		rm -f "$new/network"
		said=$(sed "s,\(^\|[^[:alnum:]]\)/modules/,\1$go_cache/modules/,g; s,\(^\|[^[:alnum:]]\)/build/,\1$go_cache/build/,g" "$log")
		fail "$module: $(go_reason "$said")"
	}
	go_cpu
	say "compiled $module in $((SECONDS - begin)) s, $((cpu - before)) s of processor time"
	rm -rf "$new/source" "$new/network"
}

# go_network: of the user's settings, those that say where modules come from, as shell. go.sum verifies modules, but only the
# checksum database verifies the toolchain: without it, Go would refuse to fetch one.
go_network() {
	local name
	for name in GOPROXY GONOSUMDB GONOPROXY GOSUMDB HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
		[ -z "${!name:-}" ] || [ "$name=${!name}" = GOSUMDB=off ] || printf '%s=%q\n' "$name" "${!name}"
	done
}

# go_variables MODULE: the -X flags of the linker. Of a version 1.36.3, @version@ is 1.36.3, @major@ 1 and @minor@ 36.
go_variables() {
	local version=${1#"${1%%-[0-9]*}"-} major minor
	IFS=. read -r major minor _ <<< "$version"
	go_value "$1" variables | tr ' ' '\n' | sed -n "s/@version@/$version/; s/@major@/$major/; s/@minor@/$minor/; s/^./-X &/p" | paste -sd ' '
}
