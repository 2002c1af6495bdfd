/* Credentials for registries, from the files of podman, skopeo and docker (containers-auth.json(5)). */
#ifndef KS_REGISTRY_CREDENTIALS_H
#define KS_REGISTRY_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Initialize to zero; regcred_free overwrites the secrets. */
struct regcred {
	char *user, *password;
	char *identity; /* a refresh token, in place of a password; or NULL */
	char *from;     /* their source: a file, or a helper program */
};

/*
 * Finds the credentials for REPO at HOST: in FILE (NULL: $REGISTRY_AUTH_FILE, or else
 * ${XDG_RUNTIME_DIR}/containers/auth.json), then in containers/auth.json and docker's config.json of the user's
 * configuration. Helpers must finish by DEADLINE (of now_ms). Returns 1, 0 if there are none, or -1.
 */
int regcred_find(
    struct regcred *c, const char *file, const char *host, const char *repo, int64_t deadline, struct err *e);
void regcred_free(struct regcred *c);

/* Overwrites the string S and frees it; NULL is allowed. */
void regcred_forget(char *s);

/*
 * Parses one file. Returns 1 with the credentials; 2 with HELPER (free it): docker-credential-HELPER has them; 0 if
 * there are none; or -1.
 */
int regcred_parse(
    struct regcred *c, char **helper, const char *text, size_t n, const char *host, const char *repo, struct err *e);

/* Parses a helper's answer to "get". Returns 1, 0 or -1. */
int regcred_parse_helper(struct regcred *c, const char *text, size_t n, struct err *e);

#endif
