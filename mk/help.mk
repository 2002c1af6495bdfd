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
Use
  cluster-up      start a cluster        cluster-down  end it, without a trace
  stop start      end and boot its nodes, disks kept
  kubectl         ARGS='get pods -A'     env           eval "$$(make env)"
  ssh             NODE= CMD=             console       NODE=, Ctrl-] ends
  status ports    of one cluster         list          all clusters of this user
  logs            a bundle for a bug report
Look
  why             STAGE=: what changed since it last ran
  times           what each stage cost
  force           STAGE=: run it again, and what follows
  gc              remove what is out of date      clean   remove $(B)
Test
  check           unit, fuzz corpus, tools, flows    ONLY=name: one file
  check-e2e       the whole of a Kubernetes provider
endef

.PHONY: help clean
help:
	@$(info $(HELP)) printf '\nVariables\n'
	@$(foreach v,$(HELP_VARS),printf '  %-14s %-18s %s\n' $v $(call quote,$($v)) "$$(sed -n 's/^$v ?=.*## *//p' mk/config.mk)";)

HELP_VARS := $(shell sed -n 's/^\([A-Z_]*\) ?=.*/\1/p' mk/config.mk)

clean:
	@$(STAGE_ENV) mk/sh/clean
