# Clusters of a Kubernetes provider that e2e-k8s.bats has provisioned: two nodes, used as users do and resumed; clusters that are
# saved and restored.
load lib/common
load lib/kubernetes

# The first such cluster resumes node01 alone, and its saved state is kept for the test that resumes both nodes.
TWO=(NODES=2)

@test "two nodes are Ready, every pod runs; node01 resumed, and node02 booted and joined it" {
	local before
	show mk cluster-up "${TWO[@]}"
	before=$(resumed_from)
	# A saved state with both nodes is of an earlier run of these tests.
	if [ -e "$before/node02" ]; then
		mk cluster-down
		rm -rf "$before"
		show mk cluster-up "${TWO[@]}"
		before=$(resumed_from)
	fi
	[ -e "$before/node01" ]
	[ ! -e "$before/node02" ]
	run -0 kc get nodes --no-headers
	[ "$(grep -cw Ready <<< "$output")" = 2 ]
	run -0 kc get pods -A --no-headers
	[ "$(grep -cw Running <<< "$output")" = "$(grep -c . <<< "$output")" ]
	show kc get nodes,pods -A -o wide
}

@test "env: any kubectl works, TLS is verified, and only the user can read the kubeconfig" {
	eval "$(mk env)"
	run -0 "$KUBECTL" get --raw /readyz
	[ "$output" = ok ]
	[ "$(stat -c %a "$KUBECONFIG")" = 600 ]
	run ! grep -q insecure-skip-tls-verify "$KUBECONFIG"
	grep -q 'server: https://127.0.0.1:' "$KUBECONFIG"
}

@test "pods on two nodes reach each other by address and by service" {
	local ip range
	{
		web_pod web node02 here
		cat <<-END
			---
			apiVersion: v1
			kind: Service
			metadata: { name: web }
			spec: { selector: { app: web }, ports: [{ name: web, port: 80, targetPort: 8080 }] }
			---
			apiVersion: v1
			kind: Pod
			metadata: { name: client }
			spec:
			  nodeName: node01
			  terminationGracePeriodSeconds: 0
			  containers: [{ name: client, image: $(tools_image), command: [sleep, infinity] }]
		END
	} | apply
	kc wait --for=condition=Ready pod/web pod/client --timeout=300s
	ip=$(kc get pod web -o 'jsonpath={.status.podIP}')
	# Kubernetes gives nodes a range if it is to (flannel); otherwise it is that of the node's number.
	range=$(kc get node node02 -o 'jsonpath={.spec.podCIDR}')
	[[ $ip == "$(sed 's,\.0/24$,,' <<< "${range:-10.244.2.0/24}")".* ]]
	run -0 kc exec client -- curl -sS --retry 20 --retry-connrefused --max-time 60 "http://$ip:8080"
	[ "$output" = here ]
	wait_for 120 kc exec client -- curl -sS --max-time 20 http://web.default.svc.cluster.local
	run -0 kc exec client -- curl -sS --max-time 60 http://web
	[ "$output" = here ]
}

@test "stop and start keep the cluster's objects" {
	kc create configmap kept --from-literal=a=b
	show mk stop
	show mk start
	run -0 kc get configmap kept -o 'jsonpath={.data.a}'
	[ "$output" = b ]
}

@test "cluster-down leaves nothing" {
	mk cluster-down
	# shellcheck source=/dev/null
	. "$B/engine-auto.conf"
	run -0 "${engine[@]}" ps -a --format '{{.Names}}'
	[[ $output != *"$ME"* ]]
	[ ! -e "$B/clusters/$ME" ]
}

@test "a resumed cluster is healthy: Ready for a minute, no restart, exec, logs, port-forward, DNS, new pods, watches" {
	local image end before after port
	show mk cluster-up "${TWO[@]}" RESUME=always
	resumed_from > "$BATS_FILE_TMPDIR/state"
	image=$(tools_image)
	before=$(restarts)
	end=$((SECONDS + 60))
	while [ "$SECONDS" -lt "$end" ]; do
		all_ready 2
		sleep 2
	done
	[ "$(restarts)" = "$before" ]
	# The priorities that were raised for the resume are back to normal.
	run -0 mk -s ssh CMD='cat /sys/fs/cgroup/kubepods.slice/cpu.weight /sys/fs/cgroup/kubepods.slice/*/*/cpu.weight'
	[[ $output != *9999* ]]
	# A new pod on each node: the scheduler's and the kubelets' watches have recovered, tokens are valid.
	for n in 1 2; do
		kc run "new$n" --image "$image" --restart Never \
			--overrides "{\"apiVersion\": \"v1\", \"spec\": {\"nodeName\": \"node0$n\"}}" -- sh -c 'echo said; sleep infinity'
	done
	kc wait --for=condition=Ready pod/new1 pod/new2 --timeout=300s
	run -0 kc exec new2 -- getent hosts kubernetes.default
	run -0 kc exec new1 -- curl -sS --max-time 60 --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt \
		https://kubernetes.default.svc.cluster.local/healthz
	[ "$output" = ok ]
	run -0 kc logs new2
	[ "$output" = said ]
	port=$(free_port)
	"$B/clusters/$ME/share/bin/kubectl" --kubeconfig "$B/clusters/$ME/kubeconfig" port-forward -n kube-system svc/kube-dns "$port:53" 3>&- > /dev/null &
	keep_pid $!
	wait_for 60 bash -c "ss -Hltn 'sport = :$port' | grep -q ."
	end_kept
	# The leases are renewed, and controllers react to changes.
	run -0 kc get lease -n kube-node-lease -o 'jsonpath={range .items[*]}{.spec.renewTime}{"\n"}{end}'
	while read -r after; do [ $(($(date +%s) - $(date -d "$after" +%s))) -lt 90 ]; done <<< "$output"
	kc create deployment watched --image "$image" -- sleep infinity
	wait_for 300 bash -c "[ \"\$('$B/clusters/$ME/share/bin/kubectl' --kubeconfig '$B/clusters/$ME/kubeconfig' get deployment watched -o 'jsonpath={.status.readyReplicas}')\" = 1 ]"
	[ "$(restarts)" = "$before" ]
	mk cluster-down
}

@test "a cluster with the user's own images is saved, broken, and restored" {
	local began pushed dns
	mk cluster-up
	# Through the registry, whose certificate the node trusts, and without it.
	"$BIN/ocipack" --tag localhost/mine:1 --file "$BIN/pause=/pause" --entrypoint /pause "$BATS_TEST_TMPDIR/mine"
	pushed=$(mk image-push IMG="$BATS_TEST_TMPDIR/mine")
	[ "$pushed" = registry:5000/mine:1 ]
	[ "$(mk image-load IMG="$BATS_TEST_TMPDIR/mine" TO=tool:1)" = docker.io/library/tool:1 ]
	kc run pushed --image "$pushed" --restart Never
	kc run loaded --image tool:1 --image-pull-policy Never --restart Never
	kc wait --for=condition=Ready pod/pushed pod/loaded --timeout=300s
	run -0 kc get configmap -n kube-public local-registry-hosting -o 'jsonpath={.data}'
	[[ $output == *"host: \\\"$(mk ports | awk '$1 == "registry" { print $2 }')"* ]]
	kc create configmap own --from-literal=a=b
	show mk cluster-save NAME="$ME"
	kc delete configmap own
	dns=$(kc get -n kube-system deployment -l k8s-app=kube-dns -o name)
	kc delete -n kube-system "$dns"
	began=$EPOCHREALTIME
	mk cluster-restore NAME="$ME"
	echo "# restored in $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s" >&3
	run -0 kc get configmap own -o 'jsonpath={.data.a}'
	[ "$output" = b ]
	kc get -n kube-system "$dns"
	# A resumed cluster can be stopped and started like any other: it boots, and keeps everything.
	mk stop
	mk start
	run -0 kc get configmap own -o 'jsonpath={.data.a}'
	[ "$output" = b ]
	run -0 kc get configmap -n kube-public local-registry-hosting -o 'jsonpath={.data}'
	[[ $output == *"host: \\\"$(mk ports | awk '$1 == "registry" { print $2 }')"* ]]
	mk cluster-down
	mk cluster-save-delete NAME="$ME"
}

# manager_started: print the time at which the controller manager was started.
manager_started() { kc get pod -n kube-system kube-controller-manager-node01 -o 'jsonpath={.status.containerStatuses[0].state.running.startedAt}'; }

@test "a saved state in which the controllers' tokens expire: the controller manager restarts, and a claim is bound" {
	local image began
	mk cluster-up
	image=$(tools_image)
	# The image's saved state may be old too. Wait until a controller works: then its manager has tokens that can expire.
	kc create namespace settled
	wait_for 120 kc get serviceaccount -n settled default
	# By its own clock, the cluster is saved an hour ago.
	mk ssh CMD='date -s "1 hour ago" > /dev/null'
	mk cluster-save NAME="$ME"
	began=$(date -u +%FT%TZ)
	mk cluster-restore NAME="$ME"
	all_ready 1
	manager_is_new() { [[ $(manager_started) > $began ]]; }
	wait_for 120 manager_is_new
	sed "s,@image@,$image," <<-'END' | apply
		apiVersion: v1
		kind: PersistentVolumeClaim
		metadata: { name: late }
		spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
		---
		apiVersion: v1
		kind: Pod
		metadata: { name: late }
		spec:
		  terminationGracePeriodSeconds: 0
		  containers: [{ name: late, image: @image@, command: [sleep, infinity], volumeMounts: [{ name: v, mountPath: /v }] }]
		  volumes: [{ name: v, persistentVolumeClaim: { claimName: late } }]
	END
	kc wait --for=condition=Ready pod/late --timeout=300s
	mk cluster-down
	mk cluster-save-delete NAME="$ME"
}
