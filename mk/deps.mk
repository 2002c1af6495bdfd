# The Debian packages that kubestamp needs. Build: the tools. Make: provisioning. Run: clusters. Test: make check.
# Programs for nodes are compiled in the builder, which has a Go of its own. golang-go is for tests; bump, new-provider and
# outdated of providers with source = go need Go 1.24, and that of Debian 12 is older.
DEPS_BUILD := gcc libc6-dev libcurl4-openssl-dev libarchive-dev libinih-dev libjansson-dev libssl-dev libyaml-dev \
	libzstd-dev zlib1g-dev
DEPS_MAKE := zstd mmdebstrap qemu-utils e2fsprogs dpkg-dev debian-archive-keyring util-linux git
DEPS_RUN := podman runc crun conmon iptables netavark aardvark-dns iproute2 openssh-client openssl skopeo curl socat jq
DEPS_TEST := bats qemu-system-x86 seabios dnsmasq-base docker-registry openssh-server busybox-static iputils-arping \
	shellcheck mandoc clang golang-go libcap2-bin bsdextrautils mount
# Packages of the tests, some of which are servers, are installed only together with tests.
DEPS := $(DEPS_BUILD) $(DEPS_MAKE) $(DEPS_RUN) $(if $(filter check check-e2e fuzz,$(MAKECMDGOALS)),$(DEPS_TEST))

.PHONY: deps
deps:
	@mk/sh/dev/deps $(DEPS)
