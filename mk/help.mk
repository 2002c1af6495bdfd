# make help: prints the goals, and the variables that config.mk declares.

define HELP
kubestamp: build and run Kubernetes clusters.

  sudo make deps cluster-up     install packages, build the image of the cluster once, start the cluster
  sudo make deps check          install packages, run the tests

Build
  deps            install Debian packages (on other systems: list what is missing)
  doctor          check the requirements for a cluster on this machine
  tools           build the tools into $(BIN)
  provision       run all stages up to the image of the provider (same as image)
  check-provider  start a cluster from that image without network access
  publish         REGISTRY=: push the image      publish-all   push all images that have changed
Providers
  images          list all images and what refers to them
  images-check    report images that a cluster would have to pull
  pin             ADDON=: pin digests            outdated      list providers behind their upstream version
  provider-show   settings and their sources     sources-list  list what is downloaded from upstream
  bump            PROVIDER= VERSION= [MODULE=]   new-provider  NAME= FROM= VERSION=
  matrix          PROVIDERS=: provision each     bundle        put what is downloaded into a file, for BUNDLE=
Use
  cluster-up      start a cluster; with IMAGE= from a registry, without provisioning
  cluster-down    stop and remove it
  stop, start     shut down and boot its nodes; disks are kept
  kubectl         ARGS='get pods -A'             env           eval "$$(make env)"
  ssh             NODE= CMD=                     console       NODE=; Ctrl-] ends it
  status, ports   of one cluster                 list          all clusters of this user
  cluster-show    its settings and where each comes from; if there is no cluster, what cluster-up would use
  image-push      IMG=: to its registry          image-load    IMG=: into its nodes
  logs            collect the logs for a bug report
  cluster-save    NAME=: save it as it is; it keeps running
  cluster-saves   list saved clusters            cluster-save-delete  NAME=
  cluster-restore NAME=: go back to a saved cluster, or start it as CLUSTER=
  cluster-pause   pause its nodes                cluster-unpause      let them continue
Inspect
  why             STAGE=: what has changed since it last ran
  times           how long each stage took       keys          print the key of each stage
  force           STAGE=: run it and the stages that depend on it again
  gc              remove outdated files          clean         remove $(B)
Test
  check           all tests except check-e2e     ONLY=NAME: tests/NAME.bats only
  check-e2e       test a Kubernetes provider from end to end  ONLY=e2e-k8s: one file
  conformance     run the Kubernetes conformance tests in a running cluster
  bench           run the benchmarks             ONLY=NAME: one benchmark
  fuzz            TARGET=: run a fuzz target for FUZZ_SECONDS=
endef

.PHONY: help clean
help:
	@$(info $(HELP)) printf '\nVariables\n'
	@$(foreach v,$(SETTINGS),printf '  %-14s %-18s %s\n' $v $(call quote,$(call setting-value,$v)) "$$(sed -n 's/^$v ?=.*## *//p' mk/config.mk)";)

clean:
	@$(with-settings) mk/sh/dev/clean
