# The Go modules of providers with source = go. providers/go/NAME-VERSION/ pins one: its module.ini names the PATH of the
# module, its go.mod requires that version of it. Here they are made for other versions, with the host's Go. Sourced; needs
# TOP, BIN and KS_CACHE.
# shellcheck shell=bash
. "$TOP/mk/sh/provider/versions.sh"
. "$TOP/mk/sh/common/go.sh"

# gomod_start: check the host's Go, and set the environment of all that is run here. Of the user's settings for Go, those
# count that say where modules come from and who vouches for them, also if "go env -w" has set them.
gomod_start() {
	local keep=(GOPROXY GONOPROXY GOSUMDB GONOSUMDB GOPRIVATE GOINSECURE GOAUTH) name settings
	command -v go > /dev/null || fail "go not found: this needs Go 1.24 or newer on this machine, in PATH"
	settings=$(cd / && GOTOOLCHAIN=local GOWORK=off go env -json GOVERSION "${keep[@]}" 2>&1) || fail "go env: ${settings##*$'\n'}"
	name=$(jq -r .GOVERSION <<< "$settings")
	[[ $name =~ go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 24 ] ||
		fail "$(command -v go) is $name: this needs Go 1.24 or newer on this machine, in PATH"
	for name in ${!GO@}; do unset "$name"; done
	for name in "${keep[@]}"; do export "$name=$(jq -r --arg name "$name" '.[$name] // ""' <<< "$settings")"; done
	# The stages' cache of modules; what go.mod asks for decides which Go resolves it.
	export GOENV=off GOWORK=off GO111MODULE=on GOTOOLCHAIN=auto GOFLAGS=-modcacherw CGO_ENABLED=0
	export GOPATH=$KS_CACHE/go/path GOMODCACHE=$KS_CACHE/go/modules GOCACHE=$KS_CACHE/go/build
}

# gomod_go WHAT DIRECTORY ARGUMENT...: run go there; its output is go's. If it fails, so does the script, saying that WHAT
# failed and why.
gomod_go() {
	local out
	out=$(mktemp)
	if ! (cd "$2" && go "${@:3}" 2> "$out.err") > "$out"; then
		# With -json the message is part of the output.
		fail "$1: $(go_reason "$(jq -r '.Error // empty' "$out" 2> /dev/null; cat "$out.err"; rm -f "$out" "$out.err")")"
	fi
	cat "$out"
	rm -f "$out" "$out.err"
}

# gomod_split NAME-VERSION: set $name and $version; fail if it has another form.
gomod_split() {
	[[ $1 =~ ^([a-z0-9-]+)-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)$ ]] || fail "[go] modules: '$1' is not NAME-VERSION"
	name=${BASH_REMATCH[1]} version=${BASH_REMATCH[2]}
}

# gomod_check MODULE: fail unless there is such a module and its module.ini is valid.
gomod_check() {
	[ -e "$TOP/providers/go/$1/module.ini" ] || fail "[go] modules: $1: there is no providers/go/$1/module.ini"
	(cd "$TOP" && "$BIN/provconf" --module --check "providers/go/$1")
}

# gomod_path MODULE: print the path of the Go module that it pins.
gomod_path() {
	local path
	path=$(go_value "$1" path)
	[ -n "$path" ] || fail "providers/go/$1/module.ini: [module] path is not set"
	echo "$path"
}

# gomod_of PROVIDER NAME: print its module of that name, NAME-VERSION; nothing if it has none.
gomod_of() {
	local module name version
	for module in $(version_of "$1" go.modules); do
		gomod_split "$module"
		[ "$name" != "$2" ] || echo "$module"
	done
}

# gomod_names PROVIDER: print the names of its modules, in one line.
gomod_names() {
	local module name version names=()
	for module in $(version_of "$1" go.modules); do
		gomod_split "$module"
		names+=("$name")
	done
	echo "${names[*]}"
}

# gomod_owner PROVIDER MODULE: print the provider whose own provider.ini names it: PROVIDER, or one that it inherits.
gomod_owner() {
	local dirs dir
	dirs=$("$BIN/provconf" -I "$TOP/providers" --dirs "$TOP/providers/$1")
	for dir in $dirs; do
		if "$BIN/inifile" --replace "go.modules=$2 $2" "$dir/provider.ini" > /dev/null; then
			basename "$dir"
			return
		fi
	done
}

# gomod_users MODULE: print the providers that name it. A provider that cannot be read may be one.
gomod_users() {
	local dir modules
	for dir in "$TOP"/providers/*/ "$TOP"/tests/providers/*/; do
		[ -e "$dir/provider.ini" ] || continue
		modules=$("$BIN/provconf" -I "$TOP/providers" -I "$TOP/tests/providers" --get go.modules "$dir" 2> /dev/null) || [ $? = 3 ] ||
			modules=$1
		[[ " $modules " != *" $1 "* ]] || basename "$dir"
	done
}

# gomod_download PATH VERSION: fetch the module, and print what "go mod download -json" says about it.
gomod_download() {
	gomod_go "$1 v$2" / mod download -json "$1@v$2"
}

# gomod_edits DIRECTORY OLD VERSION JSON: print, a line each, the options of "go mod edit" that change the go.mod there from
# version OLD of the module in JSON (gomod_download) to VERSION:
# - Modules of the same repository that have the same version get the new one too.
# - A module in the repository of Kubernetes is replaced there by a directory, ./staging/src/PATH, that is not part of the
#   module; v1.36.3 goes with v0.36.3 of the module itself.
# - Indirect requirements follow from the others, unless a comment says why they are there ("// indirect; why").
# - The "godebug" lines are those of the module. They say which Go version's defaults the programs have at run time, and Go reads
#   them only from the main module, which is ours: without them, a newer Go than upstream's would bring newer defaults.
gomod_edits() {
	local path root
	path=$(jq -r .Path <<< "$4")
	root=$(sed -E 's,^(github\.com/[^/]+/[^/]+|[^/]+/[^/]+).*,\1/,' <<< "$path")
	# The JSON has no comments, and "// indirect" alone is told from one with more text only in the file itself. What "go help mod
	# edit" calls Godebug is GoDebug in the JSON.
	go mod edit -json "$1/go.mod" | jq -r --rawfile text "$1/go.mod" --arg path "$path" --arg root "$root" --arg old "v$2" --arg new "v$3" '
		def moves: .Version == $old and ("\(.Path)/" | startswith($root));
		($text | split("\n") | map(sub("^(require)?[ \t]+"; ""))) as $lines |
		"-require=\($path)@\($new)",
		(.Require[]? | select(moves) | "-require=\(.Path)@\($new)"),
		(.Replace[]? | select($path == "k8s.io/kubernetes" and .Old.Path == .New.Path and (.Old.Path | startswith("k8s.io/"))) | "-dropreplace=\(.Old.Path)"),
		(.Require[]? | select(.Path != $path and (moves | not) and ("\(.Path) \(.Version) // indirect" | IN($lines[]))) | "-droprequire=\(.Path)"),
		((.GoDebug // .Godebug)[]? | "-dropgodebug=\(.Key)")'
	go mod edit -json "$(jq -r .GoMod <<< "$4")" | jq -r --arg version "v0.${3#*.}" '
		(.Replace[]? | select(.New.Path | startswith("./staging/src/")) | "-replace=\(.Old.Path)=\(.Old.Path)@\($version)"),
		((.GoDebug // .Godebug)[]? | "-godebug=\(.Key)=\(.Value)")'
}

# gomod_make OLD VERSION NEW: make the directory NEW from providers/go/OLD for another version of its module, and set
# $gomod_source to the directory with the module's files.
gomod_make() {
	local path name version json edits got
	gomod_split "$1"
	path=$(gomod_path "$1")
	json=$(gomod_download "$path" "$2")
	gomod_source=$(jq -r .Dir <<< "$json")
	cp -RT "$TOP/providers/go/$1" "$3"
	edits=$(gomod_edits "$3" "$version" "$2" "$json")
	mapfile -t edits <<< "$edits"
	gomod_go "providers/go/$1/go.mod" "$3" mod edit "${edits[@]}"
	echo "resolving $path v$2" >&2
	gomod_go "$path v$2" "$3" mod tidy
	got=$(gomod_pinned "$3" "$path")
	[ -n "$got" ] || fail "providers/go/$1: nothing in it imports $path"
	[ "$got" = "v$2" ] || fail "$path v$2: its dependencies need $got of it"
	gomod_set_go "$3"
}

# gomod_pinned DIRECTORY PATH: print the version of the module PATH that the go.mod there requires.
gomod_pinned() { go mod edit -json "$1/go.mod" | jq -r --arg path "$2" '.Require[]? | select(.Path == $path) | .Version'; }

# gomod_set_go DIRECTORY: a go.mod that asks for a newer Go than module.ini compiles with raises that.
gomod_set_go() {
	local had want
	had=$("$BIN/inifile" --get module.go "$1/module.ini") || [ $? = 3 ]
	want=$(go mod edit -json "$1/go.mod" | jq -r .Go)
	[ -z "$had" ] || ! version_newer "$want" "$had" || "$BIN/inifile" --in-place --set "module.go=$want" "$1/module.ini"
}

# gomod_prepare OLD VERSION NEW: like gomod_make, for providers/go/NAME-VERSION; if that is there already, because another
# provider has this version, nothing is made.
gomod_prepare() {
	local name version path dir got
	gomod_split "$1"
	dir=providers/go/$name-$2
	[ -d "$TOP/providers/go/$1" ] || fail "providers/go/$1: no such directory"
	if [ ! -e "$TOP/$dir" ]; then
		gomod_make "$1" "$2" "$3"
		return
	fi
	[ -n "$(gomod_users "$name-$2")" ] || fail "$dir: already exists, and no provider names it; remove it first"
	path=$(gomod_path "$1")
	got=$(gomod_pinned "$TOP/$dir" "$path")
	[ "$got" = "v$2" ] || fail "$dir: already exists, but pins ${got:-no version} of $path"
	gomod_source=$(gomod_download "$path" "$2" | jq -r .Dir)
}

# gomod_place NEW MODULE: move what gomod_prepare has made as NEW to its place, and set $placed to that; nothing if NEW was not
# made.
gomod_place() {
	[ -d "$1" ] || return 0
	mv -T "$1" "$TOP/providers/go/$2"
	placed=$TOP/providers/go/$2
	echo "made      providers/go/$2"
}

# gomod_name FILE OLD NEW MODULES: in the provider.ini FILE, name the module NEW for OLD. If OLD is inherited, FILE gets the
# whole list: MODULES is what it is so far.
gomod_name() {
	local module list=()
	"$BIN/inifile" --in-place --replace "go.modules=$2 $3" "$1" && return
	for module in $4; do
		[ "$module" != "$2" ] || module=$3
		list+=("$module")
	done
	"$BIN/inifile" --in-place --set "go.modules=${list[*]}" "$1"
}

# gomod_tells TAG VERSION: does the tag contain the version?
gomod_tells() { [[ -n $2 && " $1 " == *[!0-9.]"$2"[!0-9.]* ]]; }

# gomod_follow PROVIDER NAME OLD NEW: in its own provider.ini, a tag [images] NAME that has the version OLD of that module
# gets NEW instead.
gomod_follow() {
	local tag
	tag=$(version_of "$1" "images.$2")
	! gomod_tells "$tag" "$3" || "$BIN/inifile" --in-place --set "images.$2=${tag%%"$3"*}$4${tag#*"$3"}" "$TOP/providers/$1/provider.ini"
}

# gomod_kubeadm PROVIDER: set in its own provider.ini what kubeadm of the version in $gomod_source determines: the tags of
# pause, etcd and CoreDNS; and kubeadm_api, if this kubeadm lacks it. A tag in [images] that tells a module's version stays, and
# [upstream] gets the tag of the released image.
gomod_kubeadm() {
	local file=$TOP/providers/$1/provider.ini kubeadm=$gomod_source/cmd/kubeadm/app section key constant had tag module name version apis
	for key in pause:PauseVersion etcd:DefaultEtcdVersion coredns:CoreDNSVersion; do
		constant=${key#*:} key=${key%:*}
		had=$(version_of "$1" "images.$key")
		module=$(gomod_of "$1" "$key")
		version=
		[ -z "$module" ] || gomod_split "$module"
		section=images
		[ -n "$had" ] || continue
		if gomod_tells "$had" "$version"; then
			[ -n "$(version_of "$1" upstream.repository)" ] || continue
			section=upstream
			had=$(version_of "$1" "upstream.$key" | grep . || echo "$had")
		fi
		tag=$(sed -nE "s/^[[:blank:]]*$constant = \"([0-9A-Za-z._-]+)\"\$/\\1/p" "$kubeadm/constants/constants.go" 2> /dev/null) || true
		if [ -z "$tag" ]; then
			echo "kubeadm's sources do not say which $key it wants: $section.$key = $had is unchanged; please check it" >&2
		elif [ "$tag" != "$had" ]; then
			"$BIN/inifile" --in-place --set "$section.$key=$tag" "$file"
		fi
	done
	had=$(version_of "$1" kubernetes.kubeadm_api)
	apis=("$kubeadm"/apis/kubeadm/v[0-9]*)
	[ -z "$had" ] || [ ! -d "${apis[0]:-}" ] || [ -d "$kubeadm/apis/kubeadm/$had" ] ||
		"$BIN/inifile" --in-place --set "kubernetes.kubeadm_api=$(basename "${apis[-1]}")" "$file"
}
