# kubeimages(1): the images that manifests name, and the check that none would be pulled.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cat > pod.yaml <<-'END'
		apiVersion: v1
		kind: Pod
		metadata: { name: a, namespace: b }
		spec:
		  initContainers: [{ name: i, image: r.example/i:1 }]
		  ephemeralContainers:
		    - { name: debug, image: busybox:1.36 }
		  containers:
		    - &main { name: c, image: "host:5000/x/y:v1" }
		    - <<: *main
		      name: d
		  volumes: [{ name: v, image: { reference: r.example/v:2, pullPolicy: IfNotPresent } }]
	END
}

@test "kubeimages: containers of every kind, image volumes, anchors and merged mappings" {
	run -0 kubeimages -l pod.yaml
	[ "$output" = "$(printf '%s\tPod/b/a\t%s\tpod.yaml\n' busybox:1.36 'container debug' host:5000/x/y:v1 'container c' \
		host:5000/x/y:v1 'container d' r.example/i:1 'container i' r.example/v:2 'volume v')" ]
}

@test "kubeimages: each name once, sorted, from several files and standard input" {
	echo '{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c","image":"a/b:3"},{"name":"d","image":"busybox:1.36"}]}}' > more.json
	run -0 bash -c 'kubeimages pod.yaml - < more.json'
	[ "$output" = $'a/b:3\nbusybox:1.36\nhost:5000/x/y:v1\nr.example/i:1\nr.example/v:2' ]
	run -0 kubeimages /dev/null
	[ -z "$output" ]
}

@test "kubeimages: templates in Deployments and CronJobs, objects in lists and in custom resources" {
	cat > all.yaml <<-'END'
		# a comment is a document too
		---
		apiVersion: batch/v1
		kind: CronJob
		metadata: { name: night }
		spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: c, image: a:1 }] } } } } }
		---
		apiVersion: v1
		kind: List
		items:
		  - apiVersion: apps/v1
		    kind: Deployment
		    metadata: { name: web, namespace: n }
		    spec: { template: { spec: { containers: [{ name: c, image: b:1 }] } } }
		---
		apiVersion: example.org/v1
		kind: Widget
		metadata: { name: w }
		spec: { pod: { containers: [{ name: c, image: c:1 }] }, image: not-looked-at }
	END
	run -0 kubeimages -l all.yaml
	[ "$(cut -f1,2 <<< "$output")" = $'a:1\tCronJob/night\nb:1\tDeployment/n/web\nc:1\tWidget/w' ]
}

@test "kubeimages: environment variables of operators; schemas and strings name nothing" {
	cat > op.yaml <<-'END'
		apiVersion: apps/v1
		kind: Deployment
		metadata: { name: op }
		spec:
		  template:
		    spec:
		      containers:
		        - name: op
		          image: q/op:1
		          env:
		            - { name: WORKER_IMAGE, value: "q/worker:1" }
		            - { name: PULL_POLICY, value: IfNotPresent }
		            - { name: NO_IMAGE, value: "true" }
		---
		apiVersion: v1
		kind: ConfigMap
		data: { template: "containers: [{image: q/template:1}]" }
		---
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		spec: { properties: { containers: { type: array, items: { properties: { image: { type: string } } } } } }
	END
	run -0 kubeimages op.yaml
	[ "$output" = $'q/op:1\nq/worker:1' ]
}

@test "kubeimages --check: imagePullPolicy Always, latest, no tag; a digest is as good as a tag" {
	run -0 kubeimages --check pod.yaml
	[ -z "$output" ]
	local hex
	hex=$(printf x | sha256sum | cut -d' ' -f1)
	cat > bad.yaml <<-END
		apiVersion: v1
		kind: Pod
		metadata: { name: p }
		spec:
		  containers:
		    - { name: a, image: "x/a:1", imagePullPolicy: Always }
		    - { name: b, image: "x/b:latest" }
		    - { name: c, image: "host:5000/c" }
		    - { name: d, image: "x/d@sha256:$hex" }
	END
	run -3 kubeimages --check bad.yaml
	[ "${#lines[@]}" = 3 ]
	[ "${lines[0]}" = "bad.yaml: Pod/p: container c: host:5000/c: has neither a digest nor a tag other than latest" ]
	[ "${lines[1]}" = "bad.yaml: Pod/p: container a: x/a:1: imagePullPolicy is Always" ]
	[[ ${lines[2]} == *" x/b:latest: "* ]]
}

@test "kubeimages --declared: each image must be a complete line of the file" {
	kubeimages pod.yaml > declared
	run -0 kubeimages -d declared pod.yaml
	sed -i 's,^r.example/i:1$,r.example/i:10,' declared
	run -3 kubeimages -d declared pod.yaml
	[ "$output" = "pod.yaml: Pod/b/a: container i: r.example/i:1: is not declared" ]
	run -2 kubeimages -d missing pod.yaml
	[ "$output" = "kubeimages: missing: No such file or directory" ]
}

@test "kubeimages --json: an array of objects with all members" {
	run -0 kubeimages --json pod.yaml
	[ "$(jq -r '.[] | select(.part == "volume v") | "\(.image) \(.object) \(.always) \(.latest)"' <<< "$output")" = "r.example/v:2 Pod/b/a false false" ]
	run -0 kubeimages --json /dev/null
	[ "$output" = "[]" ]
}

@test "kubeimages: an invalid manifest: exit status 2 with the line or the object" {
	local bad
	printf 'a: [\n' > open
	run -2 kubeimages open
	[[ $output == "kubeimages: open:2: "* ]]
	for bad in 'a b' '-a' 'a:' 'a//b' ':1' 'a@sha256:12' '@tools_image@' 'A:1:2' 'a/'; do
		printf 'containers: [{ name: c, image: "%s" }]\n' "$bad" > image
		run -2 kubeimages image
		[[ $output == "kubeimages: image: document 1: container c: '$bad' is not an image" ]]
	done
	printf 'containers: [{ image: a, image: b }]\n' > twice
	run -2 kubeimages twice
	[[ $output == *"line 1: duplicate key image" ]]
	printf 'containers: [{ image: "a\\0b" }]\n' > nul
	run -2 kubeimages nul
	[[ $output == *"a NUL byte" ]]
	run -2 kubeimages -l --json pod.yaml
}

@test "kubeimages: aliases that expand to a billion values are rejected soon" {
	local c p=a
	echo 'a: &a [x,x,x,x,x,x,x,x,x,x]' > bomb
	for c in b c d e f g h i; do
		echo "$c: &$c [*$p,*$p,*$p,*$p,*$p,*$p,*$p,*$p,*$p,*$p]" >> bomb
		p=$c
	done
	run -2 timeout 60 kubeimages bomb
	[[ $output == *"more than 50000000 values" ]]
	printf 'a: &a [*a]\n' > circle
	run -2 kubeimages circle
	[[ $output == *"more than 200 levels of nesting" ]]
}
