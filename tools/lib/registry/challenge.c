#include "registry/challenge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum scheme { OTHER, BASIC, BEARER };

/* The length of the token (RFC 9110, 5.6.2) that S begins with. */
static size_t token(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] != '\0' && strchr("!#$%&'*+-.^_`|~", s[n]) != NULL))
		n++;
	return n;
}

static const char *skip(const char *s)
{
	return s + strspn(s, " \t");
}

static bool named(const char *s, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(s, name, n) == 0;
}

/* Reads the value at *S, a token or a quoted string, and advances *S past it. Returns it (free it), or NULL. */
static char *value(const char **s)
{
	const char *p = *s;
	char *v = malloc(strlen(p) + 1);
	size_t n = 0;

	if (v == NULL)
		return NULL;
	if (*p == '"') {
		for (p++; *p != '\0' && *p != '"'; p++) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			v[n++] = *p;
		}
		p += *p == '"';
	} else {
		/* Not only tokens: some servers send unquoted URLs. */
		while (*p != '\0' && *p != ',' && *p != ' ' && *p != '\t')
			v[n++] = *p++;
	}
	v[n] = '\0';
	*s = p;
	return v;
}

/* Takes a parameter of SCHEME. Of several challenges of the same scheme the first one counts. */
static int take(struct challenge *c, enum scheme scheme, const char *name, size_t n, const char **at)
{
	char **to = NULL, *v = value(at);

	if (v == NULL)
		return -1;
	if (scheme == BEARER && named(name, n, "realm"))
		to = &c->realm;
	else if (scheme == BEARER && named(name, n, "service"))
		to = &c->service;
	if (to != NULL && *to == NULL)
		*to = v;
	else
		free(v);
	return 0;
}

int challenge_add(struct challenge *c, const char *text)
{
	enum scheme scheme = OTHER;
	const char *name;
	size_t n;

	for (;;) {
		text += strspn(text, " \t,");
		if (*text == '\0')
			return 0;
		name = text;
		n = token(text);
		text = skip(text + n);
		if (n > 0 && *text == '=') {
			text = skip(text + 1);
			if (take(c, scheme, name, n, &text) < 0)
				return -1;
		} else if (n > 0) {
			scheme = named(name, n, "Basic") ? BASIC : named(name, n, "Bearer") ? BEARER : OTHER;
			c->basic |= scheme == BASIC;
			c->bearer |= scheme == BEARER;
		} else {
			text += strcspn(text, ",");
		}
	}
}

void challenge_free(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	*c = (struct challenge){ 0 };
}
