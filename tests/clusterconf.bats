# clusterconf: the settings of a cluster, from several sources. settings.bats tests what make and our scripts do with it.
load lib/common
load lib/settings

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset -v IMAGE_FROM SETTINGS_FROM_COMMAND_LINE SETTINGS_FROM_ENVIRONMENT
	unset -v PROVIDER IMAGE ENGINE ACCEL NICS MEMORY CPUS DISK API_PORT REGISTRY_PORT SSH_PORT PUBLISH WITH BOOT_TIMEOUT RESUME STATES
	export CLUSTER=c NODES=1
	mkdir -p base mini
	printf '%s\n' '[provider]' 'abstract = yes' 'description = b' '[debian]' 'suite = bookworm' '[node]' 'memory = 512M' 'cpus = 1' 'disk = 4G' > base/provider.ini
	printf '%s\n' '[provider]' 'inherit = base' 'description = m' '[node]' 'cpus = 2' > mini/provider.ini
}

# line NAME: the line of a conf in $output that sets NAME.
line() { grep "^$1=" <<< "$output"; }

@test "the first source with a value wins: operand, file, environment, image, checkout, default" {
	printf '%s\n' 'MEMORY=1G # made' "WITH=''" NICS=3 'saved_at=12' > conf
	printf '%s\n' node_cpus=7 node_memory=9G node_disk=4G kubernetes_version=1.20.2 > provider.conf
	MEMORY=2G WITH=a NICS=4 SETTINGS_FROM_COMMAND_LINE='WITH NICS' run -0 clusterconf -f conf -i provider.conf -p mini NICS=5 ENGINE=podman
	[ "$(line NICS)" = "NICS=5                                  # command line" ]
	[ "$(line MEMORY)" = "MEMORY=1G                               # made" ]
	[ "$(line WITH)" = "WITH=a                                  # command line" ]
	[ "$(line CPUS)" = "CPUS=7                                  # image" ]
	[ "$(line DISK)" = "DISK=4G                                 # base/provider.ini:9" ]
	[ "$(line RESUME)" = "RESUME=auto                             # default" ]
	[ "$(line ENGINE)" = "ENGINE=podman                           # detected" ]
	[ "$(line kubernetes_version)" = "kubernetes_version=1.20.2               # image" ]
	! line saved_at
}

@test "the origins: default, environment, another environment variable, command line, an image, not known yet" {
	export PROVIDER=mini CPUS=2 SETTINGS_FROM_ENVIRONMENT='CPUS NODES:KUBEVIRT_NUM_NODES' SETTINGS_FROM_COMMAND_LINE=CLUSTER
	run -0 clusterconf -p mini
	[[ $(line CLUSTER) == *"# command line" ]]
	[[ $(line PROVIDER) == *"mini "*"# default" ]]
	[[ $(line CPUS) == "CPUS=2 "*"# environment" ]]
	[[ $(line NODES) == *"# environment (KUBEVIRT_NUM_NODES)" ]]
	[[ $(line ENGINE) == *"# the first that works" ]]
	[ "$(line IMAGE_ID)" = "IMAGE_ID=''" ]
	IMAGE_FROM=h/x run -0 clusterconf
	[[ $(line PROVIDER) == "PROVIDER='' "*"# the image" ]]
	[[ $(line MEMORY) == "MEMORY='' "*"# the image" ]]
	[[ $(line IMAGE) == "IMAGE=h/x "* ]]
	IMAGE_FROM=h/x run -0 clusterconf IMAGE=localhost/y PROVIDER=z
	[[ $(line PROVIDER) == "PROVIDER=z "*"# image" ]]
	[[ $(line IMAGE) == "IMAGE=localhost/y "*"# h/x" ]]
	run -0 clusterconf IMAGE=localhost/y
	[[ $(line IMAGE) == *"# the provider's own" ]]
}

@test "add-ons are separated by commas or blanks, and by one blank in the conf" {
	WITH=' a,, b  ,c ' run -0 clusterconf
	[[ $(line WITH) == "WITH='a b c' "* ]]
}

@test "an invalid value from any source: exit 2, with its name and what is valid" {
	local wrong
	for wrong in "${wrong_settings[@]}" CLUSTER= 'CPUS=1 '; do
		run -2 env "$wrong" "$BIN/clusterconf" --check
		[[ $output == "clusterconf: $wrong: "* ]]
		[ "${#lines[@]}" = 1 ]
	done
	echo 'node_cpus=many' > provider.conf
	run -2 clusterconf -i provider.conf
	[ "$output" = "clusterconf: CPUS=many: must be a number from 1 to 999" ]
	run -2 clusterconf ACCEL=none
	[ "$output" = "clusterconf: ACCEL=none: must be kvm or tcg" ]
	run -0 clusterconf --check
	[ -z "$output" ]
}

@test "ports that cannot be published side by side: exit 2, with the port and what wants it" {
	# refused TEXT NAME=VALUE...
	refused() {
		run -2 clusterconf --check "${@:2}"
		[ "$output" = "clusterconf: $1" ]
	}
	refused 'PUBLISH: port 30007 of node01 is published already' PUBLISH='30007 30007'
	refused 'PUBLISH: port 30007 of node01 is published already' PUBLISH='30007 8080:30007'
	refused 'PUBLISH: port 5000 is used for registry' PUBLISH=9000:5000
	refused 'PUBLISH: port 2202 is used for ssh-node02' PUBLISH=2202 NODES=2
	refused 'port 8080 of this machine is wanted for both node01:80 and node01:81' PUBLISH='8080:80 8080:81'
	refused 'port 9000 of this machine is wanted for both registry and k8s' API_PORT=9000 REGISTRY_PORT=9000
	refused 'port 9000 of this machine is wanted for both ssh-node03 and registry' SSH_PORT=8998 NODES=3 REGISTRY_PORT=9000
	refused 'SSH_PORT: node03 would have port 65536, but 65535 is the highest' SSH_PORT=65534 NODES=3
	run -0 clusterconf --check SSH_PORT=65533 NODES=3 API_PORT=1 REGISTRY_PORT=65532 PUBLISH='80 65531:65535 2204'
}

@test "--output: the file is replaced as a whole; clusterconf and bash can read it" {
	local quoted="it's \$x"
	IMAGE_FROM=$quoted run -0 clusterconf -o conf
	[ -z "$output" ]
	(. ./conf && [ "$IMAGE" = "$quoted" ] && [ "$RESUME" = auto ] && [ -z "$STATE_DIR" ])
	run -0 clusterconf -f conf -o conf STATE_DIR=/s "MEMORY=7G"
	run -0 clusterconf -f conf
	[ "$(line IMAGE)" = "IMAGE='it'\\''s \$x'                      # default" ]
	[ "$(line STATE_DIR)" = STATE_DIR=/s ]
	run -2 clusterconf -f conf -o conf NODES=x
	run -0 clusterconf -f conf
	[ "$(line MEMORY)" = MEMORY=7G ]
	run -1 clusterconf -o none/conf
	[ "$(ls)" = $'base\nconf\nmini' ]
}

@test "--show: columns; a line without value and origin is left out" {
	printf '%s\n' '# c' '' 'A=1 # here' "B='a b'" "C=''" "D=''   # there" 'E=x\ y#z' > conf
	run -0 clusterconf --show conf
	[ "${#lines[@]}" = 4 ]
	[ "${lines[0]}" = "A                  1                                    here" ]
	[ "${lines[1]}" = "B                  a b                                  " ]
	[ "${lines[2]}" = "D                  -                                    there" ]
	[[ ${lines[3]} == "E                  x y#z "* ]]
	run -0 clusterconf --show - < conf
	[ "${#lines[@]}" = 4 ]
}

@test "invalid input: exit 2, with the file and the line" {
	printf 'A=1\nB=$(id)\n' > bad.conf
	run -2 clusterconf --show bad.conf
	[ "$output" = 'clusterconf: bad.conf:2: not a setting: B=$(id)' ]
	run -2 clusterconf -f bad.conf
	run -2 clusterconf -i bad.conf
	run -2 clusterconf -f none
	[[ $output == *"none: No such file"* ]]
	run -2 clusterconf -p none
	echo 'what = 1' >> mini/provider.ini
	run -2 clusterconf -p mini
	[[ $output == *"provider.ini:6: "* ]]
	IMAGE_FROM=$'a\nb' run -2 clusterconf
	[[ $output == *"cannot have more than one line" ]]
}

@test "usage errors: exit 2" {
	run -2 clusterconf NICS
	[[ $output == *"NICS: not a setting of the form NAME=VALUE"* ]]
	run -2 clusterconf TAG=1
	run -2 clusterconf --check -o x
	run -2 clusterconf --show x NICS=1
	run -2 clusterconf --show x --check
}
