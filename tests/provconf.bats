# provconf: merging, checking and printing provider.ini, in small trees of providers.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p p/base/stage p/child/stage
	touch p/base/stage/one p/base/stage/two
	cat > p/base/provider.ini <<-'END'
		; what all inherit
		[provider]
		description = the base
		[debian]
		suite = bookworm
		[node]
		memory = 1G
		cpus = 2
		disk = 10G
		packages = alpha
		  beta   ; a comment
		  gamma
		append = quiet
		[stage one]
		[stage two]
	END
	# Each stage needs at least one key.
	sed -i 's/^\[stage one\]/&\ntitle = first/; s/^\[stage two\]/&\nneeds = one/' p/base/provider.ini
	cat > p/child/provider.ini <<-'END'
		[provider]
		inherit = base
		description = the child
		[node]
		memory = 2G
		packages += delta
	END
}

# child LINE...: adds lines to the child's provider.ini.
child() { printf '%s\n' "$@" >> p/child/provider.ini; }

# line TEXT: the number of the last line with TEXT in the child's provider.ini.
line() { grep -anF -- "$1" p/child/provider.ini | tail -n 1 | cut -d: -f1; }

# refuses TEXT...: provconf exits with 2 and one line that contains every TEXT.
refuses() {
	local text
	run -2 --separate-stderr provconf -c p/child
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	for text; do
		[[ $stderr == *"$text"* ]] || { echo "no '$text' in: $stderr"; return 1; }
	done
}

@test "a valid provider: no output and exit status 0" {
	run -0 provconf -c p/child
	[ -z "$output" ]
	run -0 provconf -v -c p/child
	[[ $output == "provconf: p/child: "*" values, 2 stages" ]]
}

@test "a value replaces the inherited one, += extends it, the rest is inherited" {
	run -0 provconf -g node.memory p/child
	[ "$output" = 2G ]
	run -0 provconf -g node.packages p/child
	[ "$output" = "alpha beta gamma delta" ]
	run -0 provconf -g debian.suite p/child
	[ "$output" = bookworm ]
	run -0 provconf -g node.packages p/base
	[ "$output" = "alpha beta gamma" ]
}

@test "an empty value clears, += can follow in the same file, and exit status 3 means unset" {
	child '[node]' 'append =' '[stage two]' 'tools = x' 'tools += y' '  z'
	run -0 provconf -g node.append p/child
	[ -z "$output" ]
	[ "$(provconf -g 'stage two.tools' p/child)" = "x y z" ]
	run -3 provconf -g node.kernel p/child
	[ -z "$output" ]
	run -2 provconf -g node.kernal p/child
	[[ $output == *"did you mean 'kernel'"* ]]
	run -2 provconf -g node p/child
}

@test "inheritance is a chain; -I is searched after the inheriting provider's own directory" {
	mkdir -p elsewhere/far/stage other/base q/top
	printf '[provider]\ninherit = child\ndescription = top\n[node]\npackages += epsilon\n' > q/top/provider.ini
	run -2 provconf -c q/top
	[[ $output == *"q/top/provider.ini:2: provider.inherit: provider 'child' not found beside q/top" ]]
	run -2 provconf -c -I other q/top
	[[ $output == *"or in the directories of -I" ]]
	# This base is not used: there is one beside the child.
	printf '[provider]\ndescription = wrong\n' > other/base/provider.ini
	run -0 provconf -I other/ -I p// -g node.packages q/top/
	[ "$output" = "alpha beta gamma delta epsilon" ]
	run -0 provconf -I other -I p --dirs q/top
	[ "$output" = $'q/top\np/child\np/base' ]
	run -0 bash -c 'cd p/child && provconf --dirs .'
	[ "$output" = $'.\n./../base' ]
	run -0 bash -c 'cd p && provconf --dirs child'
	[ "$output" = $'child\nbase' ]
}

@test "circular inheritance is an error, with one provider and with three" {
	sed -i 's/inherit = base/inherit = child/' p/child/provider.ini
	refuses "p/child/provider.ini:2: provider.inherit: 'child' inherits itself"
	sed -i 's/inherit = child/inherit = base/' p/child/provider.ini
	sed -i 's/description = the base/&\ninherit = more/' p/base/provider.ini
	mkdir p/more
	printf '[provider]\n\ninherit = child\n' > p/more/provider.ini
	refuses "p/more/provider.ini:3: provider.inherit: 'child' inherits itself"
}

@test "a chain of inheritance has at most 16 providers" {
	local i
	mv p/child p/p1
	for ((i = 2; i <= 16; i++)); do
		mkdir p/p$i
		printf '[provider]\ninherit = p%d\n' $((i - 1)) > p/p$i/provider.ini
	done
	# With the base, p15 is the 16th.
	run -0 provconf -g node.memory p/p15
	[ "$output" = 2G ]
	run -2 provconf -c p/p16
	[[ $output == "provconf: p/p1/provider.ini:2: provider.inherit: more than 16 providers in the chain of inheritance" ]]
}

@test "errors give the file, the line and the key" {
	local -A wrong=(
		['memori = 1G']="node.memori: unknown key (did you mean 'memory'?)"
		['frobnicate = 1']="node.frobnicate: unknown key"
		['cpus = two']="node.cpus: 'two' is not a whole number"
		['cpus = 0']="node.cpus: '0' is not a whole number from 1"
		['cpus = -1']="node.cpus: '-1' is not"
		['cpus += 1']="node.cpus: += is allowed for"
		['disk = 10 G']="node.disk: '10 G' is not a size"
		['disk = 0']="node.disk: '0' is not a size"
		['kernel = a b']="node.kernel: 'a b' is not a name"
		['modules = good ../bad']="node.modules: '../bad' is not a name"
		[$'append = a\tb']="node.append: contains a control character"
		[$'append = a\xffb']="node.append: contains a control character (a tab?) or a byte that is not UTF-8"
		[$'append = \xed\xa0\x80']="node.append: contains a control character"
	)
	local text
	cp p/child/provider.ini ini
	for text in "${!wrong[@]}"; do
		cp ini p/child/provider.ini
		child "$text"
		refuses "p/child/provider.ini:$(line "$text"):" "${wrong[$text]}"
	done
}

@test "networks that overlap, and addresses outside: the file, the line and the key of the one to change" {
	printf '%s\n' '[network]' 'address = 192.168.66.2/24' 'first_node = 192.168.66.100' 'pod_cidr = 10.244.0.0/16' \
		'service_cidr = 10.96.0.0/12' 'dns_address = 10.96.0.10' >> p/base/provider.ini
	local -A wrong=(
		['address = 224.0.0.1/24']="p/child/provider.ini:8: network.address: 224.0.0.1/24 is a multicast address"
		['first_node = 192.168.67.100']="p/child/provider.ini:8: network.first_node: node01: 192.168.67.101 is not in the nodes' network"
		# The inherited one is in the way of this one.
		['pod_cidr = 10.100.0.0/16']="p/base/provider.ini:22: network.service_cidr: 10.96.0.0/12 overlaps pod_cidr, 10.100.0.0/16"
		['service_cidr = 10.0.0.0/8']="p/child/provider.ini:8: network.service_cidr: 10.0.0.0/8 overlaps pod_cidr, 10.244.0.0/16"
		['dns_address = 10.1.0.10']="p/child/provider.ini:8: network.dns_address: 10.1.0.10 is not in the first network of service_cidr"
	)
	local text
	run -0 provconf -c p/child
	cp p/child/provider.ini ini
	for text in "${!wrong[@]}"; do
		cp ini p/child/provider.ini
		child '[network]' "$text"
		refuses "provconf: ${wrong[$text]}"
	done
}

@test "names of earlier versions are errors that give the new name" {
	local -A renamed=(
		['[node]|favour = etcd']="node.favour: renamed to resume_priority"
		['[node]|favour += etcd']="node.favour: renamed to resume_priority"
		['[node]|outdated = etcd']="node.outdated: renamed to restart_after_resume"
		['[stage one]|lists = manifests.apply:x/%']="stage one.lists: renamed to incremental_files"
		['[stage one]|live = looks']="stage one.live: looks: renamed to read-only"
	)
	local text
	cp p/child/provider.ini ini
	for text in "${!renamed[@]}"; do
		cp ini p/child/provider.ini
		child "${text%%|*}" "${text#*|}"
		refuses "provconf: p/child/provider.ini:$(line "${text#*|}"): ${renamed[$text]}"
	done
	cp ini p/child/provider.ini
	run -2 provconf -g node.favour p/child
	[[ $output == "provconf: node.favour: renamed to resume_priority"* ]]
	run -2 provconf -g 'stage one.lists' p/child
	[[ $output == "provconf: stage one.lists: renamed to incremental_files"* ]]
	# In other sections they are unknown.
	child '[stage one]' 'favour = etcd'
	refuses "stage one.favour: unknown key"
	cp ini p/child/provider.ini
	child '[node]' 'resume_priority = etcd' 'restart_after_resume = kubelet' '[stage one]' 'live = read-only' \
		'incremental_files = manifests.apply:x/%'
	run -0 provconf -c p/child
}

@test "values of every type are checked" {
	local text
	cp p/child/provider.ini ini
	for text in '[kubernetes]|version = v1.20|source = debian' '[kubernetes]|source = ubuntu|version = 1.2' \
		'[network]|pod_cidr = 10.0.0.0' '[network]|pod_cidr = 10.0.0.0/33' '[network]|pod_cidr = 10.0.0.0/8,' \
		'[network]|pod_cidr = fd00::/129' '[network]|dns_address = 10.0.0' '[network]|dns_address = 10.0.0.1/8' \
		'[stage one]|live = true' '[stage one]|timeout = 10s' '[stage one]|needs = Two' '[images]|Upper = x' \
		'[network]|pod_cidr = 1111111111111111111111111111111111111111111111111111111/8'; do
		cp ini p/child/provider.ini
		child "${text%%|*}"
		tr '|' '\n' <<< "${text#*|}" >> p/child/provider.ini
		refuses "p/child/provider.ini:$(($(line "${text%%|*}") + 1)):"
	done
	cp ini p/child/provider.ini
	child '[kubernetes]' 'version = 1.20.2' 'source = debian' 'package_version = 1:1.20.5+really1.20.2-1.1~x' '[network]' \
		'pod_cidr = 10.0.0.0/8,fd00::/64' 'dns_address = fd00::a' '[images]' 'a-b.c_9 = any $thing' \
		'net.ipv4.ip_forward = 1'
	run -0 provconf -c p/child
}

@test "keys that nothing reads are no keys" {
	local text
	cp p/child/provider.ini ini
	for text in '[debian]|components = main' '[kubernetes]|package = kubernetes' '[kubernetes]|tags = a' '[node]|services = a' \
		'[network]|api_address = 10.0.0.1'; do
		cp ini p/child/provider.ini
		child "${text%|*}" "${text#*|}"
		run -2 provconf -c p/child
		[[ $output == "provconf: p/child/provider.ini:$(line "${text#*|}"): "*": unknown key"* ]]
	done
	for text in sysctl files; do
		cp ini p/child/provider.ini
		child "[$text]" 'a = b'
		refuses "p/child/provider.ini:$(line "[$text]"): [$text]: unknown section"
	done
}

@test "invalid sections: unknown, misspelled, a bad stage name, a key before the first" {
	cp p/child/provider.ini ini
	child '[knode]' 'x = 1'
	refuses "p/child/provider.ini:$(line '[knode]'): [knode]: unknown section (did you mean [node]?)"
	cp ini p/child/provider.ini
	child '[something]'
	refuses "p/child/provider.ini:$(line '[something]'): [something]: unknown section"
	[[ $stderr != *mean* ]]
	cp ini p/child/provider.ini
	child '[stage Upper]' 'live = no'
	refuses "p/child/provider.ini:$(line '[stage Upper]'):" "stage NAME"
	cp ini p/child/provider.ini
	child '[stage *]' 'live = no'
	refuses "stage NAME"
	cp ini p/child/provider.ini
	child '[stage one]' '; nothing' '[node]'
	refuses "p/child/provider.ini: [stage one]: the section is empty"
	sed '1i description = early' ini > p/child/provider.ini
	refuses "p/child/provider.ini:1:"
}

@test "required keys must be set, and not be empty" {
	child '[debian]' 'suite ='
	refuses "p/child/provider.ini: debian.suite: is not set"
	sed -i '/^suite/d' p/child/provider.ini
	child '[kubernetes]' 'source = debian'
	refuses "p/child/provider.ini: kubernetes.version: is not set"
}

@test "source = upstream: [upstream] replaces [images], and upstream_files extends the files of a stage" {
	child '[kubernetes]' 'version = 1.2.3' 'source = go' '[images]' 'etcd = 1' 'pause = 2' '[upstream]' 'etcd = 3' 'repository = r' \
		'[stage one]' 'upstream_files = -b c' '[stage two]' 'files = a' 'upstream_files = -b'
	mkdir -p p/child/stage
	touch p/child/stage/{one,two}
	[ "$(provconf -g images.etcd p/child)" = 1 ]
	run -3 provconf -g images.repository p/child
	run -3 provconf -g 'stage one.files' p/child
	mkdir p/grandchild
	printf '[provider]\ninherit = child\n[kubernetes]\nsource = upstream\n[upstream]\ntools_repository = t\n' > p/grandchild/provider.ini
	[ "$(provconf -g images.etcd p/grandchild)" = 3 ]
	[ "$(provconf -g images.pause p/grandchild)" = 2 ]
	[ "$(provconf -g images.repository p/grandchild)" = r ]
	[ "$(provconf -g images.tools_repository p/grandchild)" = t ]
	[ "$(provconf -g 'stage one.files' p/grandchild)" = '-b c' ]
	[ "$(provconf -g 'stage two.files' p/grandchild)" = 'a -b' ]
	[ "$(provconf --origin p/grandchild | grep -c '^etcd = 3 .*p/child/provider.ini:')" = 2 ]
}

@test "a missing or unreadable provider.ini" {
	run -2 provconf p/none
	[ "$output" = "provconf: p/none/provider.ini: No such file or directory" ]
	rm p/child/provider.ini
	mkdir p/child/provider.ini
	run -2 provconf p/child
	[[ $output == "provconf: p/child/provider.ini"* ]]
}

@test "a duplicate key, an invalid line, a continuation of nothing" {
	child 'cpus = 3' 'cpus = 4'
	refuses "p/child/provider.ini:$(line 'cpus = 4'):" cpus "already set in line $(line 'cpus = 3')"
	sed -i '/^cpus/d' p/child/provider.ini
	child 'nonsense'
	refuses "p/child/provider.ini:$(line nonsense)"
	sed -i '/^nonsense/d' p/child/provider.ini
	child 'modules += one' 'modules = two'
	refuses "p/child/provider.ini:$(line 'modules ='): node.modules: already set in line $(line 'modules +=')"
	sed -i '/^modules/d' p/child/provider.ini
	child '[runner]' '  packages = one'
	refuses "p/child/provider.ini:$(line 'packages = one'):" "indented"
}

@test "stages: an unknown need, a circular dependency, a missing script" {
	cp p/child/provider.ini ini
	child '[stage two]' 'needs = one thre'
	refuses "p/child/provider.ini:$(line thre): stage two.needs: no stage 'thre'"
	cp ini p/child/provider.ini
	child '[stage one]' 'needs = two'
	refuses "stage two.needs: circular dependency of stages: one -> two -> one"
	cp ini p/child/provider.ini
	child '[stage one]' 'needs = one'
	refuses "p/child/provider.ini:$(line 'needs = one'): stage one.needs:" "circular dependency of stages: one -> one"
	cp ini p/child/provider.ini
	child '[stage three]' 'needs = two'
	refuses "p/child/provider.ini:$(line 'needs = two'): stage three.needs: the stage has no script: no stage/three"
	touch p/child/stage/three
	run -0 provconf -c p/child
	rm p/child/stage/three
	child 'enabled = no'
	run -0 provconf -c p/child
}

@test "ini: sorted and folded, and the same when it is read again" {
	child '[stage two]' 'needs = one' '[images]' 'x = a #b  c "d" '"'e'" '[node]' 'modules = one two'
	local i
	for i in {1..30}; do child "  a-long-name-of-a-module-$i b$i"; done
	provconf p/child > first
	run ! grep -E '.{120}' first
	mkdir p/again
	cp first p/again/provider.ini
	provconf p/again > second
	diff first second
	LC_ALL=C sort -c <(grep '^\[' first | tr -d '[]')
	[ "$(provconf -g node.modules p/child)" = "$(provconf -g node.modules p/again)" ]
	run -0 provconf -s debian p/child
	[ "$output" = $'[debian]\nsuite = bookworm' ]
	run -0 provconf -s manifests p/child
	[ -z "$output" ]
	run -2 provconf -s manifest p/child
	[[ $output == *"did you mean [manifests]"* ]]
}

@test "--origin adds a comment with the file and line that set a value last" {
	run -0 provconf --origin -s node p/child
	[[ $output == *"cpus = 2 ; p/base/provider.ini:8"* ]]
	[[ $output == *"packages = alpha beta gamma delta ; p/child/provider.ini:$(line 'packages +=')"* ]]
	provconf p/child > plain
	mkdir p/again
	provconf --origin p/child > p/again/provider.ini
	provconf p/again | diff plain -
	run -2 provconf --origin -f sh p/child
}

# nasty: values with characters that are special to a shell or make.
nasty() {
	child '[images]' "quote = it's \"here\" and \$HOME \$(echo no) \`echo no\`" 'hash = a#b \# \\# ##' 'slash = back\slash\' \
		"end = ends with \\\\" 'dollar = $$ ${x} $x' 'star = * ? ~ ! %' 'colon = a := b = c' 'empty =' 'utf = größe' '[stage two]' \
		'needs = one' 'title = two $(words) # of it'
}

@test "sh: a real shell reads every value back" {
	nasty
	provconf -f sh p/child > out.sh
	# shellcheck source=/dev/null
	. ./out.sh
	for key in quote hash slash end dollar star colon empty utf; do
		local name=images_$key
		diff <(provconf -g "images.$key" p/child) <(printf '%s\n' "${!name}")
	done
	# shellcheck disable=SC2154
	[ "$stage_two_title" = 'two $(words) # of it' ]
	# shellcheck disable=SC2154
	[ "$node_packages" = "alpha beta gamma delta" ]
	run -0 dash -c '. ./out.sh; printf "%s\n" "$images_quote"'
	[ "$output" = "$(provconf -g images.quote p/child)" ]
}

@test "sh: names have letters, digits and _ only; two keys with the same name are an error" {
	child '[images]' 'net.ipv4.ip-forward = 1'
	run -0 provconf -f sh -s images p/child
	[ "$output" = "images_net_ipv4_ip_forward='1'" ]
	child 'net.ipv4.ip_forward = 0'
	run -1 provconf -f sh p/child
	[[ $output == *"another key has the same name in the shell: images_net_ipv4_ip_forward"* ]]
}

@test "--stage: what the stage and those that it needs declare, and nothing else" {
	touch p/child/stage/my-x p/child/stage/three
	child '[manifests]' 'apply = dns' '[network]' 'pod_cidr = 10.0.0.0/8' 'domain = a.b' '[stage one]' 'sections = node.cpus' \
		'[stage two]' 'sections = network.pod_cidr' '[stage my-x]' 'needs = two' \
		'incremental_files = manifests.apply:manifests/%.yaml' '[stage three]' 'needs = my-x' 'sections = debian'
	run -0 provconf -f sh --stage one p/child
	[ "$(grep -v ^unset <<< "$output")" = "node_cpus='2'
CONF_NAMES='node_cpus'" ]
	run -0 provconf -f sh --stage my-x p/child
	[ "$(grep -v ^unset <<< "$output")" = "manifests_apply='dns'
network_pod_cidr='10.0.0.0/8'
node_cpus='2'
CONF_NAMES='manifests_apply network_pod_cidr node_cpus'" ]
	# Every other name is unset, and each is a name for the shell.
	for name in debian_suite network_domain node_memory stage_my_x_needs stage_three_sections; do
		grep -qx "unset -v $name" <<< "$output"
	done
	[ "$(grep -c . <<< "$output")" = $(($(provconf -f sh p/child | grep -c .) + 1)) ]
	run -0 env node_memory=9G dash -c 'eval "$(provconf -f sh --stage three p/child)"; echo "${node_memory-none} $debian_suite $node_cpus"'
	[ "$output" = "none bookworm 2" ]
	run -2 provconf -f sh --stage four p/child
	[[ $output == "provconf: no stage 'four'"* ]]
	run -2 provconf --stage one p/child
	run -2 provconf -f sh -s node --stage one p/child
	run -2 provconf -f sh -a --stage one p/child
	run -2 provconf -f sh -c --stage one p/child
}

@test "make: a real make reads every value back, without a warning" {
	nasty
	provconf -f make p/child > out.mk
	# make writes the values to files itself: no shell quotes them.
	cat > Makefile <<-'END'
		include out.mk
		define newline


		endef
		$(foreach k,$(KEYS),$(file >$k.txt,$($k)))
		all:;@:
	END
	local key
	run -0 make -rR --warn-undefined-variables \
		KEYS="images.quote images.hash images.slash images.end images.dollar images.star images.colon images.empty images.utf stage.two.title"
	[[ $output != *warning* ]]
	for key in quote hash slash end dollar star colon empty utf; do
		diff <(provconf -g "images.$key" p/child) "images.$key.txt"
	done
	diff <(provconf -g "stage two.title" p/child) stage.two.title.txt
}

@test "json: nested objects with typed values" {
	nasty
	child 'live = yes' 'timeout = 60' 'tools ='
	provconf -f json p/child > out.json
	[ "$(jq -c '.node.packages' out.json)" = '["alpha","beta","gamma","delta"]' ]
	[ "$(jq -c '[.node.cpus, .node.memory, .stage.two.live, .stage.two.timeout, .stage.two.tools]' out.json)" = '[2,"2G","yes",60,[]]' ]
	diff <(jq -r .images.quote out.json) <(provconf -g images.quote p/child)
	[ "$(provconf -f json -s debian p/child | jq -c .)" = '{"debian":{"suite":"bookworm"}}' ]
}

# documented FILE: the keys in a man page of section 5, as --schema prints them.
documented() {
	awk '
		/^\.Ss \[/ {
			section = substr($0, 6, length($0) - 6)
			sub(/ (NAME|FILE)$/, " *", section)
		}
		/^\.Ss [^[]/ || /^\.Sh / { section = "" }
		section != "" && /^\.It (Cm|Ar) [A-Za-z_0-9]+ No = / {
			key = $2 == "Ar" ? "*" : $3
			type = $0
			sub(/^.* No = (Ar|Cm) /, "", type)
			gsub(/ [|] /, " ", type)
			if ((getline text) <= 0) exit 1
			need = "optional"
			if (text == "Required.") need = "required"
			if (text == "Required if the section has any key.") need = "with-section"
			print section "." key "\t" type "\t" need
		}' "$1"
}

@test "the man pages of section 5 document every key with its type, and no other" {
	diff <(provconf --schema | sort) <(documented "$TOP/tools/provider.ini.5" | sort)
	diff <(provconf --addon --schema | sort) <(documented "$TOP/tools/addon.ini.5" | sort)
	diff <(provconf --module --schema | sort) <(documented "$TOP/tools/module.ini.5" | sort)
	[ "$(provconf --schema | wc -l)" -ge 50 ]
	# The comparison can fail.
	sed 's/^\.It Cm cpus /.It Cm cpu /; s/^\.It Cm memory No = Ar size/.It Cm memory No = Ar name/' "$TOP/tools/provider.ini.5" > page
	run -1 diff <(provconf --schema | sort) <(documented page | sort)
	[ "$(grep -c '^[<>]' <<< "$output")" = 4 ]
}

@test "the man pages of section 5 pass mandoc's lint, and their examples are valid" {
	if command -v mandoc > /dev/null; then
		run -0 mandoc -T lint -W warning "$TOP"/tools/*.5
	fi
	mkdir -p x/mine x/metrics-server
	awk '/^\.Bd/ { shown = 1; next } /^\.Ed/ { shown = 0 } shown' "$TOP/tools/provider.ini.5" > x/mine/provider.ini
	run -0 provconf -I "$TOP/providers" -c x/mine
	awk '/^\.Bd/ { shown = 1; next } /^\.Ed/ { shown = 0 } shown' "$TOP/tools/addon.ini.5" > x/metrics-server/addon.ini
	run -0 provconf -a -c x/metrics-server
}

@test "--module: a module.ini is checked as well as a provider.ini" {
	mkdir m
	module() { printf '%s\n' '; A module.' '[module]' "$@" > m/module.ini; }
	local good=('path = example.test/m' 'go = 1.26.8')
	module "${good[@]}" 'programs = a=./a' '  b=example.test/m/cmd/b' 'cgo = yes' 'variables = main.version=v@version@ main.empty='
	run -0 provconf --module --check m
	[ -z "$output" ]
	[ "$(provconf --module --get module.programs m)" = 'a=./a b=example.test/m/cmd/b' ]
	wrong() { run -2 provconf -m -c m; [ "$output" = "provconf: m/module.ini:$1" ]; }
	module "${good[@]}" 'program = a=./a'
	wrong "5: module.program: unknown key (did you mean 'programs'?)"
	module "${good[@]}" 'programs = a=./a' 'cgo = maybe'
	wrong "6: module.cgo: 'maybe' is not one of: yes no"
	module "${good[@]}" 'programs = a=./a b'
	wrong "5: module.programs: 'b' is not NAME=PACKAGE"
	for word in =x a= a/b=x; do
		module "${good[@]}" "programs = $word"
		wrong "5: module.programs: '$word' is not NAME=PACKAGE"
	done
	for word in main.x x=1 main.=1 .x=1; do
		module "${good[@]}" 'programs = a=./a' "variables = main.a=b $word"
		wrong "6: module.variables: '$word' is not PACKAGE.VARIABLE=VALUE"
	done
	module 'path = example.test/m' 'programs = a=./a' 'go = new'
	wrong "5: module.go: 'new' is not a version, like 1.20.2"
	module "${good[@]}"
	run -2 provconf -m -c m
	[[ $output == "provconf: m/module.ini: "*module.programs* ]]
	run -2 provconf --module --check none
	[[ $output == "provconf: none/module.ini: "* ]]
	# Not those of a provider.
	module "${good[@]}" 'programs = a=./a' '[node]' 'cpus = 2'
	run -2 provconf -m -c m
	[[ $output == "provconf: m/module.ini:6: "*"unknown section"* ]]
	run -2 provconf --module --addon m
	run -2 provconf --module --list m
	run -2 provconf --module --format sh --stage x m
}

@test "usage errors" {
	run -2 provconf
	run -2 provconf --schema p/child
	run -2 provconf --schema -c
	run -2 provconf p/child p/base
	run -2 provconf -f xml p/child
	[[ $output == *"unknown format 'xml'"* ]]
	run -2 provconf -c --dirs p/child
	run -2 provconf -g node.cpus -c p/child
}

@test "a full disk is an error" {
	run -1 bash -c 'provconf "$1" > /dev/full' - p/child
}

@test "--list: the providers that can be provisioned; verbose names the others" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p all/{a,b,c,d}
	printf '[provider]\ndescription = a\n[debian]\nsuite = bookworm\n[node]\nmemory = 1G\ncpus = 1\ndisk = 1G\n' > all/b/provider.ini
	printf '[provider]\nabstract = yes\n' > all/a/provider.ini
	printf '[provider]\ninherit = b\n' > all/c/provider.ini
	echo '[node]' > all/d/provider.ini
	run -0 --separate-stderr provconf --list all
	[ "$output" = $'b\nc' ]
	[ -z "$stderr" ]
	run -0 --separate-stderr provconf -v --list all
	[[ $stderr == *"all/a: an abstract provider"*"all/d: all/d/provider.ini: "* ]]
	[ -z "$(provconf --list none)" ]
	run -2 provconf --addon --list all
	[[ $output == "provconf: --list and --new-version are for providers"* ]]
}

@test "--new-version: the version is replaced everywhere; for another minor version, keys that are set get the table's values" {
	cd "$BATS_TEST_TMPDIR"
	mkdir q
	cat > q/provider.ini <<-'END'
		; Kubernetes 1.30, from upstream: 1.30.2, not Kubernetes 1.301.
		; Kubernetes 1.30

		[provider]
		description = Kubernetes 1.30 (1.30.2) on Debian 12

		[debian]
		suite = bookworm

		; 1.30.2 stays here.
		[kubernetes]
		version = 1.30.2
		source = upstream

		[images]
		pause = 3.9
		etcd = 3.5
		  .12

		[node]
		memory = 1G
		cpus = 1
		disk = 1G
	END
	printf '[1.31]\nimages.pause = 3.10\nimages.etcd = 4\nimages.coredns = v1\n[1.3]\nimages.pause = 1\n' > table
	run -0 provconf -n 1.31.4 --versions table q
	diff q/provider.ini - <<< "$output" > changed || [ $? = 1 ]
	[ "$(grep '^>' changed)" = "$(cat <<-'END'
		> ; Kubernetes 1.31, from upstream: 1.31.4, not Kubernetes 1.301.
		> ; Kubernetes 1.31
		> description = Kubernetes 1.31 (1.31.4) on Debian 12
		> version = 1.31.4
		> pause = 3.10
		> etcd = 4
	END
	)" ]
	# The same minor version: the table is not used.
	printf '[1.30]\nimages.pause = 3.10\n' >> table
	run -0 provconf -n 1.30.7 --versions table q
	[ "$(diff q/provider.ini - <<< "$output" | grep -c '^>')" = 3 ]
	[[ $output == *"pause = 3.9"* ]]
	run -0 provconf -n 1.31.4 --versions table --inherited q
	[ "$output" = "$(printf '; As q, of another version.\n\n[provider]\ninherit = q\ndescription = Kubernetes 1.31 (1.31.4) on Debian 12\n\n[kubernetes]\nversion = 1.31.4\n\n[images]\npause = 3.10\netcd = 4')" ]
	# With source = go the sources of kubeadm name the images.
	printf '[1.31]\nimages.pause = 3.10\nnode.memory = 2G\n' > table
	sed -i 's/^source = upstream/source = go/' q/provider.ini
	run -0 provconf -n 1.31.4 --versions table q
	[[ $output == *"pause = 3.9"*"memory = 2G"* ]]
	run -2 provconf -n 1.31.4 --versions none q
	[[ $output == "provconf: none: No such file or directory" ]]
	sed -i '/^\[kubernetes/,/^source/d' q/provider.ini
	run -2 provconf -n 1.31.4 q
	[ "$output" = "provconf: q: no [kubernetes] version" ]
}
