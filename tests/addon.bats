# addon: the dependencies, files, images and locks of add-ons. tests/addons.bats tests pinning and applying them.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p own/app all/app all/base cache
	printf '[addon]\ntitle = t\napply = a.yaml b.yaml\nneeds = base one\nnamespace = n\nimages = q/x:@version@ @tools_image@\n' > all/app/addon.ini
	printf '[values]\nversion = v1\na-b = @version@/\n[fetch a.yaml]\nurl = file:///none/@version@/a.yaml\n[replace a.yaml]\nx = old => new @version@\n' >> all/app/addon.ini
	echo '@version@ @a-b@ @cni@' > all/app/b.yaml
	printf '[addon]\ntitle = t\napply = c.yaml\nneeds = one\n' > all/base/addon.ini
	echo 'c: @left?@' > all/base/c.yaml
	echo 'one @cni@' > all/one.yaml
	printf 'an old @cni@\nold old' > file
	hex=$(sha256sum < file | cut -d' ' -f1)
	cp file "cache/$hex"
	printf '[file a.yaml]\nurl = file:///none/v1/a.yaml\nsha256 = %s\n' "$hex" > all/app/lock.ini
	rmdir own/app
}

tool() { addon -I own -I all -D network_cni=bridge -D images_repository=r -D images_tools=7 --cache cache --fetch "$BIN/fetch" "$@"; }

@test "--needs, --path, --images, --urls, --lock" {
	[ "$(tool --needs app)" = $'one\nbase\napp' ]
	[ "$(tool --needs one app base)" = $'one\nbase\napp' ]
	[ "$(tool --path app one)" = $'all/app\nall/one.yaml' ]
	[ "$(tool --images app one)" = $'q/x:v1\nr/kubestamp-tools:7' ]
	[ "$(tool --urls app one)" = $'a.yaml\tfile:///none/v1/a.yaml' ]
	[ "$(tool --lock one base app)" = all/app/lock.ini ]
	echo 'own' > own/one.yaml
	[ "$(tool --path one)" = own/one.yaml ]
}

@test "the files to apply: our own are templates, downloaded ones are changed only by [replace]" {
	run -0 tool --output deep/er/out app
	[ "$(ls deep/er/out)" = $'01-a.yaml\n02-b.yaml' ]
	printf 'an new v1 @cni@\nnew v1 new v1' | cmp - deep/er/out/01-a.yaml
	[ "$(cat deep/er/out/02-b.yaml)" = 'v1 v1/ bridge' ]
	run -0 tool -o out one
	[ "$(cat out/one.yaml)" = 'one bridge' ]
}

@test "--pack: the settings are included, quoted for the shell" {
	sed -i "s/^namespace = n/namespace = n\nwait = crd\/it's pods\/n\/1/" all/app/addon.ini
	run -0 tool --pack out app
	[ "$(. out/conf && echo "$addon_name|$addon_apply|$addon_needs|$addon_namespace|$addon_wait|$addon_timeout")" = \
		"app|--server-side --force-conflicts|base one|n|crd/it's pods/n/1|" ]
	run -0 tool -P out1 one
	[ "$(. out1/conf && echo "$addon_name|$addon_apply|$addon_needs")" = "one||" ]
}

@test "--write: the lock of an add-on, from the digests on standard input" {
	hash=$(printf q/x:v1 | sha256sum | cut -c1-6)
	printf 'a.yaml\t00ff\nq/x:v1\tsha256:11\n' | tool --write new.ini app
	[ "$(cat new.ini)" = "$(printf '; The downloads of the add-on app, as '\''make pin ADDON=app'\'' found them.\n\n[file a.yaml]\nurl = file:///none/v1/a.yaml\nsha256 = 00ff\n\n[image x-%s]\nname = q/x:v1\ndigest = sha256:11' "$hash")" ]
	run -1 tool --write new.ini app <<< nonsense
	[ "$output" = "addon: standard input:1: not NAME<tab>DIGEST" ]
	run -1 tool --write new.ini one < /dev/null
	[ "$output" = "addon: add-on one: it is a single file, which needs no lock" ]
	grep -q 00ff new.ini
}

@test "--pinned: the images of all locks, sorted, then those of the setting images_extra" {
	local zero
	zero=sha256:$(printf %064d 0)
	printf '[image z]\nname = q/z:1\ndigest = sha256:22\n[image y]\nname = q/y:1\ndigest = sha256:11\n' >> all/app/lock.ini
	printf '[image y]\nname = q/y:1\ndigest = sha256:11\n' > all/base/lock.ini
	[ "$(tool --pinned app)" = $'q/y:1\tsha256:11\nq/z:1\tsha256:22' ]
	[ "$(tool -D "images_extra=q/b:1@$zero q/a:1@$zero" --pinned base)" = $'q/y:1\tsha256:11\nq/b:1\t'"$zero"$'\nq/a:1\t'"$zero" ]
	[ -z "$(tool --pinned)" ]
	run -1 tool -D images_extra=q/a:1 --pinned
	[ "$output" = "addon: [images] extra: q/a:1: has no digest; write NAME:TAG@sha256:..." ]
	rm all/app/lock.ini
	run -1 tool --pinned app
	[[ $output == *"make pin ADDON=app" ]]
}

@test "--packed: packed add-ons after those that they need; a missing one is an error" {
	tool --pack packed/app app
	tool --pack packed/base base
	tool --pack packed/one one
	[ "$(addon --packed packed app)" = $'one\nbase\napp' ]
	[ "$(addon --packed packed one app one | sort)" = $'app\nbase\none' ]
	[ -z "$(addon --packed packed)" ]
	rm -r packed/one
	run -1 addon --packed packed app
	[ "$output" = "addon: WITH=one: the image does not include this add-on; it includes: app base. To include it, name it in [addons] include of provider.ini and provision again." ]
}

@test "errors: exit 1, with the add-on and what to do; no incomplete file is left" {
	run -1 tool --path none
	[ "$output" = "addon: no add-on 'none': neither manifests/none/addon.ini nor manifests/none.yaml exists" ]
	sed -i 's/^needs = one/needs = app/' all/base/addon.ini
	run -1 tool --needs one app
	[ "$output" = "addon: add-on app: it depends on itself" ]
	sed -i 's/old => new/other => new/' all/app/addon.ini
	run -1 tool -o out app
	[ "$output" = "addon: add-on app: 'other' is not in a.yaml" ]
	[ -z "$(ls out)" ]
	rm cache/*
	run -1 tool -o out app
	[[ $output == *"addon: add-on app: a.yaml: "*"fetch failed" ]]
	[ -z "$(ls out)" ]
	sed -i 's/^version = v1/version = v2/' all/app/addon.ini
	run -1 tool -o out app
	[ "$output" = "addon: all/app/lock.ini: it does not pin file:///none/v2/a.yaml; run: make pin ADDON=app" ]
	rm all/app/lock.ini
	run -1 tool --lock app
	[[ $output == "addon: add-on app: it has no lock.ini, "*"make pin ADDON=app" ]]
	sed -i 's/^title.*/titel = x/' all/app/addon.ini
	run -1 tool --path app
	[[ $output == "addon: all/app/addon.ini:2: "* ]]
}

@test "an add-on's program makes a file; its exit status is passed on" {
	printf '#!/bin/sh\nls "$1"; exit "${FAIL:-0}"\n' > all/app/b.yaml.render
	chmod +x all/app/b.yaml.render
	rm all/app/b.yaml
	export TMPDIR=$PWD
	run -0 tool -o out app
	[ "$(cat out/02-b.yaml)" = a.yaml ]
	FAIL=7 run -7 tool -o out app
	[ ! -e out/02-b.yaml ]
	[ -z "$(ls -d addon.* 2> /dev/null)" ]
}

@test "usage errors" {
	refuses addon 'one of --needs*' app
	refuses addon 'only one of *' --needs --path app
	refuses addon 'one add-on is needed' --output out a b
	refuses addon "'x' is not NAME=VALUE" -D x --path app
}
