#!/usr/bin/perl
# A small registry that misbehaves on demand: registry.pl STATE
# It listens on a free port of 127.0.0.1, which it writes to STATE/port, and keeps its data below STATE. Its faults are listed
# in STATE/mode, which is read at every request; each line is a rule:
#   fail N METHOD RE CODE [S]   answer CODE (with Retry-After: S) to the first N matching requests
#   cut N METHOD BYTES          close the connection after BYTES of a longer body (sent or received)
#   stall N METHOD BYTES        transfer BYTES, and then nothing
#   auth basic|bearer           require authentication: user "user", password "secret"
#   anonymous                   issue tokens to everybody
#   uses N                      a token is valid for N requests
#   life S                      the lifetime of tokens according to their answer
#   away METHOD URL             redirect (307) to the same path at URL
#   there METHOD URL            put Locations of sessions at URL
#   relative                    send relative Locations
#   nomount                     answer 202 to every mount
#   digest                      send a wrong Docker-Content-Digest
#   http10                      use HTTP/1.0; an answer ends with the connection
#   referrers                   support the referrers API, and send OCI-Subject
#   norange, shifted            ignore ranges of blobs, or send others
#   corrupt                     change the letters in blobs
# STATE/log has a line for each request: METHOD PATH CODE HOST SCHEME RANGE, where SCHEME is that of the Authorization header
# or "-"; CODE is 0 if the transfer was cut or stalled. Credentials are never logged.
use strict;
use warnings;
use Digest::SHA;
use Fcntl ':flock';
use File::Path 'make_path';
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64;
use Socket 'MSG_PEEK';

my ($state) = @ARGV;
make_path(map { "$state/$_" } qw(blobs repos uploads tokens seen));
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
my $port = $server->sockport;
save("$state/port.new", $port);
rename "$state/port.new", "$state/port" or die;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
my ($c, %r, @rules);    # the connection, its request, and the current rules

sub load { open my $f, '<:raw', shift or return; local $/; my $t = <$f>; return $t // '' }

sub save {
	my ($path, $text) = @_;
	make_path($path =~ s{/[^/]*$}{}r);
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text;
	close $f or die;
}

# The arguments of the rule NAME, or an empty list.
sub rule {
	my $name = shift;
	my ($found) = grep { $_->[0] eq $name } @rules;
	return $found ? @$found[1 .. $#$found] : ();
}

sub is { my $name = shift; return scalar grep { $_->[0] eq $name } @rules }

# True the first N times for this rule.
sub takes {
	my ($rule, $n) = @_;
	my $mark = "$state/seen/" . join('-', @$rule) =~ s{[^\w.-]}{_}gr;
	open my $f, '+>>', $mark or die "$mark: $!";
	flock $f, LOCK_EX;
	return 0 if -s $f >= $n;
	syswrite $f, 'x';
	return 1;
}

sub note {
	my $code = shift;
	open my $f, '>>', "$state/log" or die;
	syswrite $f, join(' ', $r{method}, $r{path} . ($r{query} ? "?$r{query}" : ''), $code, $r{host}, $r{scheme},
		$r{range} // $r{'content-range'} // '-') . "\n";
}

sub head {
	my ($code, $length, %h) = @_;
	note($code);
	my $v = is('http10') ? '1.0' : '1.1';
	my $text = "HTTP/$v $code X\r\n" . join('', map { "$_: $h{$_}\r\n" } sort keys %h);
	$text .= "Content-Length: $length\r\n" unless is('http10') && $length;
	$text .= "Connection: close\r\n" if is('http10') || $r{close};
	print $c "$text\r\n";
}

sub answer {
	my ($code, $body, %h) = @_;
	head($code, length $body, %h);
	print $c $body unless $r{method} eq 'HEAD';
	$c->flush;
}

sub error {
	my ($code, $name, %h) = @_;
	answer($code, qq({"errors":[{"code":"$name","message":"not to be shown"}]}), %h);
}

sub other { return is('digest') ? 'sha256:' . 'a' x 64 : shift }

# Read and discard until the client closes the connection.
sub stall { note(0); 1 while sysread $c, my $rest, 65536; exit }

# How many of N bytes to transfer, and what to do then (cut or stall).
sub limit {
	my $n = shift;
	for my $rule (grep { $_->[0] =~ /^(cut|stall)$/ && $_->[2] eq $r{method} && $_->[3] < $n } @rules) {
		return ($rule->[3], $rule->[0]) if takes($rule, $rule->[1]);
	}
	return;
}

# Read the request's body and pass it to SINK. The connection cannot be reused if it is not read.
sub body {
	my $sink = shift;
	my $left = $r{'content-length'} // 0;
	my ($limit, $then) = limit($left);
	if (lc($r{expect} // '') eq '100-continue') { print $c "HTTP/1.1 100 Continue\r\n\r\n"; $c->flush }
	while ($left > 0) {
		my $want = $left < 65536 ? $left : 65536;
		$want = $limit if defined $limit && $want > $limit;
		if (defined $limit && $limit == 0) { $then eq 'stall' ? stall() : (note(0), exit) }
		my $data;
		my $n = read $c, $data, $want;
		exit unless $n;
		$sink->($data);
		$left -= $n;
		$limit -= $n if defined $limit;
	}
}

sub drop { my $all = ''; body(sub { $all .= $_[0] }); return $all }

# After an error, the body of the request is left unread.
sub refuse {
	$r{close} = 1 if $r{'content-length'} && ($r{expect} // '');
	drop() unless $r{close};
	error(@_);
	exit if $r{close};
}

sub authorized {
	my ($kind) = rule('auth') or return 1;
	my ($scheme, $value) = split ' ', $r{authorization} // '', 2;
	return ($scheme // '') eq 'Basic' && decode_base64($value) eq 'user:secret' if $kind eq 'basic';
	return 0 unless ($scheme // '') eq 'Bearer' && $value =~ /^\w+$/ && -e "$state/tokens/$value";
	my ($uses) = rule('uses');
	return 1 unless defined $uses;
	open my $f, '+>>', "$state/tokens/$value" or return 0;
	flock $f, LOCK_EX;
	return 0 if -s $f >= $uses;
	syswrite $f, 'x';
	return 1;
}

sub challenge {
	my ($kind) = rule('auth');
	return (lc $kind eq 'basic') ? 'Basic realm="a, \"b\""'
		: qq(Negotiate, Bearer realm="http://$r{host}/token",service="the \\"registry\\"",scope="x:y:z");
}

sub token {
	my $form = $r{method} eq 'POST' ? drop() : '';
	my $good = is('anonymous') || decode_base64(($r{authorization} // '') =~ s/^Basic //r) eq 'user:secret'
		|| $form =~ /grant_type=refresh_token&.*refresh_token=identity\b/;
	return error(401, 'UNAUTHORIZED') unless $good;
	my $name = sprintf 'T%d%06d', $$, rand 1e6;
	save("$state/tokens/$name", '');
	my ($life) = rule('life');
	answer(200, qq({"token":"$name") . (defined $life ? qq(,"expires_in":$life) : '') . '}');
}

# The Location of a session.
sub location {
	my ($repo, $id, $n) = @_;
	my ($method, $there) = rule('there');
	my $path = "/v2/$repo/blobs/uploads/$id?at=$n&secret=hidden";
	return is('relative') ? $path : ($there // "http://$r{host}") . $path;
}

sub blob {
	my ($repo, $hex) = @_;
	return error(404, 'BLOB_UNKNOWN') unless -e "$state/repos/$repo/blobs/$hex";
	my $path = "$state/blobs/$hex";
	return answer(200, 'x' x -s $path, 'Docker-Content-Digest' => other("sha256:$hex")) if $r{method} eq 'HEAD';
	my $data = load($path);
	$data =~ tr/a-y/b-z/ if is('corrupt');
	my ($size, $first, %h) = (length $data, undef);
	($first) = ($r{range} // '') =~ /^bytes=(\d+)-$/ unless is('norange');
	if (defined $first) {
		return error(416, 'RANGE_INVALID') if $first >= $size;
		$first++ if is('shifted');
		$data = substr $data, $first;
		$h{'Content-Range'} = "bytes $first-" . ($size - 1) . "/$size";
	}
	my ($limit, $then) = limit(length $data);
	head(defined $first ? 206 : 200, length $data, 'Docker-Content-Digest' => "sha256:$hex", %h);
	print $c defined $limit ? substr $data, 0, $limit : $data;
	$c->flush;
	exit if ($then // '') eq 'cut';
	stall() if defined $then;
}

sub start {
	my $repo = shift;
	drop();
	my ($mount) = $r{query} =~ /mount=sha256(?::|%3A)(\w+)/;
	if (defined $mount && -e "$state/blobs/$mount" && !is('nomount')) {
		save("$state/repos/$repo/blobs/$mount", '');
		return answer(201, '', Location => "/v2/$repo/blobs/sha256:$mount");
	}
	my $id = sprintf 'U%d%06d', $$, rand 1e6;
	save("$state/uploads/$id", '');
	answer(202, '', Location => location($repo, $id, 0), Range => '0-0');
}

sub session {
	my ($repo, $id) = @_;
	my $path = "$state/uploads/$id";
	return refuse(404, 'BLOB_UPLOAD_UNKNOWN') unless -e $path;
	my ($first) = ($r{'content-range'} // '') =~ /^(\d+)-/;
	return refuse(416, 'RANGE_INVALID') if $r{method} eq 'PATCH' && ($first // -1) != -s $path;
	open my $f, '>>:raw', $path or die;
	body(sub { syswrite $f, $_[0] });
	close $f;
	my $n = -s $path;
	my %h = (Location => location($repo, $id, $n), Range => '0-' . ($n ? $n - 1 : 0));
	return answer($r{method} eq 'GET' ? 204 : 202, '', %h) if $r{method} =~ /^(GET|PATCH)$/;
	my ($hex) = $r{query} =~ /digest=sha256(?::|%3A)(\w+)/;
	my $sum = Digest::SHA->new(256)->addfile($path)->hexdigest;
	unlink $path and return error(400, 'DIGEST_INVALID') if $sum ne ($hex // '');
	rename $path, "$state/blobs/$hex" or die;
	save("$state/repos/$repo/blobs/$hex", '');
	answer(201, '', 'Docker-Content-Digest' => other("sha256:$hex"), Location => "/v2/$repo/blobs/sha256:$hex");
}

sub manifest {
	my ($repo, $ref) = @_;
	my $at = "$state/repos/$repo/manifests";
	if ($r{method} eq 'PUT') {
		my $text = drop();
		my $hex = Digest::SHA::sha256_hex($text);
		# Its parts must exist, but not its subject.
		my $j = JSON::PP::decode_json($text);
		my @parts = ($j->{config} // (), @{ $j->{layers} // [] }, @{ $j->{manifests} // [] });
		return error(400, 'MANIFEST_BLOB_UNKNOWN')
			if grep { !-e "$state/repos/$repo/blobs/$_" && !-e "$at/sha256:$_" } map { substr $_->{digest}, 7 } @parts;
		save("$at/$_", "$r{'content-type'}\n$text") for $ref, "sha256:$hex";
		my $subject = is('referrers') && $j->{subject} ? $j->{subject}{digest} : undef;
		return answer(201, '', 'Docker-Content-Digest' => other("sha256:$hex"), $subject ? ('OCI-Subject' => $subject) : ());
	}
	my $text = load("$at/$ref") // return error(404, 'MANIFEST_UNKNOWN');
	my ($type, $body) = split /\n/, $text, 2;
	my $digest = other('sha256:' . Digest::SHA::sha256_hex($body));
	answer(200, $body, 'Content-Type' => $type, 'Docker-Content-Digest' => $digest);
}

# The manifests with the subject HEX.
sub referrers {
	my ($repo, $hex) = @_;
	my @found;
	for my $file (glob "$state/repos/$repo/manifests/sha256:*") {
		my ($type, $body) = split /\n/, load($file), 2;
		my $j = JSON::PP::decode_json($body);
		next unless ($j->{subject}{digest} // '') eq "sha256:$hex";
		push @found, { mediaType => $type, digest => $file =~ s{.*/}{}r, size => length $body,
			artifactType => $j->{artifactType} };
	}
	answer(200, JSON::PP->new->canonical->encode({ schemaVersion => 2, manifests => \@found }),
		'Content-Type' => 'application/vnd.oci.image.index.v1+json');
}

sub route {
	my $path = $r{path};
	return token() if $path eq '/token';
	for my $rule (grep { $_->[0] eq 'fail' && $_->[2] eq $r{method} } @rules) {
		my (undef, $n, undef, $re, $code, $after) = @$rule;
		next unless "$path?$r{query}" =~ /$re/ && takes($rule, $n);
		return refuse($code, 'UNKNOWN', defined $after ? ('Retry-After' => $after) : ());
	}
	if ($r{host} =~ /^127/) {
		my ($method, $url) = rule('away');
		return refuse(307, 'X', Location => $url . $path . ($r{query} ? "?$r{query}" : ''))
			if ($method // '') eq $r{method} && $path =~ m{/blobs/};
		return refuse(401, 'UNAUTHORIZED', 'WWW-Authenticate' => challenge()) unless authorized();
	}
	return blob($1, $2) if $path =~ m{^/v2/(.+)/blobs/sha256:(\w+)$};
	return start($1) if $path =~ m{^/v2/(.+)/blobs/uploads/$} && $r{method} eq 'POST';
	return session($1, $2) if $path =~ m{^/v2/(.+)/blobs/uploads/(\w+)$};
	return manifest($1, $2) if $path =~ m{^/v2/(.+)/manifests/([\w.:-]+)$};
	return referrers($1, $2) if is('referrers') && $path =~ m{^/v2/(.+)/referrers/sha256:(\w+)$};
	return answer(200, '{}') if $path eq '/v2/';
	refuse(404, 'NAME_UNKNOWN');
}

while (1) {
	$c = $server->accept or next;
	if (fork) {
		close $c;
		next;
	}
	close $server;
	srand;
	# A TLS handshake may contain no newline.
	my $hello;
	exit unless defined recv($c, $hello, 1, MSG_PEEK) && $hello =~ /[A-Z]/;
	while (defined(my $line = <$c>)) {
		%r = ();
		@r{qw(method path query)} = ($1, $2, $3 // '') if $line =~ m{^([A-Z]+) ([^ ?]+)(?:\?(\S*))? HTTP/1};
		exit unless defined $r{method};
		while (defined($line = <$c>) && $line ne "\r\n") { $r{lc $1} = $2 if $line =~ /^([\w-]+): *(.*)\r\n$/ }
		$r{scheme} = ($r{authorization} // '-') =~ s/ .*//r;
		@rules = map { [split] } split /\n/, load("$state/mode") // '';
		route();
		exit if is('http10') || $r{close};
	}
	exit;
}
