# Shared by the tests that use a registry: `load lib/registry` after lib/common.
# shellcheck shell=bash

# registry_setup: change to the test's directory, with no configuration but the test's own, and start the test registry.
# $R is its HOST:PORT, and its data are in state/.
registry_setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY REGISTRY_AUTH_FILE DOCKER_CONFIG \
		XDG_RUNTIME_DIR XDG_CONFIG_HOME
	export HOME=$PWD/home XDG_CACHE_HOME=$PWD/cache
	mkdir home state
	perl "$BATS_TEST_DIRNAME/lib/registry.pl" state 3>&- &
	keep_pid $!
	wait_for 10 [ -e state/port ]
	PORT=$(cat state/port)
	R=127.0.0.1:$PORT
}

# registry_layout: make the layout lay with the image x: a large and a small file, each in its own layer. $BIG, $SMALL and $M
# are the digests of the layers and of the manifest, $SIZE is the number of bytes of the large layer.
# shellcheck disable=SC2034 # the tests' variables
registry_layout() {
	local made=$BATS_FILE_TMPDIR/layout
	# Made by the file's first test, and copied by the others.
	if [ ! -e "$made" ]; then
		mkdir "$made.new"
		# Text, which the rule "corrupt" can change; more than one write of libcurl.
		perl -e 'srand 1; print join "", map { chr 97 + rand 26 } 1 .. 3_000_000' > "$made.new/big"
		perl -e 'srand 2; print join "", map { chr 97 + rand 26 } 1 .. 5_000' > "$made.new/small"
		(cd "$made.new" && ocipack -t x --compress none --file big=big --file small=small lay)
		mv "$made.new" "$made"
	fi
	cp -R "$made"/{big,small,lay} .
	BIG=$(layer lay 0) SMALL=$(layer lay 1) SIZE=$(stat -c %s "$(blob lay "$(layer lay 0)")")
	M=$(ocipack --list lay | awk '$1 == "x" { print $2 }')
}

# mode [RULE...]: how the test registry misbehaves (see tests/lib/registry.pl).
mode() {
	rm -rf state/seen
	mkdir state/seen
	printf '%s\n' "$@" > state/mode
}

# forget: empty the test registry.
forget() {
	rm -rf state/blobs state/repos state/uploads
	mkdir state/blobs state/repos state/uploads
}

# noise N: print N incompressible bytes, always the same.
noise() { head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032d 1)" -iv "$(printf %032d 1)"; }

# take_back SOURCE DEST [OPTION...]: copy an image unchanged with skopeo.
take_back() { skopeo copy -q --src-tls-verify=false --dest-oci-accept-uncompressed-layers "${@:3}" "$1" "$2"; }

# asked: print the methods and statuses in the registry's log.
asked() { awk '{ print $1, $3 }' state/log | paste -sd' '; }

# entry USER:PASSWORD: print a credentials file for $R.
entry() { echo "{\"auths\": {\"$R\": {\"auth\": \"$(printf %s "$1" | base64)\"}}}"; }

# login: store the right credentials in docker's file.
login() {
	mkdir -p home/.docker
	entry user:secret > home/.docker/config.json
}

# layer LAYOUT N: print the digest of the N-th layer of image x. blob LAYOUT HEX: print the path of a blob.
layer() {
	local m
	m=$(ocipack --list "$1" | awk '$1 == "x" { print $2 }')
	jq -r ".layers[$2].digest" "$1/blobs/sha256/${m#sha256:}" | cut -d: -f2
}
blob() { echo "$1/blobs/sha256/$2"; }

# several LAYOUT: make a layout whose only image is an index of two platforms, $INDEX.
several() {
	local a b
	ocipack -t a --arch amd64 --file big=f "$1"
	ocipack -t b --arch arm64 --file small=f "$1"
	a=$(ocipack --list "$1" | awk '$1 == "a" { print $2 }') b=$(ocipack --list "$1" | awk '$1 == "b" { print $2 }')
	desc() {
		printf '{"mediaType":"application/vnd.oci.image.%s.v1+json","digest":"%s","size":%d%s}' "$2" "$3" \
			"$(stat -c %s "$1/blobs/sha256/${3#sha256:}")" "$4"
	}
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' \
		"$(desc "$1" manifest "$a" ',"platform":{"architecture":"amd64","os":"linux"}')" \
		"$(desc "$1" manifest "$b" ',"platform":{"architecture":"arm64","os":"linux"}')" > index
	INDEX=$(sha256sum index | cut -d' ' -f1)
	mv index "$1/blobs/sha256/$INDEX"
	printf '{"schemaVersion":2,"manifests":[%s]}' \
		"$(desc "$1" index "sha256:$INDEX" ',"annotations":{"org.opencontainers.image.ref.name":"m"}')" > "$1/index.json"
}

# make_certificate: make the authority certs/ca.crt and a certificate for 127.0.0.1 signed by it.
make_certificate() {
	mkdir certs
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out certs/ca.crt -days 2 \
		-subj /CN=test-ca 2> /dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr \
		-subj /CN=127.0.0.1 2> /dev/null
	openssl x509 -req -in server.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1) 2> /dev/null
}

# make_client_certificate: make client.cert and client.key, signed by the same authority.
make_client_certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.csr \
		-subj /CN=client 2> /dev/null
	openssl x509 -req -in client.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -out client.cert -days 2 \
		-extfile <(echo extendedKeyUsage=clientAuth) 2> /dev/null
}

# docker_registry [again] [tls] [clients] [login]: start docker-registry as $REGISTRY_PID; $R is its HOST:PORT. again: at the
# same port and with the same data; clients: require a client certificate.
docker_registry() {
	command -v docker-registry > /dev/null || skip "docker-registry is not installed"
	case " $* " in *" again "*) ;; *) R=127.0.0.1:$(free_port) ;; esac
	cat > registry.yml <<-END
		version: 0.1
		log: { level: error, accesslog: { disabled: true } }
		storage:
		  filesystem: { rootdirectory: $PWD/registry }
		http:
		  addr: $R
	END
	case " $* " in
	*" clients "*) echo "  tls: { certificate: $PWD/server.pem, key: $PWD/server.key, clientcas: [$PWD/certs/ca.crt] }" ;;
	*" tls "*) echo "  tls: { certificate: $PWD/server.pem, key: $PWD/server.key }" ;;
	esac >> registry.yml
	case " $* " in
	*" login "*)
		# shellcheck disable=SC2016
		perl -e 'print "user:", crypt("secret", q($2b$05$abcdefghijklmnopqrstuu)), "\n"' > htpasswd
		echo "auth: { htpasswd: { realm: test, path: $PWD/htpasswd } }" >> registry.yml
		;;
	esac
	docker-registry serve registry.yml > registry.log 2>&1 3>&- &
	REGISTRY_PID=$!
	keep_pid "$REGISTRY_PID"
	wait_for 20 curl -sk -o /dev/null "http://$R/v2/"
}
