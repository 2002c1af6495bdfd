/* WWW-Authenticate: how a server wants to be convinced (RFC 9110, 11.6.1; RFC 6750, 3). */
#ifndef KS_REGISTRY_CHALLENGE_H
#define KS_REGISTRY_CHALLENGE_H

#include <stdbool.h>

/* Start with zeros; free with challenge_free. */
struct challenge {
	bool basic, bearer;
	char *realm, *service; /* of Bearer; NULL: not said */
};

/*
 * Adds what one header's VALUE asks for, which may be several things. What cannot be understood is left out: a server
 * may offer more than we know. Returns 0, or -1 when out of memory.
 */
int challenge_add(struct challenge *c, const char *value);
void challenge_free(struct challenge *c);

#endif
