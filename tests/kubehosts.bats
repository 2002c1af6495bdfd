# kubehosts, against a fake API server (tests/lib/kubeapi.pl), and with a real dnsmasq.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	unset KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT
	mkdir api
	list services 1
	list endpoints 1
}
teardown() { end_kept; }

# api [PORT [CERT KEY]]: start the server; its state is in api, its URL in $url.
api() {
	rm -f api/port
	perl "$TOP/tests/lib/kubeapi.pl" api "$@" 3>&- &
	server=$!
	keep_pid $server
	wait_for 10 test -e api/port
	port=$(cat api/port)
	url=http://127.0.0.1:$port
	[ $# -lt 2 ] || url=https://127.0.0.1:$port
}

# refuse: set $url to a port where nothing listens.
refuse() { url=http://127.0.0.1:$(free_port); }

# service NAMESPACE/NAME SPEC [VERSION], endpoints NAMESPACE/NAME SUBSETS [VERSION]: print an object on one line.
service() {
	printf '{"metadata":{"namespace":"%s","name":"%s","resourceVersion":"%s"},"spec":{%s}}\n' \
		"${1%%/*}" "${1#*/}" "${3-5}" "$2"
}
endpoints() {
	printf '{"metadata":{"namespace":"%s","name":"%s","resourceVersion":"%s"},"subsets":[%s]}\n' \
		"${1%%/*}" "${1#*/}" "${3-5}" "$2"
}

# list KIND VERSION OBJECT...: set the contents of a list.
list() {
	local IFS=,
	printf '{"kind":"List","metadata":{"resourceVersion":"%s"},"items":[%s]}' "$2" "${*:3}" > api/new
	mv api/new "api/$1.json"
}

# event KIND TYPE OBJECT; line KIND TEXT: make a watch send an event, or a line.
event() { line "$1" "{\"type\":\"$2\",\"object\":$3}"; }
line() { printf '%s\n' "$2" >> "api/$1.events"; }

# answer KIND VERB WHAT: see kubeapi.pl.
answer() {
	echo "$3" > api/new
	mv api/new "api/$1.$2"
}

# start ARG...: run kubehosts in the background, with the files hosts and conf; its standard error goes to said.
start() {
	kubehosts --server "$url" -H "$PWD/hosts" -c "$PWD/conf" "$@" 2> said 3>&- &
	tool=$!
	keep_pid $tool
}
ends() { # CODE
	local code=0
	wait "$tool" || code=$?
	[ "$code" = "$1" ]
}
once() { run -0 --separate-stderr kubehosts --server "$url" -H hosts -c conf --once -T 30; }

# is FILE LINE...: the file has these lines and no others.
is() {
	local file=$1 want
	shift
	want=$(printf '%s\n' '# Written by kubehosts(1).' "$@")
	[ "$(cat "$file")" = "$want" ] || {
		diff <(echo "$want") "$file"
		false
	}
}

# becomes FILE LINE...: wait until it has them.
becomes() { wait_for 20 is "$@" || is "$@"; }

# requests NUMBER PATTERN: the server's log has at least so many.
requests() { [ "$(grep -c -- "$2" api/log)" -ge "$1" ]; }

said() { [ "$(grep -c . said)" = 0 ] && [ $# = 0 ] || [ "$(cat said)" = "$(printf 'kubehosts: %s\n' "$@")" ] || {
	cat said
	false
}; }

ms() { echo $(($(date +%s%N) / 1000000)); }

have_dnsmasq() { command -v dnsmasq > /dev/null || skip "dnsmasq is not installed"; }

# serve_dns: start kubehosts with a dnsmasq at port $dns, and wait until it answers.
serve_dns() {
	have_dnsmasq
	dns=$(free_port)
	start -v -- dnsmasq --keep-in-foreground --user="$(id -un)" --pid-file="$PWD/pid" --log-facility="$PWD/dnsmasq.log" \
		--no-resolv --no-hosts --addn-hosts="$PWD/hosts" --conf-file="$PWD/conf" --local=/cluster.local/ \
		--listen-address=127.0.0.1 --bind-interfaces --port="$dns"
	wait_for 20 ask A no.such.svc.cluster.local
}

# ask TYPE NAME: print dnsmasq's answer, one record on a line, sorted, or the error code. Fails without an answer.
ask() {
	perl -MIO::Socket::INET -e '
		my ($port, $type, $name) = @ARGV;
		my %number = (A => 1, CNAME => 5, PTR => 12, AAAA => 28, SRV => 33);
		my %type = reverse %number;
		my $s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $port) or die;
		send $s, pack("n6", 7, 256, 1, 0, 0, 0) . join("", map { pack "C/a*", $_ } split /\./, $name) .
			pack("xn2", $number{$type}, 1), 0 or exit 1;
		vec(my $bits = "", fileno $s, 1) = 1;
		select $bits, undef, undef, 2 or exit 1;
		defined recv $s, my $m, 65535, 0 or exit 1;
		sub name {
			my ($at, @labels) = @_;
			while (my $n = ord substr $m, $at, 1) {
				if ($n >= 192) { $at = unpack("n", substr $m, $at, 2) & 0x3fff; next }
				push @labels, substr $m, $at + 1, $n;
				$at += $n + 1;
			}
			return join ".", @labels;
		}
		sub past {
			my ($at) = @_;
			while (my $n = ord substr $m, $at, 1) {
				return $at + 2 if $n >= 192;
				$at += $n + 1;
			}
			return $at + 1;
		}
		my (undef, $flags, undef, $count) = unpack "n4", $m;
		my %code = (2 => "SERVFAIL", 3 => "NXDOMAIN", 5 => "REFUSED");
		my ($at, @out) = past(12) + 4;
		push @out, $code{$flags & 15} // $flags & 15 if $flags & 15;
		for (1 .. $count) {
			$at = past($at);
			my ($t, undef, undef, $n) = unpack "n2Nn", substr $m, $at, 10;
			my $d = substr $m, $at += 10, $n;
			push @out, "$type{$t} " . ($t == 1 ? join ".", unpack "C4", $d : $t == 28 ? join ":", unpack "(H4)8", $d :
				$t == 33 ? unpack("x4n", $d) . " " . name($at + 6) : name($at));
			$at += $n;
		}
		print map { "$_\n" } sort @out;' "$dns" "$@"
}

# resolves TYPE NAME ANSWER...: wait until these are the records.
resolves() { wait_for 20 answers "$@" || answers "$@"; }
answers() {
	local got
	got=$(ask "$1" "$2")
	[ "$got" = "$(printf '%s\n' "${@:3}")" ] || {
		echo "$1 $2: $got"
		false
	}
}

WEB='"clusterIP":"10.0.0.1","ports":[{"name":"http","port":80}]'
NONE='"clusterIP":"None"'

@test "cluster IPs: addresses, and SRV records of ports with a name" {
	api
	list services 1 "$(service ns/web "$WEB")" \
		"$(service ns/dual '"clusterIP":"10.0.0.2","clusterIPs":["10.0.0.2","FD00:0::2"],"ports":[
			{"name":"dns","protocol":"UDP","port":53},{"name":"s","protocol":"SCTP","port":9},{"port":1}]' | tr -d '\n')" \
		"$(service ns/no-address-yet '"clusterIP":"","ports":[{"name":"http","port":80}]')" \
		"$(service ns/nothing '')"
	once
	[ -z "$output$stderr" ]
	is hosts '10.0.0.1 web.ns.svc.cluster.local' '10.0.0.2 dual.ns.svc.cluster.local' 'fd00::2 dual.ns.svc.cluster.local'
	is conf 'srv-host=_dns._udp.dual.ns.svc.cluster.local,dual.ns.svc.cluster.local,53' \
		'srv-host=_http._tcp.web.ns.svc.cluster.local,web.ns.svc.cluster.local,80' \
		'srv-host=_s._sctp.dual.ns.svc.cluster.local,dual.ns.svc.cluster.local,9'
	run -0 kubehosts --server "$url" -H hosts --once -d example.org
	is hosts '10.0.0.1 web.ns.svc.example.org' '10.0.0.2 dual.ns.svc.example.org' 'fd00::2 dual.ns.svc.example.org'
}

@test "headless services: ready endpoints, their host names, dashed addresses, SRV records" {
	api
	list services 1 "$(service ns/db "$NONE")" "$(service ns/all "$NONE,\"publishNotReadyAddresses\":true")" \
		"$(service ns/alone "$NONE")"
	local subset='{"addresses":[{"ip":"10.1.0.1","hostname":"db-0"},{"ip":"10.1.0.2"},{"ip":"fd00::"}],
		"notReadyAddresses":[{"ip":"10.1.0.9","hostname":"db-9"}],"ports":[{"name":"sql","port":5432},{"port":1}]}'
	subset=${subset//$'\n'/}
	list endpoints 1 "$(endpoints ns/db "$subset")" "$(endpoints ns/all "$subset,{\"addresses\":[{\"ip\":\"::1\"}]}")" \
		"$(endpoints ns/orphan "$subset")" "$(endpoints ns/some.lock '')"
	once
	[ -z "$output$stderr" ]
	is hosts \
		'10.1.0.1 db-0.all.ns.svc.cluster.local all.ns.svc.cluster.local' \
		'10.1.0.1 db-0.db.ns.svc.cluster.local db.ns.svc.cluster.local' \
		'10.1.0.2 10-1-0-2.all.ns.svc.cluster.local all.ns.svc.cluster.local' \
		'10.1.0.2 10-1-0-2.db.ns.svc.cluster.local db.ns.svc.cluster.local' \
		'10.1.0.9 db-9.all.ns.svc.cluster.local all.ns.svc.cluster.local' \
		'::1 0--1.all.ns.svc.cluster.local all.ns.svc.cluster.local' \
		'fd00:: fd00--0.all.ns.svc.cluster.local all.ns.svc.cluster.local' \
		'fd00:: fd00--0.db.ns.svc.cluster.local db.ns.svc.cluster.local'
	is conf \
		'srv-host=_sql._tcp.all.ns.svc.cluster.local,10-1-0-2.all.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.all.ns.svc.cluster.local,db-0.all.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.all.ns.svc.cluster.local,db-9.all.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.all.ns.svc.cluster.local,fd00--0.all.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.db.ns.svc.cluster.local,10-1-0-2.db.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.db.ns.svc.cluster.local,db-0.db.ns.svc.cluster.local,5432' \
		'srv-host=_sql._tcp.db.ns.svc.cluster.local,fd00--0.db.ns.svc.cluster.local,5432'
}

@test "external names: aliases, but no alias of an alias" {
	api
	list services 1 "$(service ns/out '"type":"ExternalName","externalName":"www.example.org."')" \
		"$(service ns/web "$WEB")" \
		"$(service ns/in '"type":"ExternalName","externalName":"web.ns.svc.cluster.local"')" \
		"$(service ns/a '"type":"ExternalName","externalName":"b.ns.svc.cluster.local"')" \
		"$(service ns/b '"type":"ExternalName","externalName":"a.ns.svc.cluster.local"')" \
		"$(service ns/self '"type":"ExternalName","externalName":"self.ns.svc.cluster.local","clusterIP":"10.0.0.9"')" \
		"$(service ns/chain '"type":"ExternalName","externalName":"out.ns.svc.cluster.local"')"
	once
	[ -z "$stderr" ]
	is hosts '10.0.0.1 web.ns.svc.cluster.local'
	is conf 'cname=in.ns.svc.cluster.local,web.ns.svc.cluster.local' 'cname=out.ns.svc.cluster.local,www.example.org' \
		'srv-host=_http._tcp.web.ns.svc.cluster.local,web.ns.svc.cluster.local,80'
}

@test "events change the files; bookmarks and watches that end do not" {
	api
	list services 7 "$(service ns/web "$WEB")"
	start -v --watch 3
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
	wait_for 10 grep -qx 'services watch 7 3 -' api/log
	event services ADDED "$(service ns/new '"clusterIP":"10.0.0.2"' 8)"
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local' '10.0.0.2 new.ns.svc.cluster.local'
	event services MODIFIED "$(service ns/new '"clusterIP":"10.0.0.3"' 9)"
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local' '10.0.0.3 new.ns.svc.cluster.local'
	event services DELETED "$(service ns/web "$WEB" 10)"
	becomes hosts '10.0.0.3 new.ns.svc.cluster.local'
	# kubehosts writes conf after hosts.
	becomes conf
	event services BOOKMARK '{"metadata":{"resourceVersion":"99"}}'
	wait_for 10 grep -qx 'services watch 99 3 -' api/log
	event services ADDED "$(service ns/h "$NONE" 100)"
	event endpoints ADDED "$(endpoints ns/h '{"addresses":[{"ip":"10.1.1.1"}]}' 3)"
	becomes hosts '10.0.0.3 new.ns.svc.cluster.local' '10.1.1.1 10-1-1-1.h.ns.svc.cluster.local h.ns.svc.cluster.local'
	# Every event was valid, and no list was requested again.
	[ "$(grep -c ' list ' api/log)" = 2 ]
	run ! grep -q 'trying again' said
	kill $tool
	ends 0
}

@test "the files are not touched when nothing changes" {
	api
	list services 7 "$(service ns/web "$WEB")"
	once
	touch -d '2001-01-01' hosts conf
	once
	[ "$(stat -c %Y hosts conf | sort -u)" = "$(date -d 2001-01-01 +%s)" ]
	start
	wait_for 10 requests 1 'services watch'
	# The first event changes nothing for DNS, the later ones do.
	event services MODIFIED "$(service ns/web "$WEB,\"selector\":{\"a\":\"b\"}" 8)"
	event services ADDED "$(service ns/srv-only '"clusterIP":"10.0.0.2","ports":[{"name":"x","port":1}]' 9)"
	wait_for 10 grep -q srv-only conf
	touch -d '2001-01-01' hosts
	event services MODIFIED "$(service ns/srv-only '"clusterIP":"10.0.0.2","ports":[{"name":"x","port":2}]' 10)"
	wait_for 10 grep -q ',2$' conf
	[ "$(stat -c %Y hosts)" = "$(date -d 2001-01-01 +%s)" ]
	kill $tool
	ends 0
	said
	# No temporary file is left after a kill.
	[ -z "$(find . -name '*.tmp.*')" ]
}

@test "a version that is gone: the list is requested again" {
	api
	list services 7 "$(service ns/old '"clusterIP":"10.0.0.1"')"
	start
	becomes hosts '10.0.0.1 old.ns.svc.cluster.local'
	list services 20 "$(service ns/new '"clusterIP":"10.0.0.2"')"
	event services ERROR '{"kind":"Status","code":410,"reason":"Expired"}'
	becomes hosts '10.0.0.2 new.ns.svc.cluster.local'
	wait_for 10 grep -qx 'services watch 20 300 -' api/log
	said 'services: the server ended the watch with code 410; trying again'
	# The same as the response to the next watch.
	list services 30 "$(service ns/newer '"clusterIP":"10.0.0.3"')"
	answer services watch 410
	line services '!end'
	becomes hosts '10.0.0.3 newer.ns.svc.cluster.local'
	[ "$(grep -c 'endpoints list' api/log)" = 1 ]
	grep -qx 'kubehosts: services: status 410; trying again' said
}

@test "a list that fails repeatedly: reported once, retried with growing pauses" {
	local what words start
	while IFS='|' read -r what words; do
		rm -rf api hosts conf
		mkdir api
		list services 1 "$(service ns/web "$WEB")"
		list endpoints 1
		answer services list "$what always"
		api
		start=$(ms)
		start
		wait_for 20 requests 3 'services list'
		[ $(($(ms) - start)) -ge 600 ]
		rm api/services.list
		becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
		said "services: $words; trying again"
		kill $tool $server
		ends 0
	done <<- 'END'
		401|status 401
		500|status 500
		garbage|not JSON at byte 1
		end|not JSON at byte 0
		drop|Empty reply from server
		short|Transferred a partial file
	END
}

@test "an invalid list" {
	api
	local text
	for text in '[]' '{"metadata":{"resourceVersion":"1"}}' '{"items":[]}' \
		'{"items":[],"metadata":{"resourceVersion":"1&watch=0"}}' '{"items":[],"metadata":{"resourceVersion":1}}'; do
		printf '%s' "$text" > api/services.json
		run -124 --separate-stderr kubehosts --server "$url" -H hosts --once -T 1
		# shellcheck disable=SC2154
		[[ ${stderr_lines[0]} == 'kubehosts: services: no'*'; trying again' ]]
		[ "${stderr_lines[1]}" = 'kubehosts: no answer in 1 s' ]
		[ ! -e hosts ]
	done
	# Go writes an empty list as null.
	printf '{"items":null,"metadata":{"resourceVersion":"1"}}' > api/services.json
	once
	is hosts
}

@test "a watch that is refused continues from its version; a new list only after other client errors" {
	api
	list services 7
	local code n=1
	answer services watch '403 always'
	start
	wait_for 10 requests 2 'services watch 7 '
	said 'services: status 403; trying again'
	for code in 429 500; do
		answer services watch $code
		[ "$code" = 429 ] || line services '!end'
		wait_for 20 test ! -e api/services.watch
		event services ADDED "$(service "ns/s$code" "\"clusterIP\":\"10.0.0.$n\"" "$code")"
		wait_for 20 grep -q "s$code" hosts
		n=$((n + 1))
	done
	[ "$(grep -c 'services list' api/log)" = 1 ]
}

@test "a watch that ends immediately is not restarted immediately" {
	api
	answer services watch 'end always'
	start
	wait_for 10 requests 1 'services watch'
	local start
	start=$(ms)
	wait_for 20 requests 5 'services watch'
	[ $(($(ms) - start)) -ge 2000 ]
	rm api/services.watch
	event services ADDED "$(service ns/web "$WEB")"
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
	said 'services: the watch ended immediately; trying again'
}

@test "invalid lines of a watch are reported, and the list is requested again" {
	local text words
	while IFS='|' read -r text words; do
		rm -rf api hosts
		mkdir api
		list services 1
		list endpoints 1
		api
		start
		wait_for 10 requests 1 'services watch'
		list services 2 "$(service ns/web "$WEB")"
		line services "$text"
		becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
		wait_for 10 requests 1 'services watch 2 '
		said "services: $words; trying again"
		kill "$tool" "$server"
		ends 0
	done <<- 'END'
		garbage|not JSON at byte 7
		{"type":"ADDED","object":{}}|no resourceVersion
		{"type":"ADDED","object":{"metadata":{"resourceVersion":"-"}}}|no resourceVersion
		{"type":"WHAT","object":{"metadata":{"resourceVersion":"5"}}}|not an event of a watch
		{"type":"ERROR","object":{"code":500}}|the server ended the watch with code 500
		!huge 5000000|more than 4 MiB
	END
}

@test "a truncated line is requested again; empty lines are ignored" {
	api
	start
	wait_for 10 requests 1 'services watch'
	line services '!cut {"type":"ADDED","object":{"metadata":{"name":"cut",'
	event services ADDED "$(service ns/after-cut '"clusterIP":"10.0.0.1"' 50)"
	becomes hosts '10.0.0.1 after-cut.ns.svc.cluster.local'
	line services ''
	event services ADDED "$(service ns/after-empty '"clusterIP":"10.0.0.2"' 51)"
	becomes hosts '10.0.0.1 after-cut.ns.svc.cluster.local' '10.0.0.2 after-empty.ns.svc.cluster.local'
	[ "$(grep -c 'services list' api/log)" = 1 ]
	said 'services: Transferred a partial file; trying again'
}

@test "a line of a megabyte is a valid event" {
	api
	start
	wait_for 10 requests 1 'services watch'
	printf '{"type":"ADDED","object":{"metadata":{"namespace":"ns","name":"big","resourceVersion":"5","annotations":{"a":"%s"}},%s}}\n' \
		"$(head -c 1000000 /dev/zero | tr '\0' x)" '"spec":{"clusterIP":"10.0.0.1"}' >> api/services.events
	becomes hosts '10.0.0.1 big.ns.svc.cluster.local'
	said
}

@test "a server that stops and restarts: the names stay meanwhile" {
	api
	list services 7 "$(service ns/web "$WEB")"
	start
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
	wait_for 10 requests 1 'services watch'
	wait_for 10 requests 1 'endpoints watch'
	kill "$server"
	wait_for 10 grep -q "services: .*connect" said
	wait_for 10 grep -q "endpoints: .*connect" said
	is hosts '10.0.0.1 web.ns.svc.cluster.local'
	api "$port"
	event services ADDED "$(service ns/back '"clusterIP":"10.0.0.2"')"
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local' '10.0.0.2 back.ns.svc.cluster.local'
	# No failure is reported twice, and no list was requested.
	[ -z "$(sort said | uniq -d)" ]
	[ "$(grep -c 'services list' api/log)" = 1 ]
}

@test "https: the token is read for each request, and the certificate is verified" {
	command -v openssl > /dev/null || skip "openssl is not installed"
	local name
	for name in good bad; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$name" \
			-addext subjectAltName=IP:127.0.0.1 -keyout $name.key -out $name.pem 2> /dev/null
	done
	api 0 good.pem good.key
	echo first > token
	list services 7 "$(service ns/web "$WEB")"
	start --ca good.pem --token token --watch 1
	becomes hosts '10.0.0.1 web.ns.svc.cluster.local'
	wait_for 10 grep -qx 'services watch 7 1 Bearer first' api/log
	printf second > token
	wait_for 10 grep -qx 'services watch 7 1 Bearer second' api/log
	grep -qx 'services list Bearer first' api/log
	# An invalid token does not become a header, and no part of it is sent.
	printf 'evil\r\nX-Header: x' > token
	wait_for 10 grep -q 'services: token: not a token; trying again' said
	rm token
	wait_for 10 grep -q 'services: token: No such file or directory; trying again' said
	echo third > token
	wait_for 20 grep -q 'watch 7 1 Bearer third' api/log
	run ! grep -qi evil api/log
	run ! grep -qE 'first|second|third|evil' said
	kill $tool
	ends 0
	: > api/log
	for name in --ca=bad.pem -v; do
		run -124 --separate-stderr kubehosts --server "$url" "$name" --token token -H none --once -T 5
		[[ $stderr == *'services: SSL certificate problem: self-signed certificate; trying again'* ]]
	done
	[ ! -s api/log ]
	[ ! -e none ]
	# As in a pod, with the server in the environment.
	KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$port run -0 --separate-stderr \
		kubehosts --ca good.pem --token token -H hosts --once
	[ -z "$stderr" ]
	grep -qx 'services list Bearer third' api/log
	# With a host name that is not in the certificate.
	run -124 --separate-stderr kubehosts --server "https://localhost:$port" --ca good.pem -H none --once -T 5
	[[ $stderr == *'services: SSL: no alternative certificate subject name matches target host name'* ]]
}

@test "--once: 124 without an answer, 1 when interrupted" {
	refuse
	run -124 --separate-stderr kubehosts --server "$url" -H hosts --once -T 1
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 3 ]
	[ "${stderr_lines[0]%%: *}" = kubehosts ]
	[ "${stderr_lines[2]}" = 'kubehosts: no answer in 1 s' ]
	[ ! -e hosts ]
	start --once
	wait_for 10 test -s said
	kill $tool
	ends 1
	[ "$(tail -1 said)" = 'kubehosts: interrupted' ]
}

@test "hostile objects are left out with a warning; nothing of them is written" {
	local long
	long=$(printf 'a%.0s' {1..63})
	api
	list services 1 \
		"$(service 'ns/a\nb' "$WEB")" "$(service 'ns/Upper' "$WEB")" "$(service 'ns/../x' "$WEB")" \
		"$(service 'ns/a,b' "$WEB")" "$(service 'n.s/a' "$WEB")" "$(service "ns/a$long" "$WEB")" \
		"$(service 'ns/a\u0000' "$WEB")" '{"metadata":{}}' 'null' '7' '[]' \
		"$(service 'ns/ip' '"clusterIP":"10.0.0.1 www.example.org"')" \
		"$(service 'ns/ips' '"clusterIPs":["10.0.0.1\n1.1.1.1 www.example.org",7,"10.0.0.2"]')" \
		"$(service 'ns/port' "\"clusterIP\":\"10.0.0.3\",\"ports\":[{\"name\":\"a,b\",\"port\":1},{\"name\":\"x\",\"port\":0},
			{\"name\":\"x\",\"port\":65536},{\"name\":\"x\",\"port\":1,\"protocol\":\"tcp\"},{\"name\":\"$long\",\"port\":1},
			{\"name\":\"x\",\"port\":\"1\"},{\"name\":\"${long%a}\",\"port\":2}]" | tr -d '\n\t')" \
		"$(service 'ns/alias' '"type":"ExternalName","externalName":"a\nconf-script=/bin/sh"')" \
		"$(service 'ns/alias2' '"type":"ExternalName","externalName":"a,b"')" \
		"$(service 'ns/note' '"clusterIP":"10.0.0.4","note":"\u0000"')" \
		"$(service "$long/$long" "$NONE")" "$(service 'ns/h' "$NONE")"
	list endpoints 1 "$(endpoints 'ns/h' '{"addresses":[{"ip":"10.1.0.1","hostname":"a b"},{"ip":"::1%lo"},{"ip":"1.2.3"},{}]}')" \
		"$(endpoints "$long/$long" "{\"addresses\":[{\"ip\":\"10.1.0.2\",\"hostname\":\"$long\"}]}")"
	once
	is hosts '10.0.0.2 ips.ns.svc.cluster.local' '10.0.0.3 port.ns.svc.cluster.local' '10.0.0.4 note.ns.svc.cluster.local' \
		'10.1.0.1 10-1-0-1.h.ns.svc.cluster.local h.ns.svc.cluster.local' \
		"10.1.0.2 $long.$long.$long.svc.cluster.local $long.$long.svc.cluster.local"
	is conf "srv-host=_${long%a}._tcp.port.ns.svc.cluster.local,port.ns.svc.cluster.local,2"
	[ "$(grep -c 'service ?: its name is not a label: left out' <<< "$stderr")" = 11 ]
	grep -qx 'kubehosts: service ns/ip: a cluster IP is not an address: left out' <<< "$stderr"
	[ "$(grep -cx 'kubehosts: service ns/port: a port is not valid: left out' <<< "$stderr")" = 6 ]
	grep -qx 'kubehosts: service ns/alias: its external name is not valid: left out' <<< "$stderr"
	grep -qx 'kubehosts: endpoints ns/h: a host name is not valid: left out' <<< "$stderr"
	[ "$(grep -cx 'kubehosts: endpoints ns/h: an address is not valid: left out' <<< "$stderr")" = 3 ]
	run ! grep -q 'example\|conf-script\|Upper' <<< "$stderr"
	have_dnsmasq
	run -0 dnsmasq --test --conf-file="$PWD/conf"
}

@test "dnsmasq answers, before and after changes" {
	have_dnsmasq
	api
	list services 7 "$(service ns/web "$WEB")" "$(service ns/db "$NONE")" \
		"$(service ns/in '"type":"ExternalName","externalName":"web.ns.svc.cluster.local"')"
	list endpoints 7 "$(endpoints ns/db '{"addresses":[{"ip":"10.1.0.1","hostname":"db-0"},{"ip":"fd00::1"}],"ports":[{"name":"sql","port":5432}]}')"
	serve_dns
	answers A web.ns.svc.cluster.local 'A 10.0.0.1'
	answers A db.ns.svc.cluster.local 'A 10.1.0.1'
	answers A db-0.db.ns.svc.cluster.local 'A 10.1.0.1'
	answers AAAA db.ns.svc.cluster.local 'AAAA fd00:0000:0000:0000:0000:0000:0000:0001'
	answers SRV _http._tcp.web.ns.svc.cluster.local 'SRV 80 web.ns.svc.cluster.local'
	answers SRV _sql._tcp.db.ns.svc.cluster.local 'SRV 5432 db-0.db.ns.svc.cluster.local' 'SRV 5432 fd00--1.db.ns.svc.cluster.local'
	answers CNAME in.ns.svc.cluster.local 'CNAME web.ns.svc.cluster.local'
	answers A in.ns.svc.cluster.local 'A 10.0.0.1' 'CNAME web.ns.svc.cluster.local'
	answers PTR 1.0.0.10.in-addr.arpa 'PTR web.ns.svc.cluster.local'
	answers PTR 1.0.1.10.in-addr.arpa 'PTR db-0.db.ns.svc.cluster.local'
	answers A new.ns.svc.cluster.local NXDOMAIN
	local first
	first=$(cat pid)
	# Only the hosts file changes: the same dnsmasq reads it.
	event services ADDED "$(service ns/new '"clusterIP":"10.0.0.2"' 8)"
	resolves A new.ns.svc.cluster.local 'A 10.0.0.2'
	event endpoints MODIFIED "$(endpoints ns/db '{"addresses":[{"ip":"10.1.0.2","hostname":"db-0"},{"ip":"fd00::1"}],"ports":[{"name":"sql","port":5432}]}' 8)"
	resolves A db-0.db.ns.svc.cluster.local 'A 10.1.0.2'
	event services DELETED "$(service ns/new '' 9)"
	resolves A new.ns.svc.cluster.local NXDOMAIN
	resolves PTR 2.0.0.10.in-addr.arpa REFUSED
	[ "$(cat pid)" = "$first" ]
	[ "$(grep -c 'starting dnsmasq' said)" = 1 ]
	# The other records change: dnsmasq is restarted.
	event services MODIFIED "$(service ns/web '"clusterIP":"10.0.0.1","ports":[{"name":"http","port":81}]' 10)"
	resolves SRV _http._tcp.web.ns.svc.cluster.local 'SRV 81 web.ns.svc.cluster.local'
	[ "$(cat pid)" != "$first" ]
	run ! kill -0 "$first"
	event services DELETED "$(service ns/web '' 11)"
	event services DELETED "$(service ns/in '' 12)"
	resolves CNAME in.ns.svc.cluster.local NXDOMAIN
	answers SRV _http._tcp.web.ns.svc.cluster.local NXDOMAIN
	answers A web.ns.svc.cluster.local NXDOMAIN
	# SIGTERM terminates both.
	first=$(cat pid)
	kill $tool
	ends 0
	run ! kill -0 "$first"
}

@test "the command is started only after both lists have been written" {
	api
	answer endpoints list '500 always'
	start -- sh -c 'cat hosts conf > seen; exec sleep 1000'
	wait_for 10 requests 3 'endpoints list'
	[ ! -e seen ]
	[ ! -e hosts ]
	rm api/endpoints.list
	wait_for 10 test -s seen
	[ "$(cat seen)" = "$(cat hosts conf)" ]
}

@test "kubehosts exits with 1 when the command ends" {
	api
	run -1 --separate-stderr kubehosts --server "$url" -H hosts -- sh -c 'exit 7'
	[ "$stderr" = 'kubehosts: sh: ended with exit code 7' ]
	run -1 --separate-stderr kubehosts --server "$url" -H hosts true
	[ "$stderr" = 'kubehosts: true: ended with exit code 0' ]
	run -1 --separate-stderr kubehosts --server "$url" -H hosts "$PWD/no-such-command"
	[ "$stderr" = "kubehosts: $PWD/no-such-command: No such file or directory" ]
	# shellcheck disable=SC2016
	start -- sh -c 'echo $$ > pid; exec sleep 1000'
	wait_for 10 test -s pid
	kill -KILL "$(cat pid)"
	ends 1
	said 'sh: ended by signal 9'
}

@test "SIGTERM and SIGINT: kubehosts exits with 0 and terminates its command, which does not survive SIGKILL either" {
	api
	local signal pid
	for signal in TERM INT KILL; do
		rm -f pid
		# shellcheck disable=SC2016
		start -- sh -c 'echo $$ > pid; exec sleep 1000'
		wait_for 10 test -s pid
		pid=$(cat pid)
		kill -$signal $tool
		if [ $signal = KILL ]; then
			ends 137
			wait_for 10 eval "! kill -0 $pid"
		else
			ends 0
			run ! kill -0 "$pid"
		fi
		said
	done
	# A command that ignores SIGTERM is killed, with its children.
	start -- sh -c 'trap "" TERM; sleep 1000 & echo $! > pid.new; mv pid.new pid; wait; sleep 1000'
	rm pid
	wait_for 10 test -s pid
	kill $tool
	ends 0
	wait_for 10 eval "! kill -0 $(cat pid)"
}

@test "SIGHUP is delayed until the command catches it" {
	api
	# shellcheck disable=SC2016
	start -v -- perl -MTime::HiRes=sleep -e '
		open my $f, ">>", "started"; print $f "$$\n"; close $f;
		sleep 0.02 until -e "go";
		$SIG{HUP} = sub { open my $f, ">>", "hangups"; print $f "x\n" };
		sleep 0.05 while 1'
	wait_for 10 test -s started
	event services ADDED "$(service ns/one '"clusterIP":"10.0.0.1"' 8)"
	becomes hosts '10.0.0.1 one.ns.svc.cluster.local'
	event services ADDED "$(service ns/two '"clusterIP":"10.0.0.2"' 9)"
	becomes hosts '10.0.0.1 one.ns.svc.cluster.local' '10.0.0.2 two.ns.svc.cluster.local'
	kill -0 "$(cat started)"
	[ ! -e hangups ]
	touch go
	wait_for 10 test -s hangups
	event services DELETED "$(service ns/two '' 10)"
	# shellcheck disable=SC2016
	wait_for 10 eval '[ "$(grep -c . hangups)" = 2 ]'
	[ "$(grep -c . started)" = 1 ]
	kill -0 $tool
}

@test "a file that cannot be written: 1" {
	api
	run -1 --separate-stderr kubehosts --server "$url" -H none/hosts --once
	[ "$stderr" = 'kubehosts: none/hosts: No such file or directory' ]
	run -1 --separate-stderr kubehosts --server "$url" -H hosts -c none/conf --once
	[ "$stderr" = 'kubehosts: none/conf: No such file or directory' ]
	mkdir full
	unshare -rm mount -t tmpfs -o size=4k none full 2> /dev/null || skip "no file system can be mounted"
	local some=() i
	for i in {1..200}; do some+=("$(service "ns/s$i" "\"clusterIP\":\"10.0.0.$i\"")"); done
	list services 7 "${some[@]}"
	# shellcheck disable=SC2016
	run -1 --separate-stderr unshare -rm sh -c 'mount -t tmpfs -o size=4k none full && "$@"; rc=$?; ls -A full; exit $rc' sh \
		"$BIN/kubehosts" --server "$url" -H full/hosts -- sleep 1000
	[ "$stderr" = 'kubehosts: full/hosts: No space left on device' ]
	# No part of it is left.
	[ -z "$output" ]
}

@test "usage errors" {
	local args
	for args in '' '-H hosts' '-s http://x' '-s x -H hosts' '-s ftp://x -H hosts' '-s http://x/ -H hosts' \
		'-s http://x -t token -H hosts' '-s http://x -H hosts -d Upper' '-s http://x -H hosts -d a..b' \
		'-s http://x -H hosts -d a.' '-s http://x -H hosts -T 0' '-s http://x -H hosts --watch x' \
		'-s http://x -H hosts --once sleep 1'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr kubehosts $args
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == 'kubehosts: '* ]]
		[ "${stderr_lines[1]}" = "Try 'kubehosts --help'." ]
	done
	run -2 kubehosts -s '' -H hosts
	run -2 kubehosts -s http://x -H ''
	KUBERNETES_SERVICE_HOST=127.0.0.1 run -2 kubehosts -H hosts
}
