# What the tests of regpush and regpull share: `load lib/registry` after lib/common.
# shellcheck shell=bash

# registry_setup: in the test's directory, with no configuration but the test's own; the registry of the tests runs,
# $R is its HOST:PORT and state/ what it has.
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

# registry_layout: the layout lay, tag x: a large file and a small one, each a layer. $BIG, $SMALL and $M are the digests of
# these and of the manifest, $SIZE the large one's bytes.
# shellcheck disable=SC2034 # the tests' variables
registry_layout() {
	# Text, so that it can be told from what it is not; several writes of libcurl's.
	perl -e 'srand 1; print join "", map { chr 97 + rand 26 } 1 .. 3_000_000' > big
	perl -e 'srand 2; print join "", map { chr 97 + rand 26 } 1 .. 5_000' > small
	ocipack -t x --compress none --file big=big --file small=small lay
	BIG=$(layer lay 0) SMALL=$(layer lay 1) SIZE=$(stat -c %s "$(blob lay "$(layer lay 0)")")
	M=$(ocipack --list lay | awk '$1 == "x" { print $2 }')
}

# mode [RULE...]: what the registry of the tests does otherwise than well (tests/lib/registry.pl).
mode() {
	rm -rf state/seen
	mkdir state/seen
	printf '%s\n' "$@" > state/mode
}

# forget: the registry of the tests has nothing any more.
forget() {
	rm -rf state/blobs state/repos state/uploads
	mkdir state/blobs state/repos state/uploads
}

# noise N: so many bytes that do not compress, always the same.
noise() { head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032d 1)" -iv "$(printf %032d 1)"; }

# take_back SOURCE DEST [OPTION...]: skopeo copies it, as it is.
take_back() { skopeo copy -q --src-tls-verify=false --dest-oci-accept-uncompressed-layers "${@:3}" "$1" "$2"; }

# asked: methods and answers of the registry's log.
asked() { awk '{ print $1, $3 }' state/log | paste -sd' '; }

# entry USER:PASSWORD: a file of credentials for $R.
entry() { echo "{\"auths\": {\"$R\": {\"auth\": \"$(printf %s "$1" | base64)\"}}}"; }

# login: the right credentials, where docker keeps them.
login() {
	mkdir -p home/.docker
	entry user:secret > home/.docker/config.json
}

# layer LAYOUT N: the digest of the N-th layer of image x. blob LAYOUT HEX: its file.
layer() {
	local m
	m=$(ocipack --list "$1" | awk '$1 == "x" { print $2 }')
	jq -r ".layers[$2].digest" "$1/blobs/sha256/${m#sha256:}" | cut -d: -f2
}
blob() { echo "$1/blobs/sha256/$2"; }

# several LAYOUT: a layout with nothing but an index of two platforms, $INDEX.
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

# make_certificate: certs/ca.crt and a certificate for 127.0.0.1 that it signed.
make_certificate() {
	mkdir certs
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out certs/ca.crt -days 2 \
		-subj /CN=test-ca 2> /dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr \
		-subj /CN=127.0.0.1 2> /dev/null
	openssl x509 -req -in server.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1) 2> /dev/null
}

# make_client_certificate: client.cert and client.key, which the same authority signed.
make_client_certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.csr \
		-subj /CN=client 2> /dev/null
	openssl x509 -req -in client.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -out client.cert -days 2 \
		-extfile <(echo extendedKeyUsage=clientAuth) 2> /dev/null
}

# docker_registry [again] [tls] [clients] [login]: docker-registry runs as $REGISTRY_PID, and $R is its HOST:PORT.
# again: with what it has, where it was; clients: those without a certificate are refused.
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
