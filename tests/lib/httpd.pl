#!/usr/bin/perl
# A small HTTP server that misbehaves on purpose: httpd.pl ROOT STATE
# It serves the files in ROOT on a free port of 127.0.0.1, and writes two files to STATE: "port", once it listens, and "log", with
# a line for each request: PATH RANGE. The first component of the path selects the response:
#   /file/F      F, or a range of it        /norange/F   F, always all of it (200)
#   /moved/F     301 to /file/F             /temp/F      307 to /file/F
#   /loop        301 to itself              /away        301 to a file: URL
#   /missing/F   404                        /range416/F  416 if a range is requested, else F
#   /busy/F      429 with Retry-After: 1, once, then F
#   /later/F     503 with Retry-After: 100  /down/F      500
#   /cut/F       half of F, once; then F, or a range of it
#   /drop/F      always half of F           /stall/F     half of F, and then nothing
#   /wrong/F     F with other letters, or a range of it
#   /there/F     F, or 404 if ROOT has no such file
#   /shifted/F   F; if a range is requested, 206 with another one
use strict;
use warnings;
use IO::Socket::INET;

my ($root, $state) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
open my $log, '>>', "$state/log" or die;
$log->autoflush(1);
open my $port, '>', "$state/port.new" or die;
print $port $server->sockport;
close $port;
rename "$state/port.new", "$state/port" or die;
$SIG{CHLD} = 'IGNORE';

# True the first time it is called for NAME.
sub first {
	my $mark = "$state/seen-" . shift =~ tr{/}{_}r;
	return 0 if -e $mark;
	open my $f, '>', $mark or die;
	return 1;
}

sub answer {
	my ($c, $status, $headers, $body) = @_;
	$body //= '';
	my $length = $headers =~ /Content-Length/ ? '' : 'Content-Length: ' . length($body) . "\r\n";
	print $c "HTTP/1.1 $status X\r\n$headers${length}Connection: close\r\n\r\n$body";
}

# Sends DATA, or the range from FIRST on, which begins SHIFT bytes later than requested.
sub send_file {
	my ($c, $data, $first, $shift) = @_;
	return answer($c, 200, '', $data) unless defined $first;
	return answer($c, 416, 'Content-Range: bytes */' . length($data) . "\r\n") if $first >= length $data;
	$first += $shift;
	answer($c, 206, "Content-Range: bytes $first-" . (length($data) - 1) . '/' . length($data) . "\r\n",
		substr($data, $first));
}

sub handle {
	my ($c, $path, $first) = @_;
	my (undef, $what, $name) = split m{/}, $path, 3;
	my $data = '';
	return answer($c, 404, '', 'not here') if $what eq 'missing' || ($what eq 'there' && !-f "$root/$name");
	if (defined $name && open my $f, '<:raw', "$root/$name") {
		local $/;
		$data = <$f>;
	}
	my $half = substr $data, 0, length($data) / 2;
	my $all = 'Content-Length: ' . length($data) . "\r\n";
	return answer($c, 301, "Location: /file/$name\r\n") if $what eq 'moved';
	return answer($c, 307, "Location: /file/$name\r\n") if $what eq 'temp';
	return answer($c, 301, "Location: /loop\r\n") if $what eq 'loop';
	return answer($c, 301, "Location: file:///etc/hostname\r\n") if $what eq 'away';
	return answer($c, 503, "Retry-After: 100\r\n") if $what eq 'later';
	return answer($c, 500, '', 'down') if $what eq 'down';
	return answer($c, 416, '') if $what eq 'range416' && defined $first;
	return answer($c, 429, "Retry-After: 1\r\n") if $what eq 'busy' && first($path);
	return answer($c, 200, $all, $half) if $what eq 'drop' || ($what eq 'cut' && first($path));
	if ($what eq 'stall') {
		answer($c, 200, $all, $half);
		$c->flush;
		# Wait until the client closes the connection.
		sysread $c, my $rest, 1;
		return;
	}
	$data =~ tr/a-y/b-z/ if $what eq 'wrong';
	undef $first if $what eq 'norange';
	send_file($c, $data, $first, $what eq 'shifted' ? 1 : 0);
}

while (1) {
	my $c = $server->accept or next;
	next if fork;
	close $server;
	my ($path, $first);
	while (defined(my $line = <$c>)) {
		$path = $1 if $line =~ m{^GET ([^ ?]+)};
		$first = $1 if $line =~ /^Range: bytes=(\d+)-\r$/i;
		last if $line eq "\r\n";
	}
	exit unless defined $path;
	print $log $path, ' ', $first // '-', "\n";
	handle($c, $path, $first);
	exit;
}
