# make help: goals and variables, from here and from config.mk.

define HELP
kubestamp: Kubernetes clusters, stamped out.

  sudo make deps cluster-up     install packages, make the cluster's image once, start it
  sudo make deps check          install packages, run the tests

Make
  deps            install Debian packages by name (elsewhere: list what is missing)
  doctor          what a cluster needs of this machine, and what to do about it
  tools           build the tools into $(BIN)
  provision       every stage up to the provider's image (image is the same)
  check-provider  a cluster from that image, with the network cut off
  publish         REGISTRY=: the image to a registry     publish-all  all that changed
Providers
  images          every image, and what names it     images-check  would anything be pulled?
  pin             ADDON=: look up digests once        outdated      which are behind upstream
  provider-show   its settings, and from where    sources-list  what it takes from upstream
  bump            PROVIDER= VERSION=                  new-provider  NAME= FROM= VERSION=
  matrix          PROVIDERS=: one after another       bundle        all downloads as one file, for BUNDLE=
Use
  cluster-up      start a cluster        cluster-down  end it, without a trace
  cluster-up      IMAGE=: from a registry, nothing is provisioned
  stop start      end and boot its nodes, disks kept
  kubectl         ARGS='get pods -A'     env           eval "$$(make env)"
  ssh             NODE= CMD=             console       NODE=, Ctrl-] ends
  status ports    of one cluster         list          all clusters of this user
  image-push      IMG=: to its registry  image-load    IMG=: into its nodes
  cluster-show    its settings and where each comes from: of the running cluster, or what cluster-up would use
  logs            a bundle for a bug report
  cluster-save    NAME=: as it is now; it goes on        cluster-saves        all that are saved
  cluster-restore NAME=: back to it, or as CLUSTER=      cluster-save-delete  NAME=
  cluster-pause   stop its nodes' CPUs for a while       cluster-unpause      let them run again
Look
  why             STAGE=: what changed since it last ran
  times           what each stage cost
  force           STAGE=: run it again, and what follows
  gc              remove what is out of date      clean   remove $(B)
Test
  check           unit, fuzz corpus, tools, flows    ONLY=name: one file
  check-e2e       the whole of a Kubernetes provider
  conformance     Kubernetes' own tests in a running cluster, where their images are declared
  bench           what it takes, ours and the others'    ONLY=resume: one benchmark
endef

.PHONY: help clean
help:
	@$(info $(HELP)) printf '\nVariables\n'
	@$(foreach v,$(SETTINGS),printf '  %-14s %-18s %s\n' $v $(call quote,$(call setting-value,$v)) "$$(sed -n 's/^$v ?=.*## *//p' mk/config.mk)";)

clean:
	@$(with-settings) mk/sh/dev/clean
