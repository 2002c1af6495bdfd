# A whole Kubernetes provider, as the e2e tests use it: `load lib/kubernetes`.
# shellcheck shell=bash

setup_file() {
	export PROVIDER=${PROVIDER:-k8s-1.36} ME=e2e$$ B=${B:-$TOP/build}
}

teardown_file() {
	[ -n "${KEEP:-}" ] || mk cluster-down > /dev/null 2>&1 || true
	[ ! -s "$BATS_FILE_TMPDIR/state" ] || rm -rf "$(< "$BATS_FILE_TMPDIR/state")"
}

mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES make -s -C "$TOP" PROVIDER="$PROVIDER" CLUSTER="$ME" B="$B" "$@" 3>&-; }
kc() { mk kubectl ARGS="$(printf '%q ' "$@")"; }

# apply: kubectl apply of what is on standard input. When a node has just joined, an emulated API server is overloaded
# and ends requests with its own timeout ("Timeout: request did not complete"): those are repeated.
apply() {
	local text try
	text=$(cat)
	for try in 1 2 3; do
		kc apply -f - <<< "$text" && return
		echo "kubectl apply failed $try times" >&2
	done
	return 1
}

# resumed_from: print the directory of the saved state that the cluster was resumed from; nothing if it booted.
resumed_from() { (. "$B/clusters/$ME/conf" && echo "$STATE_DIR"); }

# one_of STAGE: print the stage's directory for its current key.
one_of() { mk keys | awk -v s="$1" -v p="$B/$PROVIDER" '$2 == s { print p "/" s "." $1 }'; }

# restarts: print how many times containers were restarted. all_running: are all pods running? all_ready N: are N nodes Ready?
restarts() { kc get pods -A -o 'jsonpath={range .items[*]}{range .status.containerStatuses[*]}{.restartCount}{"\n"}{end}{end}' | awk '{ n += $1 } END { print n + 0 }'; }
all_running() { [ "$(kc get pods -A --no-headers | awk '$4 != "Running"' | wc -l)" = 0 ]; }
all_ready() { [ "$(kc get nodes --no-headers | awk '$2 == "Ready"' | wc -l)" = "$1" ]; }

# tools_image: print the name of the image kubestamp-tools in the cluster.
tools_image() { sed -n '/kubestamp-tools/p' "$B/clusters/$ME/share/images"; }

# web_pod NAME NODE TEXT: print a pod with the label app=web that answers every request on port 8080 with TEXT, and with enough other
# bytes to fill several packets: with a wrong MTU only small answers would arrive.
web_pod() {
	sed "s,@image@,$(tools_image),; s,@name@,$1,; s,@node@,$2,; s,@text@,$3," <<-'END'
		---
		apiVersion: v1
		kind: Pod
		metadata: { name: @name@, labels: { app: web } }
		spec:
		  nodeName: @node@
		  terminationGracePeriodSeconds: 0
		  containers:
		    - name: web
		      image: @image@
		      command:
		        - perl
		        - -MIO::Socket::INET
		        - -e
		        - |
		          my $s = IO::Socket::INET->new(Listen => 20, LocalPort => 8080, ReuseAddr => 1) or die;
		          while (my $c = $s->accept) {
		            sysread($c, my $request, 4096);
		            print $c "HTTP/1.0 200 OK\r\nFill: " . "x" x 5000 . "\r\n\r\n@text@\n";
		            close $c;
		          }
		      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 5, timeoutSeconds: 10 }
	END
}
