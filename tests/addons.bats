# Add-ons (manifests/NAME with an addon.ini): reading, pinning, rendering, and applying them with a fake kubectl.
load lib/common
load lib/registry
load lib/checkout

setup() {
	registry_setup
	checkout
	mkdir -p "$T/providers/p" www/v1 cache
	cp -R "$TOP/providers/base" "$T/providers/base"
	cat > "$T/providers/p/provider.ini" <<-'END'
		[provider]
		inherit = base
		description = of the test

		[network]
		pod_cidr = 10.9.0.0/16

		[images]
		repository = r.example
		tools = 7
	END
	export TOP=$T BIN KS_CACHE=$PWD/cache B=$PWD/b P=$PWD/b/p PROVIDER=p PROVIDER_DIRS="providers/p providers/base"
	export IMAGE_MIRROR=$R D=$PWD/d BIN_KUBERNETES=$PWD/bin DONE=''
	mkdir -p "$D" bin
	serve www served
	W=$U/file
	app_addon
	libs cluster kube addon images
	images_provider
	ACCEL=kvm
	# As in every script that sources these libraries.
	set -o pipefail
}

teardown() { end_kept; }

# app_addon: create the add-on app: a downloaded file, a file of its own, and an image that neither names.
app_addon() {
	mkdir -p "$T/manifests/app"
	cat > "$T/manifests/app/addon.ini" <<-END
		[addon]
		title = of the test
		apply = app.yaml own.yaml
		namespace = apps
		wait = deployment/apps/app crd/widgets.example.org pods/apps/2 widget.example.org/apps/one=Ready
		timeout = 2
		images = q.example/side/car:@version@

		[values]
		version = v1

		[fetch app.yaml]
		url = $W/@version@/app.yaml

		[replace app.yaml]
		network = "Network": "10.0.0.0/8" => "Network": "@pod_cidr@"
		tag = app:snapshot => app:@version@
	END
	cat > "$T/manifests/app/own.yaml" <<-'END'
		kind: ConfigMap
		apiVersion: v1
		metadata: { name: own }
		data: { version: '@version@ & \1', cidr: "@pod_cidr@", tools: "@tools_image@" }
	END
	cat > www/v1/app.yaml <<-'END'
		kind: CustomResourceDefinition
		apiVersion: apiextensions.k8s.io/v1
		metadata: { name: widgets.example.org }
		---
		apiVersion: apps/v1
		kind: Deployment
		metadata: { name: app, namespace: apps }
		spec: { template: { spec: { containers: [{ name: c, image: "q.example/app/app:snapshot" }] } } }
		---
		kind: ConfigMap
		apiVersion: v1
		data: { "net.json": '{ "Network": "10.0.0.0/8", "left": "@alone@" }' }
	END
}

# push_images: push the images of app to the test registry.
push_images() {
	echo hello > hello
	ocipack --tag x --file hello=/hello layout
	regpush --tls-verify=false layout:x "$R/app/app:v1"
	regpush --tls-verify=false layout:x "$R/side/car:v1"
}

pin() { "$T/mk/sh/provider/pin-addon" "${1:-app}"; }

@test "every add-on in manifests/ is valid, and its own manifests can be parsed" {
	local dir n=0
	for dir in "$BATS_TEST_DIRNAME"/../manifests/*/; do
		run -0 provconf --addon --check "$dir"
		[ -z "$output" ]
		n=$((n + 1))
	done
	# With those that are a file: dns, flannel and storage.
	for f in "$BATS_TEST_DIRNAME"/../manifests/*.yaml; do n=$((n + 1)); done
	[ "$n" -ge 11 ]
	# kubeimages can parse them once the @words@ are replaced.
	for f in "$BATS_TEST_DIRNAME"/../manifests/{,*/}*.yaml; do
		sed 's/@[a-z_]*@/v1/g' "$f" | kubeimages
	done
}

@test "addon.ini: each mistake is an error that names it" {
	try() { # EXPECTED SED
		cp "$T/manifests/app/addon.ini" ini.saved
		sed -i "$2" "$T/manifests/app/addon.ini"
		run -2 provconf --addon --check "$T/manifests/app"
		echo "$output"
		[[ $output == *"$1"* ]]
		cp ini.saved "$T/manifests/app/addon.ini"
	}
	run -0 provconf --addon --check "$T/manifests/app"
	try "addon.ini:3: addon.apply: other.yaml is not in $T/manifests/app, and there is no section [fetch other.yaml]" 's/own.yaml/other.yaml/'
	try "addon.wait: 'deployment/app' is not a condition to wait for" 's,deployment/apps/app,deployment/app,'
	try "addon.wait: 'pods/apps/0' is not a condition" 's,pods/apps/2,pods/apps/0,'
	try "addon.wait: '/x' is not a condition" 's,pods/apps/2,/x,'
	try "is not an http, https or file URL" 's,^url = .*,url = ftp://x/y,'
	try "/latest: the URL must name a version, as the file would change over time" 's,^url = .*,url = https://x/releases/latest/download/y,'
	try "replace none.yaml.network: no section [fetch none.yaml]" 's/^\[replace app.yaml\]/[replace none.yaml]/'
	try "replace app.yaml.tag: must be 'OLD => NEW'" 's/ => app:@version@/ app/'
	try "unknown key (did you mean 'wait'?)" 's/^wait/wair/'
	try "unknown section (did you mean [values]?)" 's/^\[values\]/[value]/'
	try "the section of a fetch is [fetch NAME], with NAME of [A-Za-z0-9._-]" 's,^\[fetch app.yaml\],[fetch ../app.yaml],'
	try "addon.title: is not set" '/^title/d'
	run -2 provconf --check "$T/manifests/app"
}

@test "pin: the digests of the files and images are looked up once; after that no server is needed" {
	push_images
	run -0 pin
	lock=$T/manifests/app/lock.ini
	[ "$(lockfile --get 'file app.yaml.sha256' "$lock")" = "$(sha256sum < www/v1/app.yaml | cut -d' ' -f1)" ]
	[ "$(lockfile --get 'file app.yaml.url' "$lock")" = "$W/v1/app.yaml" ]
	# The lock is valid, and has the images under their own names, not the mirror's.
	lockfile "$lock" > /dev/null
	[ "$(grep '^name = ' "$lock")" = $'name = q.example/app/app:v1\nname = q.example/side/car:v1' ]
	[ "$(grep -c '^digest = sha256:[0-9a-f]\{64\}$' "$lock")" = 2 ]
	cp "$lock" before
	run -0 pin
	cmp before "$lock"
	rm www/v1/app.yaml
	run -0 addon_tool --output out app
	[ -s out/01-app.yaml ]
}

@test "pin: if a file or image is unavailable, the old lock stays and no other file is left" {
	push_images
	pin > /dev/null
	cp "$T/manifests/app/lock.ini" before
	sed -i "s,$W,${W%file}missing," "$T/manifests/app/addon.ini"
	run -1 pin
	[[ $output == *"error: ${W%file}missing/v1/app.yaml cannot be downloaded"* ]]
	sed -i "s,${W%file}missing,$W," "$T/manifests/app/addon.ini"
	forget
	run -1 pin
	[[ $output == *"error: q.example/app/app:v1: its registry cannot be queried"* ]]
	cmp before "$T/manifests/app/lock.ini"
	[ "$(ls "$T/manifests/app")" = $'addon.ini\nlock.ini\nown.yaml' ]
	run -1 pin nothing
	[[ $output == *"no add-on 'nothing'"* ]]
}

@test "no lock, or one for another version: the error says how to create it" {
	run -1 addon_tool --output out app
	[[ $output == *"add-on app: it has no lock.ini"*"make pin ADDON=app"* ]]
	push_images
	pin > /dev/null
	sed -i 's/^version = v1/version = v2/' "$T/manifests/app/addon.ini"
	run -1 addon_tool --output out2 app
	[[ $output == *"lock.ini: it does not pin $W/v2/app.yaml; run: make pin ADDON=app"* ]]
	addons_include=app
	rm "$T/manifests/app/lock.ini"
	run -1 images_pinned
	[[ $output == *"make pin ADDON=app"* ]]
}

@test "a file whose digest differs from the lock is never used" {
	push_images
	pin > /dev/null
	rm -r cache/downloads
	echo 'kind: Evil' >> www/v1/app.yaml
	run -1 addon_tool --output out app
	[[ $output == *"fetch: "* ]]
	[ ! -s out/01-app.yaml ]
	# Neither is a file in the cache that was changed later.
	sed -i '/Evil/d' www/v1/app.yaml
	addon_tool --output out app > /dev/null
	f=$(ls cache/downloads/sha256/*)
	echo 'kind: Evil' >> "$f"
	addon_tool --output out app
	! grep -q Evil out/01-app.yaml
}

@test "rendering: values, the provider's settings, replacements; nothing else in a downloaded file changes" {
	push_images
	pin > /dev/null
	run -0 addon_tool --output out app
	grep -qF '"Network": "10.9.0.0/16", "left": "@alone@"' out/01-app.yaml
	grep -qF 'image: "q.example/app/app:v1"' out/01-app.yaml
	grep -qF 'version: '"'"'v1 & \1'"'"', cidr: "10.9.0.0/16", tools: "r.example/kubestamp-tools:7"' out/02-own.yaml
	[ "$(addon_tool --images app)" = q.example/side/car:v1 ]
	sed -i 's/app:snapshot => /app:moved => /' "$T/manifests/app/addon.ini"
	run -1 addon_tool --output out app
	[[ $output == *"add-on app: 'app:moved' is not in app.yaml"* ]]
	echo '@nothing@' >> "$T/manifests/app/own.yaml"
	sed -i 's/app:moved => /app:snapshot => /' "$T/manifests/app/addon.ini"
	run -1 addon_tool --output out app
	[[ $output == *"/manifests/app/own.yaml: @nothing@ has no value in provider.ini"* ]]
}

@test "a file that the add-on's script makes from the downloaded ones" {
	printf '#!/bin/bash\necho "# made of $(ls "$1")"\ncat "$1/app.yaml"\n' > "$T/manifests/app/made.yaml.render"
	chmod +x "$T/manifests/app/made.yaml.render"
	sed -i 's/^apply = .*/apply = made.yaml/' "$T/manifests/app/addon.ini"
	sed -i 's/app:snapshot/app:v1/' www/v1/app.yaml
	push_images
	run -0 pin
	run -0 addon_tool --output out app
	[ "$(head -n 1 out/01-made.yaml)" = "# made of app.yaml" ]
	[ "$(kubeimages out/01-made.yaml)" = q.example/app/app:v1 ]
}

# fake_kubectl: create a kubectl that records its arguments in "asked" and prints "state-rollout" as a rollout's status.
fake_kubectl() {
	cat > bin/kubectl <<-'END'
		#!/bin/bash
		shift 4
		echo "$*" >> asked
		case "$*" in
		*'get namespace'*) exit 1 ;;
		*'-f packed/01-app.yaml') echo 'customresourcedefinition.apiextensions.k8s.io/widgets.example.org serverside-applied' ;;
		*'rollout status'*) cat state-rollout ;;
		*'get pods'*) printf 'a Running True\nb Succeeded \n' ;;
		*'get --namespace apps widget'*) printf True ;;
		esac
	END
	chmod +x bin/kubectl
	echo 'deployment "app" successfully rolled out' > state-rollout
}

@test "apply: the namespace, the files in order with a wait for definitions between them, then the add-on's conditions" {
	push_images
	pin > /dev/null
	fake_kubectl
	addon_pack app packed
	# A packed add-on needs neither the checkout nor a network.
	mv "$T/manifests/app" away
	run -0 addon_apply packed
	[ "$(sed 's/ --timeout.*//; s/ -o .*//' asked)" = "$(cat <<-'END'
		get namespace apps
		create namespace apps
		apply --server-side --force-conflicts --namespace apps -f packed/01-app.yaml
		wait --for condition=Established crd --all
		apply --server-side --force-conflicts --namespace apps -f packed/02-own.yaml
		rollout status --watch=false --namespace apps deployment/app
		wait --for condition=Established crd/widgets.example.org
		get pods -n apps
		get --namespace apps widget.example.org one
	END
	)" ]
	echo 'Waiting for deployment "app" rollout to finish: 0 of 1 updated replicas are available...' > state-rollout
	run -124 addon_apply packed
	[[ $output == *"error: the add-on app: deployment/apps/app: timed out; last output: "* ]]
}

@test "apply: a single manifest is applied as it is" {
	fake_kubectl
	manifest='kind: ConfigMap'
	echo "$manifest" > "$T/manifests/one.yaml"
	addon_pack one packed
	run -0 addon_apply packed
	[ "$(cat asked)" = "apply -f packed/one.yaml" ]
}

@test "WITH: each add-on once, after those that it needs; the error for a missing one lists those in the image" {
	fake_kubectl
	local name
	for name in a b c; do
		mkdir -p "packed/$name"
		printf 'addon_name=%s\naddon_apply=\naddon_needs=%s\naddon_namespace=\naddon_wait=\naddon_timeout=\n' "$name" "$([ "$name" != c ] || echo b)" > "packed/$name/conf"
		echo 'kind: ConfigMap' > "packed/$name/01-$name.yaml"
	done
	run -0 addon_with packed c b a
	[ "$(grep -o 'packed/.*' asked)" = $'packed/b/01-b.yaml\npacked/c/01-c.yaml\npacked/a/01-a.yaml' ]
	run -1 addon_with packed a multus
	[[ $output == *"WITH=multus: the image does not include this add-on; it includes: a b c. To include it, name it in [addons] include of provider.ini"* ]]
	run -1 addon --packed nowhere x
	[[ $output == *"it includes: none."* ]]
}

@test "needs: in order; a circular dependency is an error" {
	local name
	for name in a b c; do
		mkdir "$T/manifests/$name"
		printf '[addon]\ntitle = x\napply = %s.yaml\n' "$name" > "$T/manifests/$name/addon.ini"
		echo 'kind: ConfigMap' > "$T/manifests/$name/$name.yaml"
	done
	echo 'needs = b c' >> "$T/manifests/a/addon.ini"
	echo 'needs = c' >> "$T/manifests/b/addon.ini"
	run -0 addon_needs a c
	[ "$output" = $'c\nb\na' ]
	echo 'needs = a' >> "$T/manifests/c/addon.ini"
	run -1 addon_needs a
	[[ $output == *"add-on a: it depends on itself"* ]]
}

@test "a single manifest is an add-on too; the provider's takes precedence over the checkout's" {
	echo 'name: @tools_image@' > "$T/manifests/one.yaml"
	run -0 addon_tool --output out one
	[ "$(cat out/one.yaml)" = "name: r.example/kubestamp-tools:7" ]
	mkdir "$T/providers/p/manifests"
	echo 'name: own' > "$T/providers/p/manifests/one.yaml"
	addon_tool --output out one
	[ "$(cat out/one.yaml)" = "name: own" ]
}
