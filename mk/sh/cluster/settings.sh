# The settings of a cluster: what each may be, and the values that cluster-up resolves them to. Sourced; needs cluster.sh.
#
# A setting's value is the first of: the command line of make, the environment, the provider's (of the image, or in the
# checkout), the default. cluster-up writes all of them, with where each comes from, to $D/conf.
# shellcheck shell=bash

# name; what the whole value has to match; that in words; the default, or @NAME: the provider's value of that name. A setting
# without a default has to have a value, unless its pattern takes an empty one.
settings_table() {
	local port='[1-9][0-9]{0,4}' size='0*[1-9][0-9]*[KMGT]?'
	cat <<-END
		CLUSTER;[a-z0-9][a-z0-9.-]*;lower-case letters, digits, '.' and '-' only;
		NODES;[1-9][0-9]?;a number from 1 to 99;
		NICS;[0-9]{1,2};a number from 0 to 99;0
		MEMORY;$size;a size such as 4096M or 4G;@node_memory
		CPUS;[1-9][0-9]{0,2};a number from 1 to 999;@node_cpus
		DISK;$size;a size such as 20G;@node_disk
		ENGINE;(podman|docker)?;podman or docker;
		ACCEL;(kvm|tcg)?;kvm or tcg;
		API_PORT;($port)?;a port number;
		REGISTRY_PORT;($port)?;a port number;
		SSH_PORT;($port)?;a port number;
		PUBLISH; *(($port:)?$port *)*;ports of node01, PORT or HOST-PORT:PORT;
		WITH;[A-Za-z0-9._, -]*;names of add-ons;
		BOOT_TIMEOUT;([1-9][0-9]{0,4})?;a number of seconds;
		RESUME;(auto|always|never);auto, always or never;auto
		STATES;[0-9]{1,4};a number;6
	END
}

# settings_check: end with exit code 2 if a setting's value cannot be right.
settings_check() {
	local name pattern words default
	while IFS=';' read -r name pattern words default; do
		[ -n "${!name:-}$default" ] || [[ '' =~ ^($pattern)$ ]] || refuse "$name=: $words"
		[ -z "${!name:-}" ] || [[ ${!name} =~ ^($pattern)$ ]] || refuse "$name=${!name}: $words"
	done < <(settings_table)
}

# setting_origin NAME: set REPLY to where the value that make gave for NAME comes from; empty: it is the default.
setting_origin() {
	local word
	REPLY=
	[[ " ${SETTINGS_FROM_COMMAND_LINE:-} " != *" $1 "* ]] || REPLY="command line"
	for word in ${SETTINGS_FROM_ENVIRONMENT:-}; do
		case $word in
		"$1") REPLY=environment ;;
		"$1:"*) REPLY="environment (${word#*:})" ;;
		esac
	done
}

# settings_of_provider: of the provider in the checkout the node's values, "node_KEY VALUE FILE:LINE" a line.
settings_of_provider() {
	[ -z "${PROVIDER_DIR:-}" ] || [ -n "${IMAGE_FROM:-}" ] ||
		"$BIN/provconf" -I "$TOP/providers" -I "$TOP/tests/providers" --origin "$TOP/$PROVIDER_DIR" |
		sed -nE '/^\[node\]/,/^$/s/^([a-z]+) = ([^ ]+) ; (.*)$/node_\1 \2 \3/p'
}

# settings_resolve: give every setting that is empty its value, and say in conf_origin where each comes from. A provider's value
# is that of the shell, which has it from the image; else the checkout's.
settings_resolve() {
	local name pattern words default value where
	local -A of_provider=() at=()
	while read -r name value where; do of_provider[$name]=$value at[$name]=${where#"$TOP"/}; done < <(settings_of_provider)
	while IFS=';' read -r name pattern words default; do
		setting_origin "$name"
		if [ -z "${!name:-}" ] && [[ $default == @* ]]; then
			default=${default#@} value=${!default:-}
			[ -z "$value" ] || REPLY=image
			if [ -z "$value" ] || [ "$value" = "${of_provider[$default]:-}" ]; then
				value=${of_provider[$default]:-} REPLY=${at[$default]:-the image}
			fi
			default=$value
		fi
		case $name in ENGINE | ACCEL) REPLY=${REPLY:-detected} ;; esac
		printf -v "$name" %s "${!name:-$default}"
		conf_origin[$name]=${REPLY:-default}
	done < <(settings_table)
	setting_origin PROVIDER
	conf_origin[PROVIDER]=${REPLY:-default}
}

# settings_columns: standard input is lines of a conf whose variables are set: print name, value and origin.
settings_columns() {
	local line name origin
	while IFS= read -r line; do
		name=${line%%=*} origin=
		[[ $line != *' # '* ]] || origin=${line##* # }
		[[ ! $name =~ ^[A-Za-z_]+$ ]] || [ -z "${!name:-}$origin" ] || printf '%-18s %-36s %s\n' "$name" "${!name:--}" "$origin"
	done
}

# settings_show: print the settings in columns: of the cluster if it is here, else those that cluster-up would use.
settings_show() {
	local name
	if [ -e "$D/conf" ]; then
		conf_read "$D/conf"
		settings_columns < "$D/conf"
		return
	fi
	settings_check
	settings_resolve
	[ -z "${IMAGE_FROM:-}" ] || conf_origin[PROVIDER]="the image" PROVIDER='' IMAGE=$IMAGE_FROM
	[ -n "$ENGINE" ] || conf_origin[ENGINE]="the first that works"
	[ -n "$ACCEL" ] || { ACCEL=$("$TOP/mk/sh/common/accel"); conf_origin[ACCEL]=detected; }
	echo "# no cluster $CLUSTER; cluster-up would use"
	# shellcheck disable=SC2086 # words
	conf_lines $SETTINGS_OF_CLUSTER | settings_columns
}
