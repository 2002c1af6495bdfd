#!/usr/bin/perl
# kubeapi.pl STATE [PORT [CERT KEY]]: a small Kubernetes API server that misbehaves on demand.
# It lists and watches /api/v1/services and /api/v1/endpoints on PORT (0, the default: a free one) of 127.0.0.1, over
# https if it has a certificate (with `openssl s_server`). STATE is a directory; KIND below is services or endpoints.
#   port        the port, written once the server listens
#   log         one line for each request: "KIND list TOKEN" or "KIND watch VERSION TIMEOUT TOKEN"; the token is
#               the whole Authorization header, or "-"
#   KIND.json   the list that is sent
#   KIND.events the lines that watches send, one for each event; each is sent once, by the current or the next watch.
#               Lines that begin with "!" are commands: "!end" ends the watch, "!cut TEXT" sends TEXT without a newline
#               and closes the connection, "!huge N" sends a line of N bytes.
#   KIND.VERB   (list, watch) the response to the next such request: a status (401), "end" (an empty response),
#               "garbage", "short" (half of the list, then the connection is closed), or "drop" (the connection is
#               closed). The file is then removed, unless "always" follows.
# A watch ends after its timeoutSeconds, as with the real server.
use strict;
use warnings;
use IO::Handle;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($state, $want, $cert, $key) = @ARGV;
my ($parent, $sslpid, $in, $out);

sub spew {
	my ($path, $text) = @_;
	open my $f, '>', "$path.new$$" or die "$path: $!";
	print $f $text;
	close $f;
	rename "$path.new$$", $path or die "$path: $!";
}

sub slurp {
	my ($path) = @_;
	open my $f, '<:raw', $path or return '';
	local $/;
	return <$f> // '';
}

sub done {
	kill 'KILL', $sslpid if defined $sslpid;
	POSIX::_exit(0);
}

# Is there something to read within SECONDS? Exits if the server has ended.
sub readable {
	my ($handle, $seconds) = @_;
	my $end = time + $seconds;
	do {
		vec(my $bits = '', fileno $handle, 1) = 1;
		return 1 if select $bits, undef, undef, 0.02;
		done() if getppid != $parent;
	} while time < $end;
	return 0;
}

# Passes bytes between two sockets until one of them ends.
sub relay {
	my @ends = @_;
	while (1) {
		my $bits = '';
		vec($bits, fileno $_, 1) = 1 for @ends;
		select $bits, undef, undef, undef;
		for my $i (0, 1) {
			next unless vec $bits, fileno $ends[$i], 1;
			return unless sysread $ends[$i], my $data, 65536;
			while (length $data) {
				my $n = syswrite $ends[1 - $i], $data;
				return unless $n;
				substr $data, 0, $n, '';
			}
		}
	}
}

# Adds TLS to the connection $c with its own s_server, whose standard input and output we use.
sub tls {
	my ($c) = @_;
	my $path = "$state/tls.$$";
	pipe my $r, my $to or die;
	pipe my $from, my $w or die;
	($in, $out) = ($from, $to);
	$sslpid = fork // die;
	if ($sslpid == 0) {
		open STDIN, '<&', $r or die;
		open STDOUT, '>&', $w or die;
		open STDERR, '>>', "$state/tls.err" or die;
		exec qw(openssl s_server -quiet -naccept 1 -cert), $cert, '-key', $key, '-unix', $path;
		die "openssl: $!";
	}
	close $r;
	close $w;
	my $u;
	until ($u = IO::Socket::UNIX->new(Peer => $path)) {
		done() if getppid != $parent;
		sleep 0.01;
	}
	unlink $path;
	my $relay = fork // die;
	if ($relay == 0) {
		close $in;
		close $out;
		relay($c, $u);
		POSIX::_exit(0);
	}
	close $c;
}

sub send_answer {
	my ($status, $body, $length) = @_;
	$length //= length $body;
	print $out "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: $length\r\n\r\n$body";
	$out->flush;
}

sub send_chunk {
	printf $out "%x\r\n%s\r\n", length $_[0], $_[0];
	$out->flush;
}

# Sends a line in two pieces, as a network may deliver it.
sub send_line {
	my $half = int(length($_[0]) / 2);
	send_chunk(substr $_[0], 0, $half) if $half;
	send_chunk(substr($_[0], $half) . "\n");
}

# The next line of KIND.events that has not been sent, or undef.
sub next_line {
	my ($kind) = @_;
	my $at = slurp("$state/$kind.at") || 0;
	open my $f, '<:raw', "$state/$kind.events" or return undef;
	seek $f, $at, 0;
	my $line = <$f>;
	return undef unless defined $line && $line =~ s/\n\z//;
	spew("$state/$kind.at", tell $f);
	return $line;
}

sub watch {
	my ($kind, $seconds) = @_;
	my $end = time + $seconds;
	spew("$state/$kind.watcher", $$);
	print $out "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
	$out->flush;
	while (time < $end) {
		# A client sends nothing during a watch: readable means closed.
		done() if readable($in, 0.02) || slurp("$state/$kind.watcher") != $$;
		my $line = next_line($kind) // next;
		last if $line eq '!end';
		if ($line =~ /^!cut (.*)/) {
			send_chunk($1);
			done();
		}
		send_line($line =~ /^!huge (\d+)/ ? 'x' x $1 : $line);
	}
	print $out "0\r\n\r\n";
	$out->flush;
}

# The response that the test has set for this request, or ''.
sub wanted {
	my ($file) = @_;
	my ($what, $always) = slurp($file) =~ /(\S+)/g;
	unlink $file if defined $what && !defined $always;
	return $what // '';
}

sub handle {
	my ($kind, $query, $token) = @_;
	my ($version) = $query =~ /\bresourceVersion=(\w+)/;
	my ($timeout) = $query =~ /\btimeoutSeconds=(\d+)/;
	my $verb = $query =~ /\bwatch=1\b/ ? 'watch' : 'list';
	open my $log, '>>', "$state/log" or die;
	$log->autoflush(1);
	print $log $verb eq 'watch' ? "$kind watch $version $timeout $token\n" : "$kind list $token\n";
	my $what = wanted("$state/$kind.$verb");
	my $list = slurp("$state/$kind.json");
	return send_answer($what, qq({"kind":"Status","status":"Failure","code":$what}\n)) if $what =~ /^\d+$/;
	return send_answer(200, '') if $what eq 'end';
	return send_answer(200, "<html>\n") if $what eq 'garbage';
	send_answer(200, substr($list, 0, length($list) / 2), length $list) if $what eq 'short';
	done() if $what;
	return $verb eq 'watch' ? watch($kind, $timeout) : send_answer(200, $list);
}

# Handles the requests of one connection.
sub serve {
	while (1) {
		my ($kind, $query, $token) = ('', '', '-');
		until (readable($in, 1)) { }
		while (defined(my $line = <$in>)) {
			($kind, $query) = ($1, $2 // '') if $line =~ m{^GET /api/v1/(services|endpoints)(?:\?(\S*))? HTTP};
			$token = $1 if $line =~ /^Authorization: (.*)\r$/i;
			last if $line eq "\r\n";
		}
		done() unless $kind;
		handle($kind, $query, $token);
	}
}

$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(
	Listen => 16, LocalAddr => '127.0.0.1', LocalPort => $want // 0, ReuseAddr => 1) or die "listen: $!";
$parent = $$;
spew("$state/port", $server->sockport);
while (1) {
	my $c = $server->accept or next;
	next if fork;
	close $server;
	$in = $out = $c;
	tls($c) if defined $cert;
	serve();
}
