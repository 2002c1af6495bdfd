# What Kubernetes' conformance tests are given, and what they leave: sourced by mk/sh/conformance. Needs FOCUS, SKIP, PARALLEL,
# and in the shell's variables: name (of all that is made), image, tools (the images), limit (seconds).
#
# Sources: kubernetes/kubernetes, test/conformance/image (conformance-e2e.yaml; go-runner's const.go, cmd.go and main.go for
# the environment); kubernetes-sigs/hydrophone, pkg/conformance/deploy.go, for a pod that needs no rights on its node.
# shellcheck shell=bash

# conformance_yaml TEXT: it as a YAML string. Of $$ the kubelet makes $; of $(NAME) in a regular expression something else.
conformance_yaml() {
	local text=${1//\$/'$$'}
	printf "'%s'" "${text//\'/\'\'}"
}

# conformance_skip: what is not run. Tests that are [Serial] are none to run several at a time.
conformance_skip() {
	if [ "$PARALLEL" = 1 ]; then echo "$SKIP"; else echo "${SKIP:+$SKIP|}\\[Serial\\]"; fi
}

# conformance_ginkgo: what ginkgo is told beside. Its deadline (24 hours, if go-runner hears of none) is before ours: then it
# reports what has run. --nodes is what both versions of it understand, for how many at a time.
conformance_ginkgo() { echo "--timeout=$(((limit * 9 + 9) / 10))s --nodes=$PARALLEL"; }

# conformance_rights: who the tests are, and what they may do.
conformance_rights() {
	cat <<-END
		apiVersion: v1
		kind: Namespace
		metadata:
		  name: $name
		---
		apiVersion: v1
		kind: ServiceAccount
		metadata:
		  name: conformance
		  namespace: $name
		---
		apiVersion: rbac.authorization.k8s.io/v1
		kind: ClusterRole
		metadata:
		  name: $name
		rules:
		  - apiGroups: ["*"]
		    resources: ["*"]
		    verbs: ["*"]
		  - nonResourceURLs: [/metrics, /logs, /logs/*]
		    verbs: [get]
		---
		apiVersion: rbac.authorization.k8s.io/v1
		kind: ClusterRoleBinding
		metadata:
		  name: $name
		roleRef:
		  apiGroup: rbac.authorization.k8s.io
		  kind: ClusterRole
		  name: $name
		subjects:
		  - kind: ServiceAccount
		    name: conformance
		    namespace: $name
		---
	END
}

# conformance_container NAME IMAGE: what both containers of the pod have: no rights, and the volume of the results. An
# image that is not in the node is not fetched.
conformance_container() {
	cat <<-END
		    - name: $1
		      image: $2
		      imagePullPolicy: Never
		      securityContext:
		        allowPrivilegeEscalation: false
		        capabilities:
		          drop: [ALL]
		      volumeMounts:
		        - name: results
		          mountPath: /tmp/results
	END
}

# conformance_pod: the tests, and who hands out what they found once they have ended. Some tests are of evicting pods: it
# tolerates every taint.
conformance_pod() {
	cat <<-END
		apiVersion: v1
		kind: Pod
		metadata:
		  name: conformance
		  namespace: $name
		spec:
		  serviceAccountName: conformance
		  restartPolicy: Never
		  terminationGracePeriodSeconds: 0
		  tolerations:
		    - operator: Exists
		  securityContext:
		    runAsNonRoot: true
		    runAsUser: 65534
		    seccompProfile:
		      type: RuntimeDefault
		  volumes:
		    - name: results
		      emptyDir: {}
		  containers:
		$(conformance_container results "$tools")
		      command: [sleep, infinity]
		$(conformance_container tests "$image")
		      env:
		        - name: E2E_FOCUS
		          value: $(conformance_yaml "$FOCUS")
		        - name: E2E_SKIP
		          value: $(conformance_yaml "$(conformance_skip)")
		        - name: E2E_PROVIDER
		          value: skeleton
		        - name: E2E_PARALLEL
		          value: 'false'
		        - name: E2E_USE_GO_RUNNER
		          value: 'true'
		        - name: E2E_EXTRA_GINKGO_ARGS
		          value: $(conformance_yaml "$(conformance_ginkgo)")
		        - name: RESULTS_DIR
		          value: /tmp/results
	END
}

# conformance_count JUNIT...: each test of these files as a line "passed", "skipped" or "failed NAME". What ginkgo does before
# and after all of them is in there like a test: it counts where it failed.
conformance_count() {
	awk -v RS='<testcase ' '
		FNR == 1 { next }
		{
			match(" " $0, / name="[^"]*"/)
			name = substr($0, RSTART + 6, RLENGTH - 8)
			if (/<(failure|error)[ >]/) { sub(/^\[It\] /, "", name); print "failed " name }
			else if (name ~ /^\[((Report|Synchronized)?(Before|After)Suite|DeferCleanup \(Suite\))\]/) next
			else if (/<skipped[ \/>]/) print "skipped"
			else print "passed"
		}' "$@" | sed "s/&lt;/</g; s/&gt;/>/g; s/&#34;/\"/g; s/&quot;/\"/g; s/&#39;/'/g; s/&amp;/\&/g"
}

# conformance_progress: in a container that has /tmp/results: "12 of 402 tests, 1 failed". ginkgo says first how many it
# will run, and draws a bullet for each that has ended: "• [8.578 seconds]", "• [FAILED] [...", its first version
# "• Failure [...".
# shellcheck disable=SC2016 # it is for the container's shell
conformance_progress='cd /tmp/results && [ -e e2e.log ] || exit
total=$(sed -n "s/^Will run \([0-9]*\) of .*/\1/p" e2e.log)
ended=$(grep -o "•" e2e.log | wc -l)
echo "$ended of ${total:-?} tests, $(grep -cE "^• (\[(FAILED|PANICKED|TIMEDOUT)\]|Failure)" e2e.log) failed"'
