/* Credentials of registries, from where podman, skopeo and docker keep them (containers-auth.json(5)). */
#ifndef KS_REGISTRY_CREDENTIALS_H
#define KS_REGISTRY_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Start with zeros; regcred_free forgets the secrets too. */
struct regcred {
	char *user, *password;
	char *identity; /* a token to be exchanged for others, instead of a password; or NULL */
	char *from;     /* where they are from: a file, or a helper's program */
};

/*
 * Finds the credentials for REPO at HOST: first in FILE (NULL: $REGISTRY_AUTH_FILE, or else
 * ${XDG_RUNTIME_DIR}/containers/auth.json), then in containers/auth.json and docker's config.json of the user's
 * configuration. Helpers must be done by DEADLINE (of now_ms). Returns 1, 0 when there are none, or -1.
 */
int regcred_find(
    struct regcred *c, const char *file, const char *host, const char *repo, int64_t deadline, struct err *e);
void regcred_free(struct regcred *c);

/* Makes a string of S's size unreadable and frees it; NULL is allowed. */
void regcred_forget(char *s);

/*
 * Reads the contents of one file. Returns 1 with the credentials; 2 with HELPER (free it): docker-credential-HELPER
 * knows them; 0 when there are none; or -1.
 */
int regcred_parse(
    struct regcred *c, char **helper, const char *text, size_t n, const char *host, const char *repo, struct err *e);

/* Reads what a helper said to "get". Returns 1, 0 or -1. */
int regcred_parse_helper(struct regcred *c, const char *text, size_t n, struct err *e);

#endif
