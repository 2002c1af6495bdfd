# make conformance: Kubernetes' own tests in a cluster. The cluster is a fake kubectl, which records its arguments and simulates
# the tests' pod. The results have the form of real runs of 1.22 and 1.30 (github.com/cncf/k8s-conformance).
load lib/common
load lib/registry
load lib/upstream
load lib/checkout

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	S=$PWD/cluster
	mkdir -p b/clusters/c/share/bin "$S/results"
	export TOP BIN S B=$PWD/b CLUSTER=c PROVIDER=p PROVIDER_DIR='' TMPDIR=$PWD FOCUS='' SKIP='' PARALLEL='' TIMEOUT='' KEEP=''
	D=$B/clusters/c OUT=$B/c-conformance
	printf '%s\n' CLUSTER=c PROVIDER=k8s-1.33-upstream ENGINE=podman ACCEL=kvm NODES=2 kubernetes_version=1.33.4 > "$D/conf"
	echo kubernetes_source=upstream > "$D/share/provider.conf"
	printf '%s\n' registry.k8s.io/kube-proxy:v1.33.4 registry.k8s.io/conformance:v1.33.4 registry.kubestamp/kubestamp-tools:0.1 > "$D/share/images"
	fake_kubectl
	: > "$S/tests-namespaces"
	states 'Pending|ContainerCreating' 'Running' 'Running||0|Completed'
}

teardown() { end_kept; }

fake_kubectl() {
	cat > "$D/share/bin/kubectl" <<-'END'
		#!/bin/bash
		shift 4
		last=${*: -1}
		echo "$*" >> "$S/asked"
		case "$*" in
		'apply -f -')
			[ ! -e "$S/no-token" ] || [ ! -e "$S/namespace" ] || { rm "$S/no-token"; echo 'No API token found for service account "conformance"' >&2; exit 1; }
			[ -e "$S/namespace" ] || : > "$S/manifest"
			cat >> "$S/manifest"
			touch "$S/namespace"
			;;
		'get pod conformance -n kubestamp-conformance -o jsonpath='*)
			state=$(head -n 1 "$S/states")
			[ "$(wc -l < "$S/states")" = 1 ] || sed -i 1d "$S/states"
			[ -z "${REAL:-}" ] || exec "$REAL" label --local --dry-run=client -f "$S/$state" x=y -o "$last"
			[[ $state != !* ]] || { echo "${state#!}" >&2; exit 1; }
			tr '|' '\n' <<< "$state|||||"
			;;
		*' -c results -- bash -c '*) bash -c "${last//\/tmp\/results/$S/results}" < /dev/null ;;
		*' -c results -- cat /tmp/results/'*)
			[ ! -e "$S/cut" ] || [[ $* != *.tar.gz ]] || { rm "$S/cut"; head -c 100 "$S/results/e2e.tar.gz"; exit; }
			cat "$S/results/${last##*/}"
			;;
		'get namespaces -l e2e-framework -o name') cat "$S/tests-namespaces" ;;
		'get namespace kubestamp-conformance --ignore-not-found -o name')
			[ ! -e "$S/namespace" ] || echo namespace/kubestamp-conformance ;;
		delete*)
			for name; do
				[ "$name" != namespace/kubestamp-conformance ] || rm -f "$S/namespace"
				sed -i "\\,^$name\$,d" "$S/tests-namespaces"
			done
			;;
		*) echo "what is $*?" >&2; exit 1 ;;
		esac
	END
	chmod +x "$D/share/bin/kubectl"
}

# states STATE...: the pod's states in successive polls: phase|waiting|exit code|why it ended|messages, or !ERROR.
states() { printf '%s\n' "$@" > "$S/states"; }

# left [FILE...]: the tests have ended and left e2e.log and these files, packed as go-runner does it.
left() {
	[ -e "$S/results/e2e.log" ] || echo 'Will run 3 of 9 specs' > "$S/results/e2e.log"
	[ $# = 0 ] || cp "$@" "$S/results/"
	(cd "$S/results" && tar -czf ../e2e.tar.gz -- *)
	mv "$S/e2e.tar.gz" "$S/results/"
	echo -n /tmp/results/e2e.tar.gz > "$S/results/done"
}

# junit CASE...: write junit_01.xml in the form of ginkgo 2, with test cases STATUS:NAME. junit1: in that of ginkgo 1.
junit() {
	{
		printf '<?xml version="1.0" encoding="UTF-8"?>\n  <testsuites tests="9" disabled="2" errors="0" failures="0" time="6344.2">\n'
		printf '      <testsuite name="Kubernetes e2e suite" package="/usr/local/bin" tests="9" disabled="0" skipped="2" errors="0" failures="0">\n'
		printf '          <properties>\n              <property name="FocusStrings" value="\\[Conformance\\]"></property>\n          </properties>\n'
		local c text
		for c in 'passed:[ReportBeforeSuite]' 'passed:[SynchronizedBeforeSuite]' "$@" 'passed:[ReportAfterSuite] Kubernetes e2e JUnit report'; do
			case ${c%%:*} in
			skipped) text=$'\n              <skipped message="skipped"></skipped>\n          ' ;;
			failed) text=$'\n              <failure type="failed">[FAILED] &lt;skipped&gt; is not &lt;nil&gt;\nIn [It] at: x.go:1</failure>\n              <system-err>&lt;testcase &gt;</system-err>\n          ' ;;
			panicked) text=$'\n              <error message="panicked" type="panicked">boom</error>\n          ' ;;
			*) text= ;;
			esac
			printf '          <testcase name="%s" classname="Kubernetes e2e suite" status="%s" time="4.0">%s</testcase>\n' "${c#*:}" "${c%%:*}" "$text"
		done
		printf '      </testsuite>\n  </testsuites>\n'
	} > junit_01.xml
}
junit1() {
	{
		printf '<?xml version="1.0" encoding="UTF-8"?>\n  <testsuite name="Kubernetes e2e suite" tests="3" failures="0" errors="0" time="5311.164">\n'
		local c text
		for c; do
			case ${c%%:*} in
			skipped) text=$'\n          <skipped></skipped>\n      ' ;;
			failed) text=$'\n          <failure type="Failure">x.go:1&#xA;Timed out</failure>\n          <system-out>STEP: x</system-out>\n      ' ;;
			*) text= ;;
			esac
			printf '      <testcase name="%s" classname="Kubernetes e2e suite" time="4.0">%s</testcase>\n' "${c#*:}" "$text"
		done
		printf '  </testsuite>\n'
	} > junit_01.xml
}

conformance() { "$TOP/mk/sh/cluster/conformance" 3>&-; }

# removed: the tests' objects have been removed from the cluster.
removed() {
	[ ! -e "$S/namespace" ]
	grep -qx 'delete --wait=false --ignore-not-found clusterrolebinding/kubestamp-conformance clusterrole/kubestamp-conformance namespace/kubestamp-conformance' "$S/asked"
}

@test "all tests pass: the summary, the results, and nothing is left in the cluster" {
	junit 'passed:[It] [sig-node] Pods should run [Conformance]' 'skipped:[It] [sig-storage] CSI' 'passed:[It] [sig-apps] Job [Conformance]' 'skipped:[It] x'
	left junit_01.xml
	run -0 conformance
	[ "${lines[-1]}" = "2 passed, 0 failed, 2 skipped" ]
	[ "${lines[0]}" = 'c         conformance:v1.33.4: \[Conformance\]' ]
	[[ $output == *"results   $OUT"* ]]
	cmp junit_01.xml "$OUT/junit_01.xml"
	[ "$(cat "$OUT/e2e.log")" = 'Will run 3 of 9 specs' ]
	[ "$(ls -A "$OUT")" = $'e2e.log\njunit_01.xml' ]
	removed
	# The pod was polled until it had ended, and no temporary directory is left.
	[ "$(grep -c '^get pod conformance' "$S/asked")" = 3 ]
	[ -z "$(ls -d tmp.* 2> /dev/null)" ]
}

@test "make conformance: FOCUS and SKIP are passed on unchanged" {
	junit 'passed:[It] x'
	left junit_01.xml
	cd "$TOP" || return
	run -0 env -u MAKEFLAGS -u MAKELEVEL make -s conformance CLUSTER=c B="$B" TOOLS='' BIN="$BIN" \
		FOCUS='it'\''s|\[sig-x\] "a"$' SKIP='b' 3>&-
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
	grep -qxF "          value: 'it''s|\\[sig-x\\] \"a\"\$\$'" "$S/manifest"
	grep -qxF "          value: 'b'" "$S/manifest"
}

@test "waits for the token of the service account; a note says that two nodes are needed" {
	junit 'passed:[It] x'
	left junit_01.xml
	touch "$S/no-token"
	sed -i s/NODES=2/NODES=1/ "$D/conf"
	run -0 conformance
	[ "$(grep -c '^apply' "$S/asked")" = 3 ]
	[[ ${lines[0]} == "note: "*"make cluster-up NODES=2" ]]
}

@test "failed tests are listed, and the exit status is 1; with ginkgo 1 and 2, and with several files" {
	junit 'passed:[It] a' 'failed:[It] [sig-cli] says &lt;a&gt; &amp; &#34;b&#34; &#39;c&#39;' 'panicked:[It] [sig-apps] boom' 'skipped:[It] x'
	left junit_01.xml
	states 'Running||1|Error'
	run -1 conformance
	[ "$(tail -n 4 <<< "$output")" = "$(printf '%s\n' Failed: '  [sig-apps] boom' "  [sig-cli] says <a> & \"b\" 'c'" '1 passed, 2 failed, 1 skipped')" ]
	removed
	junit1 'passed:[sig-apps] a' 'failed:[sig-cli] b' 'skipped:[sig-storage] c'
	cp junit_01.xml junit_02.xml
	left junit_01.xml junit_02.xml
	run -1 conformance
	[ "${lines[-1]}" = "2 passed, 2 failed, 2 skipped" ]
	[ -e "$OUT/junit_02.xml" ]
}

@test "ginkgo's setup and teardown count only if they fail" {
	junit 'failed:[SynchronizedBeforeSuite]' 'skipped:[It] x'
	left junit_01.xml
	states 'Running||1|Error'
	run -1 conformance
	[ "$(tail -n 3 <<< "$output")" = $'Failed:\n  [SynchronizedBeforeSuite]\n0 passed, 1 failed, 1 skipped' ]
}

@test "errors without a failed test: no test was run, no report, another exit code" {
	junit 'skipped:[It] x'
	left junit_01.xml
	FOCUS=nothing SKIP=y run -1 conformance
	[[ ${lines[-1]} == "error: no test was run: none matches FOCUS='nothing' without also matching SKIP='y'" ]]
	junit 'passed:[It] x'
	left junit_01.xml
	states 'Running||197|Error'
	run -1 conformance
	[[ ${lines[-1]} == "error: no test failed, but the tests ended with 197 (Error); see $OUT/e2e.log" ]]
	rm "$S/results/junit_01.xml"
	left
	run -1 conformance
	[[ ${lines[-1]} == "error: the tests ended with 197 (Error) and left no junit_*.xml; see "* ]]
	[ ! -e "$OUT/junit_01.xml" ]
	removed
}

@test "truncated results are requested again" {
	junit 'passed:[It] x'
	left junit_01.xml
	touch "$S/cut"
	run -0 conformance
	[ "$(grep -c 'e2e.tar.gz$' "$S/asked")" = 2 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
}

@test "tests that were killed before they left results: the incomplete log is kept" {
	printf 'Will run 3 of 9 specs\nlast words\n' > "$S/results/e2e.log"
	states 'Running||137|OOMKilled'
	run -1 conformance
	[[ $output == *"error: the results of the tests, which ended with 137 (OOMKilled): timed out; last output: "*done* ]]
	grep -q 'last words' "$OUT/e2e.log"
	removed
}

@test "a pod that cannot run: an immediate error with the reason" {
	states 'Pending|ContainerCreating' 'Pending|ErrImageNeverPull|||Container image "x" is not present with pull policy of Never'
	run -1 conformance
	[[ $output == *"error: the tests' pod cannot run: "'ErrImageNeverPull Container image "x" is not present'* ]]
	removed
	states 'Failed||||Evicted The node was low on resource: memory.'
	run -1 conformance
	[[ $output == *"error: the tests' pod cannot run: Evicted The node was low on resource: memory."* ]]
	states 'Running' '!Error from server (NotFound): pods "conformance" not found'
	run -1 conformance
	[[ $output == *"error: the state of the tests' pod is unknown: "'Error from server (NotFound): pods "conformance" not found'* ]]
}

@test "timeout: exit 124 with the number of tests that were run; the incomplete log is kept" {
	printf '%s\n' 'Will run 402 of 7197 specs' '• [8.578 seconds]' '• [FAILED] [2.0 seconds]' > "$S/results/e2e.log"
	states 'Running'
	TIMEOUT=1 run -124 conformance
	[[ $output == *"error: not done after 1 s: 2 of 402 tests, 1 failed; TIMEOUT= sets another limit"* ]]
	[ "$(wc -l < "$OUT/e2e.log")" = 3 ]
	removed
	states 'Pending||||0/1 nodes are available: 1 Insufficient cpu.'
	TIMEOUT=1 run -124 conformance
	[[ $output == *"error: the tests' pod does not start: Pending 0/1 nodes are available: 1 Insufficient cpu."* ]]
}

@test "the progress, from the logs of ginkgo 1 and 2" {
	local script
	script=$(< "$TOP/mk/conformance/progress")
	progress() { bash -c "${script//\/tmp\/results/$S/results}"; }
	printf '%s\n' 'Will run 402 of 7197 specs' '[SynchronizedBeforeSuite] PASSED [46.333 seconds]' SSSS '• [8.578 seconds]' SS \
		'• [FAILED] [11.116 seconds]' '• [0.024 seconds]' '• [PANICKED] [1.0 seconds]' > "$S/results/e2e.log"
	[ "$(progress)" = "4 of 402 tests, 2 failed" ]
	printf '%s\n' 'Will run 346 of 6433 specs' '• [SLOW TEST:300.192 seconds]' '•{"msg":"PASSED x","total":346,"completed":2}' 'SS•SS' \
		'• Failure [3.1 seconds]' > "$S/results/e2e.log"
	[ "$(progress)" = "4 of 346 tests, 1 failed" ]
	rm "$S/results/e2e.log"
	run ! progress
	[ -z "$output" ]
}

@test "interrupted: everything is removed, including the namespaces of running tests, but not older ones" {
	states 'Running'
	echo namespace/others-e2e > "$S/tests-namespaces"
	"$TOP/mk/sh/cluster/conformance" > said 2>&1 3>&- &
	pid=$!
	keep_pid "$pid"
	wait_for 20 [ -e "$S/namespace" ]
	echo namespace/pods-4711 >> "$S/tests-namespaces"
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" = 130 ]
	removed
	grep -qx 'delete --wait=false --ignore-not-found namespace/pods-4711' "$S/asked"
	[ "$(cat "$S/tests-namespaces")" = namespace/others-e2e ]
	[ -z "$(ls -d tmp.* 2> /dev/null)" ]
}

@test "Ctrl-C in make: everything is removed" {
	states 'Running'
	# As from a terminal: make, the script and its kubectl all get the signal.
	perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' env -u MAKEFLAGS -u MAKELEVEL make -s -C "$TOP" conformance CLUSTER=c B="$B" \
		TOOLS='' BIN="$BIN" > said 2>&1 3>&- &
	pid=$!
	keep_pid "$pid"
	wait_for 20 [ -e "$S/namespace" ]
	kill -INT -- "-$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" != 0 ]
	wait_for 20 removed
	! grep -q 'not completely' said
}

@test "KEEP=1: the objects stay until the next run" {
	states 'Pending|InvalidImageName'
	KEEP=1 run -1 conformance
	[[ $output == *"KEEP=1: the namespace kubestamp-conformance is kept"* ]]
	[ -e "$S/namespace" ]
	junit 'passed:[It] x'
	left junit_01.xml
	states 'Running||0|Completed'
	: > "$S/asked"
	run -0 conformance
	[[ "$(head -n 1 "$S/asked")" == delete* ]]
	removed
}

@test "objects that cannot be removed are an error" {
	junit 'passed:[It] x'
	left junit_01.xml
	sed -i 's/delete\*)/delete*) [ ! -e "$S\/namespace" ] || { echo refused >\&2; exit 1; }/' "$D/share/bin/kubectl"
	run -1 conformance
	[[ $output == *"1 passed, 0 failed, 0 skipped"*refused*"error: the tests are not completely removed: namespace, ClusterRole and ClusterRoleBinding kubestamp-conformance" ]]
}

@test "only one run at a time in a cluster" {
	mkdir -p "$OUT"
	exec 8< "$OUT"
	flock 8
	run -1 conformance
	[ "$output" = "error: another make is running the conformance tests of c" ]
	[ ! -e "$S/asked" ]
}

@test "the manifest contains exactly these fields, and all are documented" {
	junit 'passed:[It] x'
	left junit_01.xml
	SKIP='\[Slow\]|$(HOME)' TIMEOUT=1000 run -0 conformance
	perl "$BATS_TEST_DIRNAME/lib/fields.pl" "$BATS_TEST_DIRNAME/schema/conformance" < "$S/manifest" > fields
	diff fields - <<-'END'
		Namespace apiVersion v1
		Namespace metadata.name kubestamp-conformance
		ServiceAccount apiVersion v1
		ServiceAccount metadata.name conformance
		ServiceAccount metadata.namespace kubestamp-conformance
		ClusterRole apiVersion rbac.authorization.k8s.io/v1
		ClusterRole metadata.name kubestamp-conformance
		ClusterRole rules[].apiGroups ["*"]
		ClusterRole rules[].resources ["*"]
		ClusterRole rules[].verbs ["*"]
		ClusterRole rules[].nonResourceURLs [/metrics, /logs, /logs/*]
		ClusterRole rules[].verbs [get]
		ClusterRoleBinding apiVersion rbac.authorization.k8s.io/v1
		ClusterRoleBinding metadata.name kubestamp-conformance
		ClusterRoleBinding roleRef.apiGroup rbac.authorization.k8s.io
		ClusterRoleBinding roleRef.kind ClusterRole
		ClusterRoleBinding roleRef.name kubestamp-conformance
		ClusterRoleBinding subjects[].kind ServiceAccount
		ClusterRoleBinding subjects[].name conformance
		ClusterRoleBinding subjects[].namespace kubestamp-conformance
		Pod apiVersion v1
		Pod metadata.name conformance
		Pod metadata.namespace kubestamp-conformance
		Pod spec.containers[].command [sleep, infinity]
		Pod spec.containers[].image registry.kubestamp/kubestamp-tools:0.1
		Pod spec.containers[].imagePullPolicy Never
		Pod spec.containers[].name results
		Pod spec.containers[].securityContext.allowPrivilegeEscalation false
		Pod spec.containers[].securityContext.capabilities.drop [ALL]
		Pod spec.containers[].volumeMounts[].mountPath /tmp/results
		Pod spec.containers[].volumeMounts[].name results
		Pod spec.containers[].env[].name E2E_FOCUS
		Pod spec.containers[].env[].value \[Conformance\]
		Pod spec.containers[].env[].name E2E_SKIP
		Pod spec.containers[].env[].value \[Slow\]|$$(HOME)
		Pod spec.containers[].env[].name E2E_PROVIDER
		Pod spec.containers[].env[].value skeleton
		Pod spec.containers[].env[].name E2E_PARALLEL
		Pod spec.containers[].env[].value false
		Pod spec.containers[].env[].name E2E_USE_GO_RUNNER
		Pod spec.containers[].env[].value true
		Pod spec.containers[].env[].name E2E_EXTRA_GINKGO_ARGS
		Pod spec.containers[].env[].value --timeout=900s --nodes=1
		Pod spec.containers[].env[].name RESULTS_DIR
		Pod spec.containers[].env[].value /tmp/results
		Pod spec.containers[].image registry.k8s.io/conformance:v1.33.4
		Pod spec.containers[].imagePullPolicy Never
		Pod spec.containers[].name tests
		Pod spec.containers[].securityContext.allowPrivilegeEscalation false
		Pod spec.containers[].securityContext.capabilities.drop [ALL]
		Pod spec.containers[].volumeMounts[].mountPath /tmp/results
		Pod spec.containers[].volumeMounts[].name results
		Pod spec.restartPolicy Never
		Pod spec.securityContext.runAsNonRoot true
		Pod spec.securityContext.runAsUser 65534
		Pod spec.securityContext.seccompProfile.type RuntimeDefault
		Pod spec.serviceAccountName conformance
		Pod spec.terminationGracePeriodSeconds 0
		Pod spec.tolerations[].operator Exists
		Pod spec.volumes[].emptyDir {}
		Pod spec.volumes[].name results
	END
}

@test "kubectl itself accepts the manifest, and reports the pod's state" {
	local programs='' version
	# With the oldest that there is; e2e-k8s.bats names one.
	for version in ${KUBERNETES:-$(cat "$TOP"/providers/*/provider.ini | sed -n 's/^version = //p' | sort -V)}; do
		[ -n "$programs" ] || programs=$(compiled_programs "$version")
	done
	[ -n "$programs" ] || skip "no compiled Kubernetes here: make provision"
	cat > "$S/pending" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata: { name: conformance }
		status: { phase: Pending, conditions: [{ type: PodScheduled, status: "False", message: no node is free }] }
	END
	cat > "$S/done" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata: { name: conformance }
		status:
		  phase: Running
		  conditions: [{ type: PodScheduled, status: "True" }]
		  containerStatuses:
		    - { name: results, state: { running: { startedAt: "2026-01-01T00:00:00Z" } } }
		    - { name: tests, state: { terminated: { exitCode: 0, reason: Completed } } }
	END
	sed 's/terminated: .*/waiting: { reason: ErrImageNeverPull, message: it is not there } } }/; s/Running/Pending/' "$S/done" > "$S/waiting"
	export REAL=$programs/kubectl
	junit 'passed:[It] x'
	left junit_01.xml
	states pending done
	run -0 conformance
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
	states pending waiting
	run -1 conformance
	[[ $output == *"error: the tests' pod cannot run: ErrImageNeverPull it is not there"* ]]
	states pending
	SKIP=y TIMEOUT=1 run -124 conformance
	[[ $output == *"error: the tests' pod does not start: Pending no node is free"* ]]
	[ "$("$REAL" label --local --dry-run=client -f "$S/manifest" x=y -o name | sed 's,/.*,,' | paste -sd' ')" = \
		"namespace serviceaccount clusterrole.rbac.authorization.k8s.io clusterrolebinding.rbac.authorization.k8s.io pod" ]
	# A field that kubectl's types do not have would be dropped here.
	awk -v RS='---\n' '/kind: Pod/' "$S/manifest" > pod
	"$REAL" set image --local -f pod tests=other:1 -o json |
		jq -S 'del(.status, .metadata.creationTimestamp, .spec.containers[].resources)' > typed
	"$REAL" label --local --dry-run=client -f pod x=y -o json | jq -S 'del(.metadata.labels) | .spec.containers[1].image = "other:1"' > as-is
	diff typed as-is
}

@test "PARALLEL: this many tests at a time, and no [Serial] ones; the timeout depends on the accelerator" {
	junit 'passed:[It] x'
	left junit_01.xml
	PARALLEL=4 run -0 conformance
	grep -qxF "          value: '\\[Serial\\]'" "$S/manifest"
	grep -qxF "          value: '--timeout=19440s --nodes=4'" "$S/manifest"
	sed -i 's/ACCEL=kvm/ACCEL=tcg/' "$D/conf"
	PARALLEL=2 SKIP=a run -0 conformance
	grep -qxF "          value: 'a|\\[Serial\\]'" "$S/manifest"
	grep -qxF "          value: '--timeout=155520s --nodes=2'" "$S/manifest"
	PARALLEL=0 run -2 conformance
	TIMEOUT=soon run -2 conformance
	[ "$output" = "error: TIMEOUT=soon is not a number of seconds" ]
}

@test "no conformance image: the error says how to declare it, or what to run instead; the cluster is not queried" {
	sed -i /conformance/d "$D/share/images"
	run -2 conformance
	[ "$(grep -c . <<< "$output")" = 1 ]
	[[ $output == "error: k8s-1.33-upstream does not declare the images of the conformance tests: name them in [conformance] images of its provider.ini"*"make pin PROVIDER=k8s-1.33-upstream"* ]]
	echo kubernetes_source=debian > "$D/share/provider.conf"
	run -2 conformance
	[ "$output" = "error: k8s-1.33-upstream has Kubernetes from debian, for which there is no conformance image; run 'make check-provider PROVIDER=k8s-1.33-upstream' instead" ]
	[ ! -e "$S/asked" ]
	# Without a cluster, the provider's declaration decides.
	rm -r "$D"
	CLUSTER=k8s-1.20 PROVIDER=k8s-1.20 PROVIDER_DIR=providers/k8s-1.20 run -2 conformance
	[[ $output == *"run 'make check-provider PROVIDER=k8s-1.20' instead" ]]
	CLUSTER=k8s-1.33-upstream PROVIDER=k8s-1.33-upstream PROVIDER_DIR=tests/providers/k8s-1.33-upstream run -2 conformance
	[[ $output == *"k8s-1.33-upstream does not declare the images"* ]]
	CLUSTER=mini PROVIDER=mini PROVIDER_DIR=tests/providers/mini run -2 conformance
	[ "$output" = "error: mini has no Kubernetes, and so no conformance tests" ]
	run -1 conformance
	[[ $output == "error: there is no cluster c here; "* ]]
}

# declared: create a provider that declares the images of the tests, and an upstream for it.
declared() {
	registry_setup
	checkout
	mkdir -p "$T/providers/own/kubeadm" www/release/v1.33.4/bin/linux/amd64
	cp -R "$TOP"/providers/{base,kubernetes,kubernetes-go} "$TOP/tests/providers/k8s-1.33-upstream" "$T/providers/"
	cat > "$T/providers/own/provider.ini" <<-'END'
		[provider]
		inherit = k8s-1.33-upstream

		[manifests]
		apply =

		[addons]
		include =

		[conformance]
		images = registry.k8s.io/e2e-test-images/agnhost:2.53 registry.k8s.io/e2e-test-images/httpd:2.4.38-4
		  registry.k8s.io/e2e-test-images/httpd:2.4.39-4 registry.k8s.io/pause:3.10
	END
	# A kubeadm 1.33.4 that only lists its images, for make pin.
	{
		echo '#!/bin/bash'
		echo 'cat <<-END'
		printf 'registry.k8s.io/%s\n' kube-{apiserver,controller-manager,scheduler,proxy}:v1.33.4 coredns/coredns:v1.12.0 pause:3.10 etcd:3.5.21-0
		echo END
	} > www/release/v1.33.4/bin/linux/amd64/kubeadm
	cp www/release/v1.33.4/bin/linux/amd64/kube{adm,let}
	cp www/release/v1.33.4/bin/linux/amd64/kube{adm,ctl}
	local f
	for f in www/release/v1.33.4/bin/linux/amd64/*; do sha256sum < "$f" | cut -d' ' -f1 > "$f.sha256"; done
	TOP=$T PROVIDER=own PROVIDER_DIRS="providers/own providers/k8s-1.33-upstream providers/kubernetes-go providers/kubernetes providers/base"
	export PROVIDER_DIRS K8S_MIRROR=file://$PWD/www IMAGE_MIRROR=$R KS_CACHE=$PWD/cache D=$PWD/d P=$B/own CRI_TOOLS_MIRROR='' KUBEADM='' IMAGE_LIST=''
}

@test "declared: the conformance image and those of the tests are listed, pinned, and required of a lock" {
	declared
	local name n=0
	echo 'PROVIDER_DIRS := providers/own' > keys.mk
	pinned() { (mk=$PWD/keys.mk && cd "$T" && mk/sh/stage/pinned "$mk"); }
	echo hello > hello
	while read -r name; do
		n=$((n + 1))
		ocipack --tag x --label "n=$n" --file hello=/hello layout > /dev/null
		regpush --tls-verify=false layout:x "$R/${name#*/}" > /dev/null
	done < <("$T/mk/sh/provider/sources-list" | sed -n "s,^image $R,x,p")
	[ "$n" = 11 ]
	run -0 --separate-stderr "$T/mk/sh/provider/images" list
	[ "$(grep -c '\[conformance\] images$' <<< "$output")" = 5 ]
	grep -q '^registry.k8s.io/conformance:v1.33.4 ' <<< "$output"
	# The lock of the inherited provider is not enough.
	run -1 pinned
	[[ $output == *"no digest of the image registry.k8s.io/conformance:v1.33.4; to create it again: make pin PROVIDER=own SOURCE=upstream" ]]
	run -0 "$T/mk/sh/provider/pin"
	[[ $output == *"pinned    own: Kubernetes 1.33.4, 3 files, 11 images: providers/own/lock.ini" ]]
	grep -A1 '^\[image' "$T/providers/own/lock.ini" | grep -v '^--' | tail -n 8 | diff - <(printf '[image %s]\nname = %s\n' \
		conformance registry.k8s.io/conformance:v1.33.4 agnhost registry.k8s.io/e2e-test-images/agnhost:2.53 \
		httpd registry.k8s.io/e2e-test-images/httpd:2.4.38-4 \
		registry.k8s.io/e2e-test-images/httpd:2.4.39-4 registry.k8s.io/e2e-test-images/httpd:2.4.39-4)
	run -0 pinned
	[ -z "$output" ]
	# The nodes get only the declared images, even if the lock has more.
	locked() {
		(
			libs upstream
			eval "$(provconf -I "$T/providers" -f sh "$T/providers/own")"
			upstream_tool --lock "$T/providers/own/lock.ini" --images
		)
	}
	[ "$(locked | cut -f1)" = "$("$T/mk/sh/provider/sources-list" | sed -n "s,^image $R,registry.k8s.io,p")" ]
	[ "$(locked | grep -c $'\tsha256:')" = 11 ]
	cp "$T/providers/own/provider.ini" declared.ini
	sed -i '/^\[conformance\]/,$d' "$T/providers/own/provider.ini"
	[ "$(locked | grep -c .)" = 7 ]
	run ! grep -q conformance <(locked)
	cp declared.ini "$T/providers/own/provider.ini"
	sed -i 's,agnhost:2.53,agnhost,' "$T/providers/own/provider.ini"
	run -2 "$T/mk/sh/provider/pin"
	[[ $output == *"[conformance] images: registry.k8s.io/e2e-test-images/agnhost: not HOST/NAME:TAG"* ]]
}

@test "declared: the keys of images and of the stages that need it change, and no others" {
	declared
	cd "$T" || return
	ln -s "$BATS_TEST_DIRNAME/../tools" tools
	mkdir -p manifests
	cp "$BATS_TEST_DIRNAME/../manifests/flannel.yaml" manifests/
	keys() { stagekey -I providers "providers/$1" | sed -n 's/^KEY\.\([a-z]*\) := /\1 /p'; }
	cp providers/k8s-1.33-upstream/lock.ini providers/own/
	with=$(keys own)
	sed -i '/^\[conformance\]/,$d' providers/own/provider.ini
	without=$(keys own)
	[ -n "$without" ]
	changed=$(diff <(echo "$without") <(echo "$with") | sed -n 's/^> \([a-z]*\) .*/\1/p' | paste -sd' ')
	[ "$changed" = "images disk layers boot node cluster manifests ready seal image check" ]
}
