/* The WWW-Authenticate header: the kinds of authentication that a server accepts (RFC 9110, 11.6.1; RFC 6750, 3). */
#ifndef KS_REGISTRY_CHALLENGE_H
#define KS_REGISTRY_CHALLENGE_H

#include <stdbool.h>

/* Initialize to zero; free with challenge_free. */
struct challenge {
	bool basic, bearer;
	char *realm, *service; /* of Bearer; NULL: not given */
};

/*
 * Adds the challenges in the VALUE of one header. Unknown kinds are ignored, since a server may offer others too.
 * Returns 0, or -1 if out of memory.
 */
int challenge_add(struct challenge *c, const char *value);
void challenge_free(struct challenge *c);

#endif
