# A whole Kubernetes provider: it is provisioned, and clusters of one node are started from its image, first without a network.
# `make check-e2e` runs this file, `make check` does not; e2e-nodes.bats continues with more nodes and with saved clusters.
load lib/common
load lib/kubernetes

@test "provision; a second run has nothing to do" {
	# The runner has the same key as that of flow-mini.bats, if that has run: use its result.
	mkdir -p "$B/$PROVIDER"
	cp -al "$B"/flow/mini/runner.* "$B/$PROVIDER/" 2> /dev/null || true
	show mk provision
	run -0 mk -q provision
}

@test "the tests that need the compiled kubeadm and kubectl, which make check skips if there are none" {
	local path source name='kubeadm 1.20.2 itself' version
	source=$("$BIN/provconf" -I "$TOP/providers" -g kubernetes.source "$TOP/providers/$PROVIDER")
	version=$("$BIN/provconf" -I "$TOP/providers" -g kubernetes.version "$TOP/providers/$PROVIDER")
	case $source in
	debian) ;;
	go) name='kubeadm itself, compiled from Go modules' ;;
	*) skip "$PROVIDER compiles no Kubernetes" ;;
	esac
	# bats puts its own programs first in PATH.
	path=$(sed 's,[^:]*/libexec/bats-core:,,g' <<< "$PATH")
	run -0 env -i PATH="$path" HOME="$HOME" ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} TOP="$TOP" B="$B" TB="$TB" \
		BIN="$BIN" KUBERNETES="$version" bats --tap --filter "^($name|kubectl itself)" "$TOP/tests/providers.bats" "$TOP/tests/conformance.bats" 3>&-
	[ "$(grep -c '^ok ' <<< "$output")" = 2 ]
	[[ $output != *"# skip"* ]]
}

@test "the image's disk contains no secrets" {
	local raw=$BATS_TEST_TMPDIR/raw sealed=$BATS_TEST_TMPDIR/sealed.qcow2 disk key
	disk=$(one_of disk)/base.qcow2
	cp "$(one_of seal)/sealed.qcow2" "$sealed"
	qemu-img rebase -u -F qcow2 -b "$disk" "$sealed"
	# Everything that the running machine wrote, uncompressed, deleted or not. (The base disk does contain keys: gnutls has some
	# for its self-tests.)
	qemu-img convert -O qcow2 -B "$disk" -F qcow2 "$sealed" "$raw"
	# A key in a file, and in a kubeconfig (base64 of "-----BEGIN ").
	key='-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{32}'
	run ! env LC_ALL=C grep -aqPz -- "$key" "$raw"
	run ! env LC_ALL=C grep -aq -- 'key-data: LS0tLS1CRUdJTi' "$raw"
	# A service account's token, and a bootstrap token.
	run ! env LC_ALL=C grep -aqE 'eyJhbGciOiJSUzI1NiIsImtpZCI6[A-Za-z0-9_-]{40}' "$raw"
	run ! env LC_ALL=C grep -aqE 'bootstrap-token-[a-z0-9]{6}.{0,400}token-secret.{0,20}[a-z0-9]{16}' "$raw"
	# Such a search does work: it finds public data from the cluster's database.
	LC_ALL=C grep -aq 'kubeadm-config' "$raw"
	run ! git -C "$TOP" grep -qI -e '-----BEGIN [A-Z ]*PRIVATE KEY-----'
}

@test "check-provider: from the image alone, without a network" {
	show mk check-provider
}

@test "twenty resumes of the same saved state in a row: each cluster is healthy" {
	local turn seconds times=''
	# Not i: bats' run uses that name.
	for turn in {1..20}; do
		seconds=$EPOCHREALTIME
		mk cluster-up RESUME=always > "$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; false; }
		all_ready 1
		times+=" $(awk -v a="$seconds" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')"
		sleep 2
		all_ready 1
		run -0 mk ssh CMD='dmesg | grep -cE "BUG|Oops|panic" || true'
		[ "$output" = 0 ]
		# This is true at once, unless the saved state is ten minutes old by now: then the controller manager is restarting.
		wait_for 60 all_running
		mk cluster-down
	done
	echo "# to Ready, seconds:$times" >&3
}

@test "why: an added manifest affects the stage manifests, and not the one before it" {
	local copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	tar -C "$TOP" -c GNUmakefile mk tools providers manifests tests/providers | tar -C "$copy" -x
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: { name: extra }\n' > "$copy/manifests/extra.yaml"
	if grep -q '^apply = ' "$copy/providers/$PROVIDER/provider.ini"; then
		sed -i 's/^apply = .*/& extra/' "$copy/providers/$PROVIDER/provider.ini"
	else
		printf '\n[manifests]\napply += extra\n' >> "$copy/providers/$PROVIDER/provider.ini"
	fi
	run -0 make -s -C "$copy" B="$B" PROVIDER="$PROVIDER" why STAGE=manifests
	show echo "$output"
	[[ $output == *"extra.yaml"* ]]
	run -0 make -s -C "$copy" B="$B" PROVIDER="$PROVIDER" why STAGE=cluster
	[[ $output == *"up to date"* ]]
}
