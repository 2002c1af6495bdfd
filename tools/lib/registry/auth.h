/* How requests to a registry are authorized: Basic, or Bearer tokens that are fetched and renewed. */
#ifndef KS_REGISTRY_AUTH_H
#define KS_REGISTRY_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/challenge.h"
#include "base/err.h"
#include "registry/credentials.h"
#include "registry/http.h"
#include "base/words.h"

enum regauth_kind { REGAUTH_NONE, REGAUTH_BASIC, REGAUTH_BEARER };

/* Start with zeros and the first members set. */
struct regauth {
	const char *host, *repo; /* whose credentials */
	const char *authfile;    /* NULL: the usual places */
	struct words scopes;     /* what a token shall be good for: "repository:REPO:pull" */
	int64_t deadline;        /* of now_ms */
	bool plain;              /* a token's server may be spoken to over http */
	/* What is known so far. */
	enum regauth_kind kind;
	unsigned generation; /* counts the tokens */
	bool worked;         /* a request with a login was let in: the caller's to set */
	struct regcred cred_;
	bool looked_;
	struct challenge challenge_;
	char *token_;
	int64_t expires_; /* of now_ms; 0: there is no token */
};

/* The value of an Authorization header that is to be sent now (regcred_forget it), or NULL: none, or out of memory. */
char *regauth_header(const struct regauth *a);

/* Is a token to be fetched before the next request? */
bool regauth_wants_token(const struct regauth *a);

/*
 * A server has said 401 with CHALLENGES to a request that was made with GENERATION's token. Returns 0 when another
 * attempt is worth it, or -1.
 */
int regauth_challenged(struct regauth *a, const struct words *challenges, unsigned generation, struct err *e);

/* Sets E to what it means when no attempt is worth it any more. Returns -1 always. */
int regauth_refused(const struct regauth *a, struct err *e);

/* Makes R the request for a token; its URL and text become A's answer to the challenge. Returns 0 or -1. */
int regauth_ask(struct regauth *a, struct reghttp_request *r, struct err *e);

/* Takes the answer to it. Returns 0 or -1. */
int regauth_take(struct regauth *a, const struct reghttp_answer *answer, struct err *e);

/* Reads a token server's answer. Returns the token (regcred_forget it) and how many seconds it lasts, or NULL. */
char *regauth_parse_token(const char *text, size_t n, int64_t *seconds, struct err *e);

void regauth_free(struct regauth *a);

#endif
