/* The networks of a cluster, as [network] of provider.ini describes them: which addresses can be together. */
#ifndef KS_PROVIDER_NETWORK_H
#define KS_PROVIDER_NETWORK_H

#include "base/err.h"

/* Values of [network]; NULL: not set. Each is valid for its key's type. */
struct network {
	const char *address, *address6;     /* of the bridge, with the length of the nodes' network */
	const char *first_node;             /* the address of node NN is this one plus NN */
	const char *pod_cidr, *service_cidr; /* one network, or several with commas between them */
	const char *dns_address;            /* of the DNS service */
};

/*
 * Can the nodes, pods and services have these networks? They must not overlap; the addresses must be those of a host,
 * in the network that they belong to. Returns 0, or -1 with the key that has to be changed in KEY.
 */
int network_check(const struct network *n, const char **key, struct err *e);

#endif
