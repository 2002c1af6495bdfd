# Settings of a cluster that cannot be right, of each kind one or more.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests use it
wrong_settings=(NODES=0 NODES=100 NODES= NODES=two CLUSTER=A_b NICS=x MEMORY=plenty CPUS=0 DISK=-1 ACCEL=hvf ENGINE=crio API_PORT=0
	API_PORT=65536 SSH_PORT=123456 REGISTRY_PORT=x PUBLISH=80:x PUBLISH=70000 PUBLISH=99999:80 PUBLISH=123456 PUBLISH=08:80 BOOT_TIMEOUT=0 RESUME=perhaps STATES=many 'WITH=a;b')
