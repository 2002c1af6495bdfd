# The pod network of a provider that e2e-k8s.bats has provisioned, with two nodes: `make check-e2e ONLY=e2e-network PROVIDER=...`,
# and again with CNI=flannel (or bridge), which provisions the provider with the other pod network first.
load lib/common
load lib/kubernetes

# The Service's port on every node.
NODE_PORT=30080

# cni: print the kind of the cluster's pod network.
cni() { (. "$B/clusters/$ME/share/provider.conf" && echo "$network_cni"); }

# in_pod POD COMMAND: run a shell command in one of the pods.
in_pod() { kc exec "$1" -- bash -c "$2"; }

# address POD: print its address.
address() { kc get pod "$1" -o 'jsonpath={.status.podIP}'; }

# all_reach: each pod reaches the other by its address, both ways between the nodes.
all_reach() {
	[ "$(in_pod one "curl -sS --retry 10 --retry-connrefused --max-time 60 http://$(address two):8080")" = two ]
	[ "$(in_pod two "curl -sS --retry 10 --retry-connrefused --max-time 60 http://$(address one):8080")" = one ]
}

@test "two nodes with a pod on each" {
	local port
	port=$(free_port)
	echo "$port" > "$BATS_FILE_TMPDIR/port"
	show mk cluster-up NODES=2 PUBLISH="$port:$NODE_PORT"
	[ -z "${CNI:-}" ] || [ "$(cni)" = "$CNI" ]
	all_ready 2
	{
		web_pod one node01 one
		web_pod two node02 two
		cat <<-END
			---
			apiVersion: v1
			kind: Service
			metadata: { name: web }
			spec: { type: NodePort, selector: { app: web }, ports: [{ port: 80, targetPort: 8080, nodePort: $NODE_PORT }] }
		END
	} | apply
	kc wait --for=condition=Ready pod/one pod/two --timeout=300s
	show kc get pods -A -o wide
}

@test "the network is of the kind that was asked for" {
	local n
	for n in 01 02; do
		run -0 mk ssh NODE="node$n" CMD='ls /etc/cni/net.d; ip -o link show type vxlan'
		case $(cni) in
		bridge)
			[ "$output" = 10-kubestamp.conflist ]
			;;
		flannel)
			[ "${lines[0]}" = 10-flannel.conflist ]
			[[ ${lines[1]} == *flannel.1* ]]
			;;
		esac
	done
	[ "$(cni)" = flannel ] || return 0
	# Each node has the range of addresses that the controller manager allocated to it.
	[[ $(address one) == "$(kc get node node01 -o 'jsonpath={.spec.podCIDR}' | sed 's,[^.]*$,,')"* ]]
	[[ $(address two) == "$(kc get node node02 -o 'jsonpath={.spec.podCIDR}' | sed 's,[^.]*$,,')"* ]]
	# What runs is the version of the image's tag.
	run -0 kc get daemonset -n kube-flannel kube-flannel-ds -o 'jsonpath={.status.numberReady} {.spec.template.spec.containers[0].image}'
	[[ $output == "2 "*/flannel:v* ]]
	[ "$(kc exec -n kube-flannel daemonset/kube-flannel-ds -- sh -c 'flanneld --version 2>&1')" = "${output##*:}" ]
}

@test "pods on two nodes reach each other by address" {
	[ "$(address one)" != "$(address two)" ]
	all_reach
}

@test "a Service by its name and by its ClusterIP reaches the pods of both nodes" {
	local ip
	wait_for 120 in_pod one 'getent hosts web.default.svc.cluster.local'
	run -0 in_pod one 'for i in $(seq 20); do curl -sS --max-time 20 http://web; done | sort -u | paste -sd " "'
	[ "$output" = "one two" ]
	ip=$(kc get service web -o 'jsonpath={.spec.clusterIP}')
	run -0 in_pod two "for i in \$(seq 20); do curl -sS --max-time 20 http://$ip; done | sort -u | paste -sd ' '"
	[ "$output" = "one two" ]
	# A node reaches it too.
	run -0 mk ssh NODE=node02 CMD="curl -sS --max-time 60 http://$ip"
	[[ $output =~ ^(one|two)$ ]]
}

@test "a NodePort answers at each node's address, and on the host where it is published" {
	local n
	# shellcheck source=/dev/null
	. "$B/engine-auto.conf"
	for n in 101 102; do
		run -0 "${engine[@]}" exec "$ME-dnsmasq" sh -c "for i in \$(seq 20); do curl -sS --max-time 20 http://192.168.66.$n:$NODE_PORT; done | sort -u | paste -sd ' '"
		[ "$output" = "one two" ]
	done
	run -0 curl -sS --max-time 60 "http://127.0.0.1:$(< "$BATS_FILE_TMPDIR/port")"
	[[ $output =~ ^(one|two)$ ]]
}

@test "a NetworkPolicy is accepted and, as documented, not enforced" {
	apply <<-'END'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: { name: deny }
		spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
	END
	run -0 kc get networkpolicy deny -o 'jsonpath={.spec.policyTypes}'
	[ "$output" = '["Ingress","Egress"]' ]
	# Longer than an implementation would take.
	sleep 15
	all_reach
	kc delete networkpolicy deny
	grep -q 'NetworkPolic' "$TOP/README.md"
	grep -q 'NetworkPolic' "$TOP/docs/PROVIDERS.md"
}

@test "after a stop and a start the nodes reach each other again" {
	[ "$(cni)" = flannel ] || skip "e2e-nodes.bats stops and starts a cluster with the bridge plug-in"
	show mk stop
	show mk start
	kc wait --for=condition=Ready pod/one pod/two --timeout=300s
	all_reach
	mk cluster-down
}
