#include "registry/auth.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "oci/document.h"
#include "registry/url.h"

/* The lifetime of a token if the server does not say, and the longest one. The last tenth of it is not used. */
enum { TOKEN_SECONDS = 60, MAX_SECONDS = 86400 };

char *regauth_header(const struct regauth *a)
{
	AUTO_FREE char *both = NULL;
	char *text = NULL;
	int n;

	if (a->kind == REGAUTH_BEARER && a->token_ != NULL)
		return asprintf(&text, "Bearer %s", a->token_) >= 0 ? text : NULL;
	if (a->kind != REGAUTH_BASIC || a->cred_.user == NULL)
		return NULL;
	n = asprintf(&both, "%s:%s", a->cred_.user, a->cred_.password);
	if (n < 0) {
		both = NULL;
		return NULL;
	}
	text = calloc(1, sizeof "Basic " + 4 * ((size_t)n / 3 + 1));
	if (text != NULL) {
		(void)strcpy(text, "Basic ");
		(void)EVP_EncodeBlock((unsigned char *)text + strlen(text), (const unsigned char *)both, n);
	}
	explicit_bzero(both, (size_t)n);
	return text;
}

bool regauth_wants_token(const struct regauth *a)
{
	return a->kind == REGAUTH_BEARER && now_ms() >= a->expires_;
}

int regauth_refused(const struct regauth *a, struct err *e)
{
	if (a->cred_.from == NULL)
		return err_set(e, "login required, but no credentials found for %s", a->host);
	return err_set(e, "the registry refused the user or password (from %s)", a->cred_.from);
}

/* Chooses the kind of authentication after the first 401. */
static int choose(struct regauth *a, struct err *e)
{
	if (a->challenge_.bearer && a->challenge_.realm != NULL) {
		if (!a->plain && strncasecmp(a->challenge_.realm, "https://", 8) != 0)
			return err_set(e, "its token server uses http, which would expose the credentials");
		a->kind = REGAUTH_BEARER;
		return 0;
	}
	if (!a->challenge_.basic)
		return err_set(e, "unknown kind of authentication");
	if (a->cred_.user == NULL)
		return regauth_refused(a, e);
	a->kind = REGAUTH_BASIC;
	return 0;
}

int regauth_challenged(struct regauth *a, const struct words *challenges, unsigned generation, struct err *e)
{
	struct challenge c = { 0 };
	size_t i;

	/* A login that was accepted before is tried again. */
	if (a->kind == REGAUTH_BASIC)
		return generation == 0 || a->worked ? 0 : regauth_refused(a, e);
	/* With an older token: another task has a new one by now, or is getting one. */
	if (a->kind == REGAUTH_BEARER) {
		if (generation == a->generation)
			a->expires_ = 0;
		return 0;
	}
	for (i = 0; i < challenges->n; i++)
		if (challenge_add(&c, challenges->v[i]) < 0) {
			challenge_free(&c);
			return err_no_memory(e);
		}
	challenge_free(&a->challenge_);
	a->challenge_ = c;
	if (!a->looked_ && regcred_find(&a->cred_, a->authfile, a->host, a->repo, a->deadline, e) < 0)
		return -1;
	a->looked_ = true;
	if (choose(a, e) < 0)
		return -1;
	/* A new generation tells requests with a Basic header from those before. */
	a->generation += a->kind == REGAUTH_BASIC;
	return 0;
}

/* Adds "NAME=VALUE" to the form or query *TEXT. Returns 0 or -1. */
static int add(char **text, bool form, const char *name, const char *value)
{
	AUTO_FREE char *old = *text;

	*text = regurl_add(old != NULL ? old : "", name, value);
	/* A form has no question mark in front. */
	if (*text != NULL && form && old == NULL)
		(void)memmove(*text, *text + 1, strlen(*text));
	else if (*text != NULL && form)
		(*text)[strlen(old)] = '&';
	return *text != NULL ? 0 : -1;
}

static int add_list(char **text, const struct words *scopes)
{
	AUTO_FREE char *list = strdup("");
	char *longer;
	size_t i;

	for (i = 0; list != NULL && i < scopes->n; i++) {
		if (asprintf(&longer, "%s%s%s", list, i > 0 ? " " : "", scopes->v[i]) < 0)
			return -1;
		free(list);
		list = longer;
	}
	return list != NULL ? add(text, true, "scope", list) : -1;
}

int regauth_ask(struct regauth *a, struct reghttp_request *r, struct err *e)
{
	bool form = a->cred_.identity != NULL;
	char *text = form ? NULL : strdup(a->challenge_.realm);
	int rc = 0;
	size_t i;

	reghttp_request_free(r);
	r->method = form ? "POST" : "GET";
	if (form) {
		rc |= add(&text, form, "grant_type", "refresh_token");
		rc |= add(&text, form, "client_id", "kubestamp");
		rc |= add(&text, form, "refresh_token", a->cred_.identity);
	}
	if (a->challenge_.service != NULL)
		rc |= add(&text, form, "service", a->challenge_.service);
	/* A form has one list of scopes, a query has one parameter for each. */
	if (form)
		rc |= add_list(&text, &a->scopes);
	for (i = 0; !form && i < a->scopes.n; i++)
		rc |= add(&text, form, "scope", a->scopes.v[i]);
	if (form) {
		r->url = strdup(a->challenge_.realm);
		r->type = "application/x-www-form-urlencoded";
		r->text = text;
		r->n = text != NULL ? strlen(text) : 0;
	} else {
		r->url = text;
	}
	if (a->cred_.user != NULL) {
		const struct regauth basic = { .kind = REGAUTH_BASIC, .cred_ = a->cred_ };

		r->authorization = regauth_header(&basic);
		rc |= r->authorization == NULL ? -1 : 0;
	}
	return rc == 0 && r->url != NULL && text != NULL ? 0 : err_no_memory(e);
}

char *regauth_parse_token(const char *text, size_t n, int64_t *seconds, struct err *e)
{
	json_t *j = n <= OCI_MAX_JSON ? json_loadb(text, n, 0, NULL) : NULL;
	const char *token = json_string_value(json_object_get(j, "token"));
	json_int_t lasts = json_integer_value(json_object_get(j, "expires_in"));
	char *copy = NULL;
	const char *at;

	if (token == NULL || *token == '\0')
		token = json_string_value(json_object_get(j, "access_token"));
	/* It becomes a header: nothing in it may end that early. */
	for (at = token; at != NULL && *at > ' ' && *at <= '~';)
		at++;
	if (token == NULL || *token == '\0')
		(void)err_set(e, "the answer contains no token");
	else if (*at != '\0')
		(void)err_set(e, "the token contains characters that are not printable");
	else if ((copy = strdup(token)) == NULL)
		(void)err_no_memory(e);
	*seconds = lasts <= 0 ? TOKEN_SECONDS : lasts > MAX_SECONDS ? MAX_SECONDS : lasts;
	json_decref(j);
	return copy;
}

int regauth_take(struct regauth *a, const struct reghttp_answer *answer, struct err *e)
{
	int64_t seconds;
	char *token;

	if (answer->status == 400 || answer->status == 401 || answer->status == 403)
		return regauth_refused(a, e);
	if (answer->status != 200)
		return reghttp_refused(answer, e);
	token = regauth_parse_token(answer->text != NULL ? answer->text : "", answer->n, &seconds, e);
	if (token == NULL)
		return -1;
	regcred_forget(a->token_);
	a->token_ = token;
	a->expires_ = now_ms() + seconds * 900;
	a->generation++;
	return 0;
}

void regauth_free(struct regauth *a)
{
	regcred_free(&a->cred_);
	challenge_free(&a->challenge_);
	regcred_forget(a->token_);
	words_free(&a->scopes);
	*a = (struct regauth){ 0 };
}
