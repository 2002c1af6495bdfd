# clusterports: which ports a cluster publishes, and where. settings.bats and state.bats test what cluster-up does with it.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset -v IMAGE_FROM
}

teardown() { end_kept; }

@test "SSH of every node, the registry, the API of Kubernetes, and what the user publishes, at free ports" {
	run -0 clusterports NODES=2 kubernetes_version=1.20.2 PUBLISH='30007 30080'
	[ "$output" = "--env=FORWARD=2201:1:22 2202:2:22 6443:1:6443 30007:1:30007 30080:1:30080
--publish=127.0.0.1::2201
--publish=127.0.0.1::2202
--publish=127.0.0.1::5000
--publish=127.0.0.1::6443
--publish=127.0.0.1::30007
--publish=127.0.0.1::30080" ]
	# Both settings are empty: one node, without Kubernetes.
	run -0 clusterports NODES= kubernetes_version=
	[ "$output" = "--env=FORWARD=2201:1:22
--publish=127.0.0.1::2201
--publish=127.0.0.1::5000" ]
}

@test "ports that the user has chosen" {
	run -0 clusterports NODES=2 kubernetes_version=1 SSH_PORT=3000 API_PORT=3100 REGISTRY_PORT=3200 PUBLISH=' 8080:80  90 '
	[ "$output" = "--env=FORWARD=2201:1:22 2202:2:22 6443:1:6443 80:1:80 90:1:90
--publish=127.0.0.1:3000:2201
--publish=127.0.0.1:3001:2202
--publish=127.0.0.1:3200:5000
--publish=127.0.0.1:3100:6443
--publish=127.0.0.1:8080:80
--publish=127.0.0.1::90" ]
}

@test "ports that cannot be published side by side: exit 2" {
	run -2 clusterports NODES=1 kubernetes_version=1 PUBLISH=6443
	[ "$output" = "clusterports: PUBLISH: port 6443 of node01 is published already" ]
}

# cl_publish HOST-PORT PORT: print the option that publishes PORT for a cluster with API_PORT=HOST-PORT.
cl_publish() {
	clusterports --before cluster/ports --others build/clusters NODES=1 kubernetes_version=1 "API_PORT=$1" | grep -e "^--publish=.*:$2\$"
}

# listen PORT: accept connections until the test ends.
listen() {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
		print "there\n"; close STDOUT; while ($s->accept) {}' "$1" 3>&- > there &
	keep_pid $!
	wait_for 10 grep -q there there
}

@test "earlier ports are used again if they are free and no stopped cluster here has them" {
	local api registry
	api=$(free_port) registry=$(free_port)
	mkdir -p cluster build/clusters/other
	[ "$(cl_publish '' 6443)" = --publish=127.0.0.1::6443 ]
	printf '5000 %s\n6443 %s\n' "$registry" "$api" > cluster/ports
	[ "$(cl_publish '' 6443)" = "--publish=127.0.0.1:$api:6443" ]
	[ "$(cl_publish '' 5000)" = "--publish=127.0.0.1:$registry:5000" ]
	# No earlier port, and a port set by the user.
	[ "$(cl_publish '' 2201)" = --publish=127.0.0.1::2201 ]
	[ "$(cl_publish 7 6443)" = --publish=127.0.0.1:7:6443 ]
	listen "$api"
	[ "$(cl_publish '' 6443)" = --publish=127.0.0.1::6443 ]
	printf '2201 1%s\n6443 %s\n' "$registry" "$api" > build/clusters/other/ports
	[ "$(cl_publish '' 5000)" = "--publish=127.0.0.1:$registry:5000" ]
	printf '5000 %s\n' "$registry" > build/clusters/other/ports
	[ "$(cl_publish '' 5000)" = --publish=127.0.0.1::5000 ]
}

@test "--save: the ports that the engine prints, sorted, each once; if there are none, exit 3 and the file stays" {
	printf '%s\n' '5000/tcp -> 127.0.0.1:40000' '2202/tcp -> 127.0.0.1:40002' '2201/tcp -> 127.0.0.1:40001' '53/udp -> 127.0.0.1:53' \
		'5000/tcp -> [::1]:40000' > engine
	run -0 clusterports --save ports < engine
	[ "$(cat ports)" = $'port_2201=40001\nport_2202=40002\nport_5000=40000' ]
	run -3 clusterports --save ports < /dev/null
	[ "$(wc -l < ports)" = 3 ]
	run -1 clusterports --save none/ports < engine
}

@test "--list: what each port is for, also in a file of an earlier version" {
	printf '%s\n' port_2201=1 port_2212=2 port_5000=3 '6443 4' '30080 5' > ports
	run -0 clusterports --list ports
	[ "$output" = "ssh-node01   127.0.0.1:1
ssh-node12   127.0.0.1:2
registry     127.0.0.1:3
k8s          127.0.0.1:4
node01:30080 127.0.0.1:5" ]
	run -2 clusterports --list none
}

@test "usage errors: exit 2" {
	run -2 clusterports NODES
	run -2 clusterports TAG=1
	run -2 clusterports --list ports NODES=1
	run -2 clusterports --list ports --save ports
}
