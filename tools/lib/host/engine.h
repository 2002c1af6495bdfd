/*
 * Which container engine works on this machine, and with which options. Each combination is tested by running pause
 * --version in a container with a published port, starting with no options. Known reasons for failure: crun does not
 * support cgroup v1 in hybrid mode; limits cannot be raised without CAP_SYS_RESOURCE; the default cgroup manager needs
 * systemd.
 */
#ifndef KS_HOST_ENGINE_H
#define KS_HOST_ENGINE_H

#include "base/err.h"
#include "base/words.h"

struct engine {
	struct words command; /* the engine and its global options */
	struct words run;     /* options of its run command */
};

/*
 * Tries podman or docker, NAME, with the container's root file system in TREE/root and, as an archive, in
 * TREE/root.tar. Returns 1 with E filled in; 0 if it does not work, with the reason in WHY; or -1.
 */
int engine_try(struct engine *e, const char *name, const char *tree, struct err *why);

void engine_free(struct engine *e);

#endif
