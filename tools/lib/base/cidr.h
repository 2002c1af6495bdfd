/* ADDRESS/LENGTH: an IP address and the length of its network's prefix (RFC 4632, 3.1; RFC 4291, 2.3). */
#ifndef KS_BASE_CIDR_H
#define KS_BASE_CIDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct cidr {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} address;       /* as it was given: bits after the prefix may be set */
	unsigned length; /* bits: at most 32, or 128 for IPv6 */
};

/* Do the first BITS bits of two addresses of one family agree? */
bool cidr_same_prefix(const void *a, const void *b, unsigned bits);

/* Is A the address of the network itself, or its broadcast address? BITS, the length of the network's prefix: 1 to 31. */
bool cidr_is_edge(struct in_addr a, unsigned bits);

/* Parses the N bytes of TEXT. Returns 0, or -1 for anything else, with C undefined. */
int cidr_parse(struct cidr *c, const char *text, size_t n);

#endif
