/* Authentication to a registry: Basic, or Bearer tokens, which are fetched and renewed (distribution, "Token
 * Authentication"). */
#ifndef KS_REGISTRY_AUTH_H
#define KS_REGISTRY_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/words.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/http.h"

enum regauth_kind { REGAUTH_NONE, REGAUTH_BASIC, REGAUTH_BEARER };

/* Initialize to zero and set the first members. */
struct regauth {
	const char *host, *repo; /* to look up credentials */
	const char *authfile;    /* NULL: the default files */
	struct words scopes;     /* what tokens are requested for: "repository:REPO:pull" */
	int64_t deadline;        /* of now_ms */
	bool plain;              /* http is allowed for the token server */
	/* State. */
	enum regauth_kind kind;
	unsigned generation; /* incremented with each new token or login */
	bool worked;         /* set by the caller: an authenticated request was accepted */
	struct regcred cred_;
	bool looked_;
	struct challenge challenge_;
	char *token_;
	int64_t expires_; /* of now_ms; 0: no token */
};

/* The value of the Authorization header to send now (regcred_forget it). NULL: none, or out of memory. */
char *regauth_header(const struct regauth *a);

/* Must a token be fetched before the next request? */
bool regauth_wants_token(const struct regauth *a);

/*
 * The registry answered 401 with CHALLENGES to a request made with GENERATION's token or login. Returns 0 if another
 * attempt may help, or -1.
 */
int regauth_challenged(struct regauth *a, const struct words *challenges, unsigned generation, struct err *e);

/* Sets E to the reason why authentication failed. Returns -1. */
int regauth_refused(const struct regauth *a, struct err *e);

/* Sets R to the request for a token. Returns 0 or -1. */
int regauth_ask(struct regauth *a, struct reghttp_request *r, struct err *e);

/* Takes the token from the answer to that request. Returns 0 or -1. */
int regauth_take(struct regauth *a, const struct reghttp_answer *answer, struct err *e);

/* Parses a token server's answer. Returns the token (regcred_forget it) and its lifetime in SECONDS, or NULL. */
char *regauth_parse_token(const char *text, size_t n, int64_t *seconds, struct err *e);

void regauth_free(struct regauth *a);

#endif
