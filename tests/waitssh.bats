# waitssh, against a real sshd and against other listeners.
load lib/common

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_kept; }

# serve PORT PERL: listen on PORT of 127.0.0.1 (0: a free one) and run the Perl code for each connection $c, whose number
# is $n, from 0. Connections in @open stay open. Sets port and server (the PID).
serve() {
	perl -MIO::Socket::INET -e '
		$SIG{PIPE} = "IGNORE";
		$s = IO::Socket::INET->new(Listen => 128, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], ReuseAddr => 1)
			or die "listen: $!";
		open $f, ">", "served.$$.new" or die; print $f $s->sockport; close $f;
		rename "served.$$.new", "served.$$" or die;
		for ($n = 0; $c = $s->accept; $n++) { $c->autoflush(1); eval $ARGV[1]; die $@ if $@; undef $c }' \
		"$1" "$2" 3>&- &
	keep_pid $!
	server=$!
	wait_for 10 test -e "served.$server"
	port=$(cat "served.$server")
}

# start_sshd: start a real sshd on $port of 127.0.0.1 and, with IPv6, ::1.
start_sshd() {
	[ -x /usr/sbin/sshd ] || skip "no sshd"
	[ "$(id -u)" = 0 ] && mkdir -p /run/sshd
	port=$(free_port)
	[ -e key ] || ssh-keygen -q -t ed25519 -N '' -f key
	printf '%s\n' "HostKey $PWD/key" "ListenAddress 127.0.0.1:$port" 'PidFile none' 'UsePAM no' > sshd_config
	! has_ipv6 || echo "ListenAddress [::1]:$port" >> sshd_config
	/usr/sbin/sshd -D -e -f sshd_config 2> sshd.log 3>&- &
	keep_pid $!
}

has_ipv6() { grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2> /dev/null; }

ms() { echo $(($(date +%s%N) / 1000000)); }

@test "a real sshd, by address, by name and over IPv6" {
	start_sshd
	run -0 --separate-stderr waitssh -t 20 "127.0.0.1:$port"
	[ -z "$output$stderr" ]
	run -0 --separate-stderr waitssh -v -t 20 "localhost:$port" "127.0.0.1:$port"
	[ -z "$output" ]
	[[ ${stderr_lines[0]}${stderr_lines[1]} == *"waitssh: localhost:$port: answered after "*" s: SSH-2.0-OpenSSH_"* ]]
	[ "${#stderr_lines[@]}" = 2 ]
	has_ipv6 || skip "no IPv6 here"
	run -0 waitssh -t 20 "[::1]:$port"
}

@test "an SSH server that starts late is found soon after it starts" {
	port=$(free_port)
	waitssh -t 30 -v "127.0.0.1:$port" 2> said 3>&- &
	local waiter=$!
	keep_pid $waiter
	# Once it sleeps in poll, it has been refused at least once.
	wait_for 5 grep -q '^State:.S' "/proc/$waiter/status"
	kill -0 $waiter
	serve "$port" 'print $c "SSH-2.0-late\r\n"'
	wait $waiter
	grep -q ': SSH-2.0-late$' said
}

@test "lines before the identification string, single bytes, and unprintable characters" {
	serve 0 '
		for (split //, "Welcome\r\nSSH is here\nSSH-2.0-a\e[2Jb\r\n") { syswrite $c, $_; select undef, undef, undef, .002 }'
	run -0 --separate-stderr waitssh -v -t 20 "127.0.0.1:$port"
	[[ $stderr == *": SSH-2.0-a?[2Jb" ]]
	serve 0 'print $c "x" x 253, "\r\n" for 1 .. 50; print $c "SSH-", "y" x 249, "\r\n"'
	run -0 waitssh -t 20 "127.0.0.1:$port"
}

@test "a server that accepts and stays silent, or closes, is tried again" {
	# QEMU's port forwarding does this while the machine boots.
	serve 0 'if ($n < 1) { push @open, $c } elsif ($n < 3) { close $c } else { print $c "SSH-2.0-x\n" }'
	run -0 waitssh --attempt 1 --interval 10 -t 20 "127.0.0.1:$port"
}

@test "not an SSH server: exit 124, with the reason" {
	local t reason
	while IFS='|' read -r t reason; do
		serve 0 "$t"
		run -124 --separate-stderr waitssh -t 1 --attempt 1 --interval 50 "127.0.0.1:$port"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == "waitssh: 127.0.0.1:$port: no SSH banner in 1 s: $reason" ]]
	done <<- 'END'
		print $c "HTTP/1.1 400\n" x 2000; push @open, $c|not an SSH server: it sent too many lines
		print $c "x" x 256, "\n"; push @open, $c|not an SSH server: it sent a line of more than 255 bytes
		print $c "SSH-", "x" x 252, "\n"; push @open, $c|not an SSH server: it sent a line of more than 255 bytes
		print $c "SSH-2.0\0\n"; push @open, $c|not an SSH server: it sent a NUL
		print $c "SSH-2.0-no-newline"|connection closed before the SSH banner
		setsockopt $c, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0|connection lost before the SSH banner: Connection reset by peer
		1|connection closed before the SSH banner
	END
}

@test "silence: exit 124, with the reason" {
	serve 0 'push @open, $c'
	run -124 --separate-stderr waitssh -t 2 --attempt 1 "127.0.0.1:$port"
	[ "$stderr" = "waitssh: 127.0.0.1:$port: no SSH banner in 2 s: no SSH banner within 1 s" ]
	run -124 --separate-stderr waitssh -t 1 --attempt 9 "127.0.0.1:$port"
	[ "$stderr" = "waitssh: 127.0.0.1:$port: no SSH banner in 1 s: the first attempt is still in progress" ]
}

@test "refused ports, a name that does not exist: exit 124 in time" {
	local start end
	start=$(ms)
	run -124 --separate-stderr waitssh -t 1 "127.0.0.1:$(free_port)" "127.0.0.1:$(free_port)" no-such.invalid
	end=$(ms)
	[ $((end - start)) -ge 1000 ]
	[ $((end - start)) -lt 4000 ]
	[ "${#stderr_lines[@]}" = 3 ]
	[[ ${stderr_lines[0]} == *"s: connect: Connection refused" ]]
	[[ ${stderr_lines[2]} == "waitssh: no-such.invalid: no SSH banner in 1 s: "?* ]]
}

@test "one bad host among good ones: only that one is named" {
	serve 0 'print $c "SSH-2.0-x\r\n"'
	local bad good=$port
	bad=$(free_port)
	run -124 --separate-stderr waitssh -t 1 "127.0.0.1:$good" "127.0.0.1:$bad" "127.0.0.1:$good"
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "waitssh: 127.0.0.1:$bad: "* ]]
}

@test "100 hosts are waited for at once, not one after the other" {
	# The connections are answered only when all 100 are open.
	serve 0 'push @open, $c; if (@open == 100) { print $_ "SSH-2.0-x\r\n" for @open }'
	local hosts=() i
	for i in {1..100}; do hosts+=("127.0.0.1:$port"); done
	run -0 waitssh -t 20 --attempt 20 "${hosts[@]}"
}

@test "more hosts than the soft limit of descriptors" {
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 128 ] || skip "the hard limit of open files is too low"
	serve 0 'push @open, $c; if (@open == 100) { print $_ "SSH-2.0-x\r\n" for @open }'
	local hosts=() i
	for i in {1..100}; do hosts+=("127.0.0.1:$port"); done
	ulimit -Sn 64
	run -0 waitssh -t 20 --attempt 20 "${hosts[@]}"
}

@test "usage errors" {
	run -2 waitssh
	local args
	for args in '-t 0 a' '-t x a' '--interval 0 a' '--attempt 0 a' 'a:0' 'a:65536' 'a:' 'a:b' '[::1' '[::1]x' \
		'[::1]:' '::g' '[127.0.0.1]:22' '-- -a' ':22' 'a,b'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr waitssh $args
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "waitssh: "* ]]
		[ "${stderr_lines[1]}" = "Try 'waitssh --help'." ]
	done
	run -2 waitssh ''
}
