/* The inventory of a cluster's network, the input of dnsconf(1). */
#ifndef KS_PROVIDER_INVENTORY_H
#define KS_PROVIDER_INVENTORY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mac.h"

/* A node, which gets its addresses by DHCP, or a name for a fixed address. */
struct inv_host {
	bool node;
	char name[64];
	char mac[MAC_TEXT]; /* of a node, in lower case */
	struct in_addr v4;
	struct in6_addr v6;
	bool has_v4, has_v6;
	int line; /* where its section begins */
};

struct inventory {
	char bridge[16];
	char domain[256]; /* empty: none */
	struct in_addr v4;
	struct in6_addr v6;
	unsigned prefix4, prefix6; /* bits; prefix6 64, or 0: no IPv6 */
	bool upstream;             /* other names are looked up outside */
	char leasefile[256];
	struct inv_host *hosts;
	size_t n;
};

/*
 * Reads and checks the file PATH into INV, which must be initialized to zero. Errors give the file, the line and the
 * key. Returns 0 or -1; call inventory_free in both cases.
 */
int inventory_read(struct inventory *inv, const char *path, struct err *e);

/* The same from N bytes of memory. */
int inventory_parse(struct inventory *inv, const void *data, size_t n, struct err *e);

void inventory_free(struct inventory *inv);

#endif
