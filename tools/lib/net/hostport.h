/* Parsing HOST, HOST:PORT and [ADDRESS6]:PORT. */
#ifndef KS_NET_HOSTPORT_H
#define KS_NET_HOSTPORT_H

#include "base/err.h"

struct hostport {
	char host[256]; /* a name or an address, without brackets */
	char port[6];   /* decimal, 1 to 65535 */
};

/* Parses SPEC; PORT is the default port. Returns 0 or -1. */
int hostport_parse(struct hostport *hp, const char *spec, const char *port, struct err *e);

#endif
