# dnsconf: inventories and their configurations; a real dnsmasq checks them, and serves one in a network namespace.
# shellcheck disable=SC2154 # bats sets stderr and its like
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cat > inv <<- 'END'
		; three nodes
		[network]
		bridge = br0
		address = 192.168.66.2/24
		[node node01]
		mac = 52:55:00:D1:55:01
		address = 192.168.66.101
		[node node02]
		mac = 52:55:00:d1:55:02
		address = 192.168.66.102
		[node node03]
		mac = 52:55:00:d1:55:03
		address = 192.168.66.103
		[host registry]
		address = 192.168.66.2
	END
}
teardown() { end_kept; }

# network LINE: insert it after the bridge. section LINE...: append them.
network() { sed -i "s|^bridge.*|&\n$1|" inv; }
section() { printf '%s\n' "$@" >> inv; }

# refuses TEXT: exit status 2, no output, and one line on standard error with TEXT after the file's name.
refuses() {
	run -2 --separate-stderr dnsconf inv
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "dnsconf: inv:$1"* ]] || { echo "'$1' wanted: $stderr"; return 1; }
}

# script NAME: make a program of the shell script on standard input.
script() {
	{ echo '#!/bin/sh' && cat; } > "$1"
	chmod +x "$1"
}

# ended FILE: the process whose number is in FILE has ended.
ended() { ! kill -0 "$(cat "$1")" || grep -q '^State:.Z' "/proc/$(cat "$1")/status"; }

has_dnsmasq() { command -v dnsmasq > /dev/null || skip "no dnsmasq"; }

full_inventory() {
	network 'address6 = fd00::1/64\ndomain = stamp.test\nleasefile = /run/leases\nupstream = yes'
	sed -i 's/^address = 192.168.66.10\(.\)$/&\naddress6 = fd00::10\1/' inv
	section '[host six]' 'address6 = fd00:0:0::ab'
}

@test "three nodes and a name, IPv4 only" {
	cat > want <<- 'END'
		# Written by dnsconf(1).
		interface=br0
		except-interface=lo
		bind-dynamic
		user=root
		log-facility=-
		no-hosts
		cache-size=1000
		dhcp-authoritative
		dhcp-leasefile=/run/kubestamp/leases
		no-resolv
		dhcp-range=192.168.66.0,static,255.255.255.0,infinite
		dhcp-option=option:router,192.168.66.2
		dhcp-option=option:dns-server,192.168.66.2
		host-record=node01,192.168.66.101
		dhcp-host=52:55:00:d1:55:01,192.168.66.101,node01,infinite
		host-record=node02,192.168.66.102
		dhcp-host=52:55:00:d1:55:02,192.168.66.102,node02,infinite
		host-record=node03,192.168.66.103
		dhcp-host=52:55:00:d1:55:03,192.168.66.103,node03,infinite
		host-record=registry,192.168.66.2
	END
	dnsconf inv > got 2> said
	diff want got
	[ ! -s said ]
	dnsconf -o file inv > got
	[ ! -s got ]
	diff want file
}

@test "with IPv6, a domain, and names from outside" {
	full_inventory
	cat > want <<- 'END'
		# Written by dnsconf(1).
		interface=br0
		except-interface=lo
		bind-dynamic
		user=root
		log-facility=-
		no-hosts
		cache-size=1000
		dhcp-authoritative
		dhcp-leasefile=/run/leases
		domain=stamp.test
		local=/stamp.test/
		dhcp-range=192.168.66.0,static,255.255.255.0,infinite
		dhcp-option=option:router,192.168.66.2
		dhcp-option=option:dns-server,192.168.66.2
		enable-ra
		dhcp-range=::,static,constructor:br0,64,infinite
		dhcp-option=option6:dns-server,[fd00::1]
		host-record=node01,node01.stamp.test,192.168.66.101
		host-record=node01,node01.stamp.test,fd00::101
		dhcp-host=52:55:00:d1:55:01,192.168.66.101,[fd00::101],node01,infinite
		host-record=node02,node02.stamp.test,192.168.66.102
		host-record=node02,node02.stamp.test,fd00::102
		dhcp-host=52:55:00:d1:55:02,192.168.66.102,[fd00::102],node02,infinite
		host-record=node03,node03.stamp.test,192.168.66.103
		host-record=node03,node03.stamp.test,fd00::103
		dhcp-host=52:55:00:d1:55:03,192.168.66.103,[fd00::103],node03,infinite
		host-record=registry,registry.stamp.test,192.168.66.2
		host-record=six,six.stamp.test,fd00::ab
	END
	dnsconf inv > got
	diff want got
}

@test "the example in the man page is correct" {
	# The literal displays are the inventory and its configuration.
	awk '/^\.Bd/ { n++; shown = 1; next } /^\.Ed/ { shown = 0 } shown { print > ("example" n) }' "$TOP/tools/dnsconf.1"
	[ -s example1 ]
	dnsconf example1 > got
	diff example2 got
}

@test "networks of other sizes, and a node with IPv6 alone" {
	printf '%s\n' '[network]' 'bridge = x-1_y.z' 'address = 10.128.0.1/9' 'address6 = fd00::1/64' '[node a]' \
		'mac = 02:00:00:00:00:0a' 'address6 = fd00::a' > inv
	run -0 dnsconf inv
	[[ $output == *$'\ndhcp-range=10.128.0.0,static,255.128.0.0,infinite\n'* ]]
	[[ $output == *$'\nhost-record=a,fd00::a\ndhcp-host=02:00:00:00:00:0a,[fd00::a],a,infinite' ]]
	sed -i 's|^address = .*|address = 10.0.0.1/30|' inv
	section 'address = 10.0.0.2'
	run -0 dnsconf inv
	[[ $output == *$'\ndhcp-range=10.0.0.0,static,255.255.255.252,infinite\n'* ]]
}

@test "--check: the real dnsmasq accepts the configuration of every valid inventory" {
	has_dnsmasq
	dnsconf inv > conf
	dnsconf --check inv > got 2> said
	cmp conf got
	[ ! -s said ]
	full_inventory
	# Names that look almost like times, and the longest name: names for dnsmasq.
	section '[node 12hh]' 'mac = 02:00:00:00:00:10' 'address = 192.168.66.10' '[node w]' 'mac = 02:00:00:00:00:11' \
		'address = 192.168.66.11' '[node 1-2]' 'mac = 02:00:00:00:00:12' 'address = 192.168.66.12' '[host 0x10]' \
		'address = 192.0.2.1' "[host $(printf 'a%.0s' {1..44})]" 'address = 192.0.2.1'
	dnsconf -c -o conf inv 2> said
	[ ! -s said ]
	dnsmasq --test --conf-file="$PWD/conf"
}

@test "--check: dnsmasq rejects it: exit status 1 with its message, and the file is unchanged" {
	script no <<- 'END'
		[ "$*" = "--test --conf-file=-" ] || exit 9
		cat > seen
		printf '\ndnsmasq: bad option\033 at line 3\n\nand more\n\n' >&2
		exit 1
	END
	echo old > file
	run -1 --separate-stderr dnsconf --check --dnsmasq ./no -o file inv
	[ -z "$output" ]
	[ "$stderr" = "dnsconf: dnsmasq --test: dnsmasq: bad option? at line 3;and more" ]
	[ "$(cat file)" = old ]
	dnsconf inv | cmp - seen
	run -1 --separate-stderr dnsconf --check --dnsmasq ./no inv
	[ -z "$output" ]
	[ "$(echo file*)" = file ]
}

@test "--check: a dnsmasq that is missing, fails silently, is killed, or prints a lot" {
	run -1 --separate-stderr dnsconf --check --dnsmasq ./none inv
	[ -z "$output" ]
	[ "$stderr" = "dnsconf: dnsmasq --test: ./none: No such file or directory" ]
	echo > plain
	run -1 --separate-stderr dnsconf --check --dnsmasq ./plain inv
	[ "$stderr" = "dnsconf: dnsmasq --test: ./plain: Permission denied" ]
	run -1 --separate-stderr dnsconf --check --dnsmasq false inv
	[ "$stderr" = "dnsconf: dnsmasq --test: exit status 1" ]
	script killed <<< 'kill -9 $$'
	run -1 --separate-stderr dnsconf --check --dnsmasq ./killed inv
	[ "$stderr" = "dnsconf: dnsmasq --test: ended by signal 9" ]
	script talks <<< 'yes | head -c 300000 >&2; exit 1'
	run -1 --separate-stderr dnsconf --check --dnsmasq ./talks inv
	[[ $stderr == "dnsconf: dnsmasq --test: y;y;"* ]]
	[ "${#stderr}" -lt 1200 ]
	# It need not read its input.
	run -0 dnsconf --check --dnsmasq true inv
	[[ $output == "# Written"* ]]
}

@test "--check: 124 for a dnsmasq that hangs and has a child with its output open" {
	script hangs <<- 'END'
		sleep 300 &
		echo $! > child
		wait
	END
	run -124 --separate-stderr dnsconf --check --dnsmasq ./hangs -o file inv
	[ -z "$output" ]
	[ "$stderr" = "dnsconf: dnsmasq --test: no answer in 10 s" ]
	[ ! -e file ]
	wait_for 5 ended child
}

@test "a signal during --check leaves neither a file nor a dnsmasq" {
	script hangs <<- 'END'
		echo $$ > pid.new
		mv pid.new pid
		exec sleep 300
	END
	local before
	before=$(ls /tmp)
	dnsconf --check --dnsmasq ./hangs -o file inv 3>&- &
	local job=$!
	keep_pid $job
	wait_for 10 test -e pid
	keep_pid "$(cat pid)"
	kill -TERM $job
	local status=0
	wait $job || status=$?
	[ "$status" = 143 ]
	wait_for 5 ended pid
	[ "$(echo file*)" = 'file*' ]
	# Other programs use /tmp too: only new files of ours count.
	[[ $(diff <(echo "$before") <(ls /tmp)) != *'> '*dnsconf* ]]
}

@test "--output: an up-to-date file is not touched; any other is replaced as a whole" {
	dnsconf -o file inv
	touch -d '2001-02-03' file
	ln file same
	dnsconf -o file inv
	[ "$(stat -c %Y file)" = "$(date -d '2001-02-03' +%s)" ]
	[[ "$PWD/file" -ef same ]]
	cp same before
	network 'domain = stamp.test'
	dnsconf -o file inv
	# A reader that has the old file open still sees all of it.
	[[ ! "$PWD/file" -ef same ]]
	cmp same before
	dnsconf inv | cmp - file
	# Shorter and longer files with the same beginning.
	head -c 100 file > part && mv part file
	dnsconf -o file inv
	dnsconf inv | cmp - file
	echo more >> file
	dnsconf -o file inv
	dnsconf inv | cmp - file
	[ "$(echo file*)" = file ]
}

@test "--output: an invalid inventory does not change the old file; 1 if the file cannot be written" {
	dnsconf -o file inv
	cp file before
	section 'address6 = x'
	run -2 dnsconf -o file inv
	cmp file before
	setup
	run -1 --separate-stderr dnsconf -o no/such/file inv
	[ "$stderr" = "dnsconf: no/such/file: No such file or directory" ]
	mkdir there
	run -1 --separate-stderr dnsconf -o there inv
	[[ $stderr == "dnsconf: there: "* ]]
	[ "$(echo there* there/*)" = 'there there/*' ]
}

@test "a full disk" {
	local n status=0
	dnsconf inv > /dev/full 2> said || status=$?
	[ "$status" = 1 ]
	[ "$(cat said)" = "dnsconf: standard output: No space left on device" ]
	status=0
	dnsconf --check --dnsmasq true inv > /dev/full 2> said || status=$?
	[ "$status" = 1 ]
	# An incomplete file is not kept. With SIGXFSZ ignored, the write fails.
	status=0
	for n in {1..99}; do section "[host h$n]" "address = 10.0.0.$n"; done
	(trap '' XFSZ && ulimit -f 1 && dnsconf -o file inv 2> said) || status=$?
	[ "$status" = 1 ]
	[ "$(cat said)" = "dnsconf: file: File too large" ]
	[ "$(echo file*)" = 'file*' ]
}

@test "invalid lines: exit status 2 with file, line and key" {
	local line want tried=0
	while IFS='|' read -r line want; do
		setup
		sed -i "4s\\.*\\$line\\" inv
		refuses "$want" || { echo "line: $line"; return 1; }
		tried=$((tried + 1))
	done <<- 'END'
		bridge = br1|4: network.bridge: already set in line 3
		address|4: neither
		= x|4: the value has no key
		[network|4: the section's name does not end with ]
		[]|4: the section has no name
		[network] x|4: text after the section's name
		[netwerk]|4: [netwerk]: unknown section
		[node]|4: [node]: unknown section
		[node ]|4: [node ]: '' is not a host name
		[Network]|4: [Network]: unknown section
		adress = 192.168.66.2/24|4: key 'adress': unknown in [network]
		mac = 52:55:00:d1:55:01|4: key 'mac': unknown in [network]
		address = 192.168.66.2|4: key 'address': '192.168.66.2' is not ADDRESS/BITS
		address = 192.168.66.2/|4: key 'address': '192.168.66.2/' is not ADDRESS/BITS
		address = /24|4: key 'address': '/24' is not ADDRESS/BITS
		address = 192.168.66.2/0|4: key 'address': '192.168.66.2/0' is not ADDRESS/BITS
		address = 192.168.66.2/31|4: key 'address': '192.168.66.2/31' is not ADDRESS/BITS
		address = 192.168.66.2/-1|4: key 'address': '192.168.66.2/-1' is not ADDRESS/BITS
		address = 192.168.66.2/24/24|4: key 'address': '192.168.66.2/24/24' is not ADDRESS/BITS
		address = 192.168.066.2/24|4: key 'address': '192.168.066.2/24' is not ADDRESS/BITS
		address = 192.168.66.256/24|4: key 'address': '192.168.66.256/24' is not ADDRESS/BITS
		address = 192.168.66/24|4: key 'address': '192.168.66/24' is not ADDRESS/BITS
		address = fd00::1/64|4: key 'address': 'fd00::1/64' is not ADDRESS/BITS
		address = 192.168.66.0/24|4: key 'address': '192.168.66.0/24' is not a host address
		address = 192.168.66.255/24|4: key 'address': '192.168.66.255/24' is not a host address
		address6 = 192.168.66.2/24|4: key 'address6': '192.168.66.2/24' is not an IPv6 ADDRESS/64
		address6 = fd00::1/63|4: key 'address6': 'fd00::1/63' is not an IPv6 ADDRESS/64
		address6 = fd00::1/65|4: key 'address6': 'fd00::1/65' is not an IPv6 ADDRESS/64
		address6 = fd00::g/64|4: key 'address6': 'fd00::g/64' is not an IPv6 ADDRESS/64
		upstream = true|4: key 'upstream': 'true' is neither yes nor no
		domain = a..b|4: key 'domain': 'a..b' is not a domain name
		domain = .|4: key 'domain': '.' is not a domain name
		domain = a.|4: key 'domain': 'a.' is not a domain name
		domain = -a|4: key 'domain': '-a' is not a domain name
		domain = a-.b|4: key 'domain': 'a-.b' is not a domain name
		domain = #|4: key 'domain': '#' is not a domain name
		domain =|4: key 'domain': '' is not a domain name
		leasefile = leases|4: key 'leasefile': 'leases' is not an absolute path
		leasefile = /a b|4: key 'leasefile': '/a b' is not an absolute path
	END
	[ "$tried" = 39 ]
	sed -i '3s/.*/bridge = abcdefghijklmnop/; 4s/.*/address = 192.168.66.2\/24/' inv
	refuses "3: key 'bridge': 'abcdefghijklmnop' is not an interface name"
	sed -i '3s/.*/bridge = br*/' inv
	refuses "3: key 'bridge': 'br*' is not an interface name"
	sed -i '3s/.*/bridge =/' inv
	refuses "3: key 'bridge': '' is not an interface name"
	sed -i '3s/.*/bridge = ../' inv
	refuses "3: key 'bridge': '..' is not an interface name"
	sed -i '3s/.*/bridge = lo/' inv
	refuses "3: key 'bridge': 'lo' is the loopback interface"
	sed -i "3s/.*/; $(printf '%0200d' 0)/" inv
	refuses '3: longer than 198 bytes'
	printf 'bridge = br0\naddress = 192.168.66.2/24\n' > inv
	refuses "1: key 'bridge': is before the first section"
}

@test "invalid nodes and hosts: exit status 2 with file and line" {
	local lines want name tried=0
	while IFS='|' read -r lines want; do
		setup
		# They begin at line 16.
		printf '%b\n' "$lines" >> inv
		refuses "$want" || { echo "lines: $lines"; return 1; }
		tried=$((tried + 1))
	done <<- 'END'
		[node a]|16: [node a] has no
		[host a]|16: [host a] has no address
		[node a]\naddress = 192.168.66.9|16: [node a] has no mac
		[node a]\nmac = 02:00:00:00:00:01|16: [node a] has no address
		[host a]\nmac = 02:00:00:00:00:01|17: key 'mac': unknown in [host a]
		[node a]\nname = b|17: key 'name': unknown in [node a]
		[node a]\nbridge = b|17: key 'bridge': unknown in [node a]
		[node a]\nmac = 02:00:00:00:00|17: key 'mac': '02:00:00:00:00' is not a unicast MAC
		[node a]\nmac = 02:00:00:00:00:01:02|17: key 'mac': '02:00:00:00:00:01:02' is not a unicast MAC
		[node a]\nmac = 02-00-00-00-00-01|17: key 'mac': '02-00-00-00-00-01' is not a unicast MAC
		[node a]\nmac = 02:00:00:00:00:0g|17: key 'mac': '02:00:00:00:00:0g' is not a unicast MAC
		[node a]\nmac = 01:00:5e:00:00:01|17: key 'mac': '01:00:5e:00:00:01' is not a unicast MAC
		[node a]\nmac = 00:00:00:00:00:00|17: key 'mac': '00:00:00:00:00:00' is not a unicast MAC
		[node a]\nmac = ff:ff:ff:ff:ff:ff|17: key 'mac': 'ff:ff:ff:ff:ff:ff' is not a unicast MAC
		[node a]\nmac =|17: key 'mac': '' is not a unicast MAC
		[host a]\naddress = b|17: key 'address': 'b' is not an IPv4 address
		[host a]\naddress = fd00::1|17: key 'address': 'fd00::1' is not an IPv4 address
		[host a]\naddress = 1.2.3|17: key 'address': '1.2.3' is not an IPv4 address
		[host a]\naddress = 1.2.3.4/24|17: key 'address': '1.2.3.4/24' is not an IPv4 address
		[host a]\naddress6 = 1.2.3.4|17: key 'address6': '1.2.3.4' is not an IPv6 address
		[host a]\naddress6 = [fd00::1]|17: key 'address6': '[fd00::1]' is not an IPv6 address
		[host a]\naddress = 1.2.3.4\naddress = 1.2.3.5|18: host a.address: already set in line 17
		[host a]\naddress = 1.2.3.4\n 1.2.3.5|18: key 'address': cannot be continued on an indented line
	END
	[ "$tried" = 23 ]
	for name in -a a- a_b a.b 'a b' ' a' a/b a=b '*' 12 12h 5D 1s infinite ignore localhost LocalHost; do
		setup
		section "[host $name]" 'address = 1.2.3.4'
		refuses "16: [host $name]: '$name' is not a host name"
	done
	setup
	section "[host $(printf 'a%.0s' {1..45})]" 'address = 1.2.3.4'
	refuses "16: the section's name is longer than 49 bytes"
}

@test "names, MAC addresses and addresses are unique" {
	section '[node node02]' 'mac = 02:00:00:00:00:01' 'address = 192.168.66.9'
	refuses '16: [node node02]: the name is already used in line 8'
	setup
	section '[host NODE01]' 'address = 192.168.66.9'
	refuses '16: [host NODE01]: the name is already used in line 5'
	setup
	# Also if the second one follows immediately.
	section '[host registry]' 'address6 = fd00::1'
	refuses '16: [host registry]: the name is already used in line 14'
	setup
	section '[node a]' 'mac = 52:55:00:D1:55:02' 'address = 192.168.66.9'
	refuses "16: [node a]: its MAC address is already used by node02"
	setup
	section '[node a]' 'mac = 02:00:00:00:00:01' 'address = 192.168.66.103'
	refuses "16: [node a]: its address is already used by node03"
	full_inventory
	sed -i '/^\[node a/,/^address = /d' inv
	run -0 dnsconf inv
	section '[node a]' 'mac = 02:00:00:00:00:01' 'address6 = fd00:0::103'
	refuses "$(grep -n 'node a' inv | cut -d: -f1): [node a]: its address is already used by node03"
	# A second name for an address is allowed.
	setup
	section '[host alias]' 'address = 192.168.66.101'
	run -0 dnsconf inv
}

@test "a node's address must be in the network and not be in use" {
	local address
	for address in 192.168.67.9 192.168.65.255 10.0.0.1 192.168.66.0 192.168.66.255; do
		setup
		section '[node a]' 'mac = 02:00:00:00:00:01' "address = $address"
		refuses "16: [node a]: key 'address': not in the network"
	done
	setup
	section '[node a]' 'mac = 02:00:00:00:00:01' 'address = 192.168.66.2'
	refuses "16: [node a]: its address is already used by the bridge"
	setup
	section '[node a]' 'mac = 02:00:00:00:00:01' 'address6 = fd00::9'
	refuses "16: [node a]: key 'address6': not in the network"
	network 'address6 = fd00::1/64'
	run -0 dnsconf inv
	section '[node b]' 'mac = 02:00:00:00:00:02' 'address6 = fd00:0:0:1::9'
	refuses "20: [node b]: key 'address6': not in the network"
	sed -i 's/fd00:0:0:1::9/fd00::1/' inv
	refuses "20: [node b]: its address is already used by the bridge"
	# The limits of a network whose prefix is not a whole number of bytes.
	printf '%s\n' '[network]' 'bridge = b' 'address = 10.0.0.65/26' '[node a]' 'mac = 02:00:00:00:00:01' \
		'address = 10.0.0.126' > inv
	run -0 dnsconf inv
	sed -i 's/\.126/.128/' inv
	refuses "4: [node a]: key 'address': not in the network"
	sed -i 's/\.128/.63/' inv
	refuses "4: [node a]: key 'address': not in the network"
}

@test "no value can add a line or a word to the configuration" {
	local value key
	for value in $'a\rdhcp-script=/bin/sh' $'a\vb' $'a\x01b' $'a\x7fb' $'a\xe2\x80\xa8b' $'a\e[2Jb'; do
		for key in bridge domain leasefile address upstream; do
			setup
			sed -i "/^$key = /d" inv
			printf '[network]\n%s = %s\n' "$key" "$value" >> inv
			refuses "$(wc -l < inv): characters other than printable ASCII"
		done
		setup
		printf '[host %s]\naddress = 1.2.3.4\n' "$value" >> inv
		refuses "16: characters other than printable ASCII"
	done
	setup
	printf '[network]\ndomain = a\0b\n' >> inv
	refuses '17: a NUL byte'
	for value in 'a,b' 'a b' 'a#b' 'a/b' 'a"b' 'a\\nb'; do
		setup
		printf '[network]\ndomain = %s\n' "$value" >> inv
		refuses "17: key 'domain': '$value' is not a domain name"
		setup
		sed -i '/^bridge/d' inv
		printf '[network]\nbridge = %s\n' "$value" >> inv
		refuses "16: key 'bridge': '$value' is not an interface name"
		setup
		printf '[host %s]\naddress = 1.2.3.4\n' "$value" >> inv
		refuses "16: [host $value]: '$value' is not a host name"
	done
	for value in '/a,b' '/a #b' '/a"b' '/a\\nb' "/a'b"; do
		setup
		printf '[network]\nleasefile = %s\n' "$value" >> inv
		refuses "17: key 'leasefile': '$value' is not an absolute path"
	done
}

@test "[network] is required, with bridge and address; an unreadable inventory is 2" {
	sed -i '/^bridge/d' inv
	refuses ' [network] needs bridge and address'
	setup
	sed -i '/^address = .*\/24/d' inv
	refuses ' [network] needs bridge and address'
	: > inv
	refuses ' [network] needs bridge and address'
	rm inv
	refuses ' No such file or directory'
	mkdir inv
	refuses ' Is a directory'
}

@test "usage errors" {
	local args
	for args in '' 'inv inv' '-o' '--dnsmasq' '--check'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr dnsconf $args
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "dnsconf: "* ]]
		[ "${stderr_lines[1]}" = "Try 'dnsconf --help'." ]
	done
}

# ask SERVER TYPE NAME: print the addresses in the answer to a DNS query, sorted, or "rcode N".
ask() {
	# shellcheck disable=SC2016 # these are Perl's
	"${inside[@]}" perl -MSocket=:all -MIO::Socket::IP -e '
		my ($server, $type, $name) = @ARGV;
		my $s = IO::Socket::IP->new(PeerHost => $server, PeerPort => 53, Type => SOCK_DGRAM) or die "$server: $@";
		$s->send(pack("n6", 7, 0x100, 1, 0, 0, 0) . join("", map { pack "C/a", $_ } split /\./, $name)
			. pack("Cnn", 0, $type eq "A" ? 1 : 28, 1)) or die "send: $!";
		local $SIG{ALRM} = sub { die "no answer\n" };
		alarm 5;
		defined $s->recv(my $p, 4096) or die "recv: $!";
		my ($id, $flags, $q, $n) = unpack "n4", $p;
		die "not the answer\n" unless $id == 7 && $flags & 0x8000;
		print "rcode ", $flags & 15, "\n" if $flags & 15;
		my $at = 12 + length($name) + 2 + 4;
		my @found;
		for (1 .. $n) {
			# The name in an answer is a pointer to the one in the question.
			my ($t, $len) = unpack "x2nx6n", substr $p, $at;
			push @found, inet_ntop($t == 1 ? AF_INET : AF_INET6, substr $p, $at + 12, $len);
			$at += 12 + $len;
		}
		print map { "$_\n" } sort @found' "$@"
}

@test "a real dnsmasq with the configuration answers" {
	has_dnsmasq
	command -v ip > /dev/null || skip "ip is not installed"
	[ "$(id -u)" = 0 ] || skip "not root: no network namespace"
	unshare -n true 2> /dev/null || skip "no network namespace here: unshare -n fails"
	full_inventory
	sed -i "s|^leasefile = .*|leasefile = $PWD/leases|; s|^upstream = .*|upstream = no|" inv
	dnsconf --check -o conf inv
	local six=yes
	script net <<- 'END'
		ip link set lo up
		ip link add br0 type bridge && ip address add 192.168.66.2/24 dev br0 || : > no-bridge
		ip -6 address add fd00::1/64 dev br0 nodad || : > no-six
		ip link set br0 up
		exec dnsmasq --keep-in-foreground --conf-file="$PWD/conf"
	END
	unshare -n ./net 2> log 3>&- &
	local server=$!
	keep_pid $server
	inside=(nsenter -t "$server" -n)
	answers() { ask 192.168.66.2 A node01; }
	if ! wait_for 10 answers; then
		cat log
		[ -e no-bridge ] && skip "no bridge here: $(head -1 log)"
		return 1
	fi
	[ ! -e no-six ] || six=
	[ "$(ask 192.168.66.2 A node01)" = 192.168.66.101 ]
	[ "$(ask 192.168.66.2 A node03.stamp.test)" = 192.168.66.103 ]
	[ "$(ask 192.168.66.2 A REGISTRY)" = 192.168.66.2 ]
	[ "$(ask 192.168.66.2 AAAA node02)" = fd00::102 ]
	[ "$(ask 192.168.66.2 AAAA six.stamp.test)" = fd00::ab ]
	# NXDOMAIN in the domain, and REFUSED elsewhere, as there is no upstream.
	[ "$(ask 192.168.66.2 A node04.stamp.test)" = 'rcode 3' ]
	[ "$(ask 192.168.66.2 A kubernetes.io)" = 'rcode 5' ]
	[ -z "$six" ] || [ "$(ask fd00::1 A node01)" = 192.168.66.101 ]
	# Only the bridge is served.
	run ! ask 127.0.0.1 A node01
	kill "$server"
	wait "$server"
	grep -q 'DHCP, static leases only on 192.168.66.0' log
	run grep -i 'warn\|error\|bad ' log
	[[ $output == *": warning: no upstream servers configured" ]]
	[ "${#lines[@]}" = 1 ]
}
