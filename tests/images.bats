# make images, make images-check, MANIFESTS= and EXTRA_IMAGES=: a provider's images, before there is a cluster.
load lib/common
load lib/checkout

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	checkout
	mkdir -p "$T/providers/p/stage" "$T/tests"
	cp "$TOP/GNUmakefile" "$T/"
	ln -s "$TOP/tools" "$T/tools"
	{
		provider_ini "of the test"
		cat <<-'END'

			[images]
			repository = r.example
			tools = 7

			[manifests]
			apply = one

			[stage manifests]
			sections = manifests images
			incremental_files = manifests.apply:manifests/%{.yaml,/*}
		END
	} > "$T/providers/p/provider.ini"
	printf '#!/bin/bash\n' > "$T/providers/p/stage/manifests"
	manifest one @tools_image@ > "$T/manifests/one.yaml"
	# Use the tools that are being tested, and do not build them again.
	mkdir -p b
	ln -s "$(dirname "$BIN")/bin" b/bin
	export XDG_CACHE_HOME=$PWD/cache
}

# manifest NAME IMAGE [MORE]
manifest() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: %s }\nspec: { containers: [{ name: c, image: "%s"%s }] }\n' "$1" "$2" "${3:+, $3}"
}

mk() { make -s -C "$T" PROVIDER=p B="$BATS_TEST_TMPDIR/b" TOOLS='' "$@"; }

@test "images: each image, and what names it" {
	run -0 --separate-stderr mk images
	[ "$(tr -s ' ' <<< "$output")" = "r.example/kubestamp-tools:7 add-on one: Pod/one, container c" ]
	[[ $stderr == *"kubeadm's images are not listed"* ]]
	sed -i 's/^tools = 7/tools = 7\nextra = r.example\/x:1/' "$T/providers/p/provider.ini"
	run -0 --separate-stderr mk images
	[ "$(tr -s ' ' <<< "$output" | tail -n 1)" = "r.example/x:1 [images] extra" ]
	# An add-on without a lock does not hide the others.
	mkdir "$T/manifests/two"
	printf '[addon]\ntitle = x\napply = f.yaml\n[fetch f.yaml]\nurl = https://x/v1/f.yaml\n' > "$T/manifests/two/addon.ini"
	sed -i 's/^apply = one/apply = one two/' "$T/providers/p/provider.ini"
	run -2 --separate-stderr mk images
	[[ $output == *"add-on one: Pod/one, container c"* ]]
	[[ $stderr == *"make pin ADDON=two"* ]]
}

@test "images-check: images that are not declared, always pulled, or latest; declared ones need a digest" {
	run -0 mk images-check
	manifest two q.example/two:1 > two.yaml
	run -2 --separate-stderr mk images-check MANIFESTS="$PWD/two.yaml"
	[ "$output" = "two/two.yaml: Pod/two: container c: q.example/two:1: is not declared" ]
	[[ $stderr == *"Error 3"* ]]
	local digest
	digest=sha256:$(sha256sum < two.yaml | cut -d' ' -f1)
	run -0 mk images-check MANIFESTS="$PWD/two.yaml" EXTRA_IMAGES="q.example/two:1@$digest"
	run -2 mk images-check MANIFESTS="$PWD/two.yaml" EXTRA_IMAGES=q.example/two:1
	[[ $output == *"[images] extra: q.example/two:1: has no digest; "* ]]
	manifest three @tools_image@ 'imagePullPolicy: Always' > "$T/manifests/one.yaml"
	run -2 mk images-check
	[[ $output == *"imagePullPolicy is Always"* ]]
	sed -i 's/^tools = 7/tools = latest/' "$T/providers/p/provider.ini"
	manifest one @tools_image@ > "$T/manifests/one.yaml"
	run -2 mk images-check
	[[ $output == *"r.example/kubestamp-tools:latest: has neither a digest nor a tag other than latest"* ]]
}

@test "kubeadm's images count as declared" {
	mkdir -p kubeadm "$T/providers/p/kubeadm"
	printf '#!/bin/bash\n[ "$1 $2 $3" = "config images list" ] && grep -q "version: v1.2.3" "$5" && echo r.example/kube-apiserver:v1.2.3\n' > kubeadm/kubeadm
	chmod +x kubeadm/kubeadm
	printf '[kubernetes]\nversion = 1.2.3\nsource = upstream\n' >> "$T/providers/p/provider.ini"
	echo 'version: v@version@' > "$T/providers/p/kubeadm/config.yaml"
	export KUBEADM=$PWD/kubeadm/kubeadm TOP=$T BIN PROVIDER_DIRS=providers/p KS_CACHE=$PWD/cache D=$PWD IMAGE_LIST=''
	run -0 "$T/mk/sh/provider/images" list
	[ "$(tr -s ' ' <<< "${lines[0]}")" = "r.example/kube-apiserver:v1.2.3 kubeadm" ]
	manifest one r.example/kube-apiserver:v1.2.3 > "$T/manifests/one.yaml"
	run -0 "$T/mk/sh/provider/images" check
	KUBEADM='' run -3 "$T/mk/sh/provider/images" check
}

@test "MANIFESTS: they are applied after the provider's, and change the stage's key but none of its other values" {
	manifest two r.example/kubestamp-tools:7 > two.yaml
	local none with
	none=$(mk keys)
	with=$(mk keys MANIFESTS="$PWD/two.yaml")
	[ "$none" != "$with" ]
	[ "$(mk keys MANIFESTS="$PWD/two.yaml")" = "$with" ]
	grep -qx 'conf manifests.apply=one two' b/p/inputs/manifests.*
	grep -q '^file manifests/two.yaml ' b/p/inputs/manifests.*
	run ! grep -rq "$PWD" b/p/inputs
	# Another file with the same name has another key; without MANIFESTS, the key is as before.
	mkdir other
	manifest two r.example/kubestamp-tools:7 'tty: true' > other/two.yaml
	[ "$(mk keys MANIFESTS=../other/two.yaml)" != "$with" ]
	[ "$(mk keys)" = "$none" ]
	run -0 --separate-stderr mk images MANIFESTS=../two.yaml
	[[ $output == *"add-on two: Pod/two, container c" ]]
}

@test "MANIFESTS: a missing file, an invalid one, and a name that is already used are refused" {
	run -2 mk keys MANIFESTS=../nothing.yaml
	[[ $output == *"MANIFESTS: ../nothing.yaml: not a readable file"* ]]
	cp "$T/manifests/one.yaml" one.yaml
	run -2 mk keys MANIFESTS=../one.yaml
	[[ $output == *"an add-on 'one' already exists"* ]]
	echo 'a: [' > bad.yaml
	run -2 mk keys MANIFESTS=../bad.yaml
	[[ $output == *"bad.yaml:2: "* ]]
	mkdir other
	manifest two a:1 | tee two.yaml > other/two.yaml
	run -2 mk keys MANIFESTS='../two.yaml ../other/two.yaml'
	[[ $output == *"two files are named two"* ]]
}

@test "image/tools: all of the provider's directories have files in the image; its own replace inherited ones" {
	local PROVIDER_DIRS='providers/p providers/q' OUT=$PWD/out IN_sources=$PWD/none IN_tools=$PWD/tools images_tools=7
	local images_repository=r.example kubernetes_source=go
	mkdir -p out tools/bin "$T"/providers/{p,q}/image/tools/etc
	touch tools/bin/kubehosts
	echo own > "$T/providers/p/image/tools/etc/both"
	echo inherited | tee "$T/providers/q/image/tools/etc/both" > "$T/providers/q/image/tools/etc/one"
	TOP=$T libs file own-images
	own_image() { [ "$1" = kubestamp-tools:7 ] && cp -R "$OUT/tree" packed; }
	images_pinned() { :; }
	images_pull() { :; }
	TOP=$T own_images_end
	[ "$(cat packed/etc/both packed/etc/one | paste -sd ' ')" = "own inherited" ]
	[ -e packed/usr/local/bin/kubehosts ]
}
