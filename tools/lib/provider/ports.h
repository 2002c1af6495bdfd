/*
 * The ports of a cluster: those of the container that owns its network, the ports of this machine where they are
 * published (on 127.0.0.1), and the nodes that they are forwarded to. SSH of node NN is at port 2200+NN, the registry
 * at 5000, the Kubernetes API at 6443.
 */
#ifndef KS_PROVIDER_PORTS_H
#define KS_PROVIDER_PORTS_H

#include <stddef.h>
#include <stdio.h>

#include "base/conf.h"

struct port {
	unsigned port;         /* of the container */
	unsigned host;         /* where it is published; 0: anywhere */
	unsigned node, target; /* the node's number and its port; 0: the container serves it itself */
};

/* Initialize to zero. */
struct ports {
	struct port *v;
	size_t n;
};

/*
 * Adds the ports that a cluster with these SETTINGS publishes: NODES, SSH_PORT (of node01; those of the other nodes
 * follow), REGISTRY_PORT, API_PORT, PUBLISH, and the API's only if kubernetes_version or API_PORT is set. Invalid values
 * count as empty; NODES as 1. Returns 0, or -1 when out of memory.
 */
int ports_plan(struct ports *p, const struct conf *settings, struct err *e);

/* Can the ports of the plan P be published side by side? Returns 0, or -1: E names the setting or the port. */
int ports_check(const struct ports *p, struct err *e);

/*
 * Adds the ports in PATH, a cluster's file: a line port_PORT=HOST for each, in earlier versions PORT HOST. Other lines
 * are ignored. Returns 0 or -1.
 */
int ports_load(struct ports *p, const char *path, struct err *e);

/* Adds the ports that F has, as podman port and docker port print them: PORT/tcp -> ADDRESS:HOST. Returns 0 or -1. */
int ports_read(struct ports *p, FILE *f, struct err *e);

/* Sorts by port and removes duplicates. */
void ports_sort(struct ports *p);

/* The port with this number in the container; NULL: none. */
const struct port *ports_find(const struct ports *p, unsigned port);

/* What PORT is for, as users see it: registry, k8s, ssh-nodeNN, or node01:PORT. Returns TEXT. */
const char *ports_name(char text[32], unsigned port);

void ports_free(struct ports *p);

#define AUTO_PORTS __attribute__((cleanup(ports_free))) /* struct ports p = { 0 }; freed at the end of its scope */

#endif
