# The manifests of Kubernetes' conformance tests, and what the tests leave: sourced by mk/sh/cluster/conformance. Needs TOP,
# BIN, FOCUS, SKIP, PARALLEL, and in the shell's variables: name (of all that is made), image, tools (the images), limit
# (seconds).
#
# Source: kubernetes/kubernetes, test/conformance/image (go-runner's const.go, cmd.go and main.go for the environment).
# shellcheck shell=bash

# conformance_yaml TEXT: it as a YAML string. The kubelet makes $ of $$, and would expand $(NAME).
conformance_yaml() {
	local text=${1//\$/'$$'}
	printf "'%s'" "${text//\'/\'\'}"
}

# conformance_skip: the tests that are not run. [Serial] ones cannot run beside others.
conformance_skip() {
	if [ "$PARALLEL" = 1 ]; then echo "$SKIP"; else echo "${SKIP:+$SKIP|}\\[Serial\\]"; fi
}

# conformance_manifest NAME: mk/conformance/NAME.yaml. ginkgo's timeout (24 hours by default) is shorter than ours, so that it
# reports what has run; both of its versions understand --nodes, the number of tests at a time.
conformance_manifest() {
	"$BIN/kuberender" -D "name=$name" -D "image=$image" -D "tools=$tools" -D "focus=$(conformance_yaml "$FOCUS")" \
		-D "skip=$(conformance_yaml "$(conformance_skip)")" \
		-D "ginkgo=$(conformance_yaml "--timeout=$(((limit * 9 + 9) / 10))s --nodes=$PARALLEL")" "$TOP/mk/conformance/$1.yaml"
}

# conformance_count JUNIT...: a line "passed", "skipped" or "failed NAME" for each test of these files. ginkgo's setup and
# cleanup are listed like tests: they count only if they failed.
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

# conformance_progress: for a shell in the container results: print "12 of 402 tests, 1 failed". ginkgo first prints how many
# tests it will run, and then a bullet for each that has ended: "• [8.578 seconds]", "• [FAILED] [...", or in its first
# version "• Failure [...".
# shellcheck disable=SC2016 # for the container's shell
conformance_progress='cd /tmp/results && [ -e e2e.log ] || exit
total=$(sed -n "s/^Will run \([0-9]*\) of .*/\1/p" e2e.log)
ended=$(grep -o "•" e2e.log | wc -l)
echo "$ended of ${total:-?} tests, $(grep -cE "^• (\[(FAILED|PANICKED|TIMEDOUT)\]|Failure)" e2e.log) failed"'
