/* The files' contents; regcredfile.c finds the files and runs the helpers. */
#include "registry/credentials.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { ENTRY_MAX = 65536 };

void regcred_forget(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void regcred_free(struct regcred *c)
{
	regcred_forget(c->user);
	regcred_forget(c->password);
	regcred_forget(c->identity);
	free(c->from);
	*c = (struct regcred){ 0 };
}

/* What is in one line as a header's value, and cannot end it. */
static bool printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* Takes copies. Returns 1 or -1. */
static int set(struct regcred *c, const char *user, const char *password, const char *identity, struct err *e)
{
	const char *all[] = { user, password, identity };
	size_t i;

	for (i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] != NULL && !printable(all[i]))
			return err_set(e, "a control character in a user's name or password");
	if (user != NULL && strchr(user, ':') != NULL)
		return err_set(e, "a colon in a user's name");
	c->user = user != NULL ? strdup(user) : NULL;
	c->password = password != NULL ? strdup(password) : NULL;
	c->identity = identity != NULL ? strdup(identity) : NULL;
	if ((c->user == NULL) != (user == NULL) || (c->password == NULL) != (password == NULL) ||
	    (c->identity == NULL) != (identity == NULL))
		return err_no_memory(e);
	return 1;
}

/* "USER:PASSWORD" from base64. Returns it (regcred_forget it), or NULL. */
static char *decode(const char *text)
{
	size_t n = strlen(text), pad = 0;
	char *raw;
	int m;

	if (n == 0 || n % 4 != 0 || n > ENTRY_MAX)
		return NULL;
	while (pad < 2 && text[n - 1 - pad] == '=')
		pad++;
	raw = malloc(n);
	if (raw == NULL)
		return NULL;
	m = EVP_DecodeBlock((unsigned char *)raw, (const unsigned char *)text, (int)n);
	if (m < (int)pad) {
		free(raw);
		return NULL;
	}
	/* It counts what the padding stands for. Old versions of docker ended passwords with NULs. */
	raw[(size_t)m - pad] = '\0';
	return raw;
}

/* One entry of "auths". Returns 1, 0 when it is empty, or -1. */
static int take_entry(struct regcred *c, const json_t *entry, struct err *e)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *identity = json_string_value(json_object_get(entry, "identitytoken"));
	const char *user = json_string_value(json_object_get(entry, "username"));
	char *both, *colon;
	int rc;

	if (identity != NULL && *identity != '\0')
		return set(c, NULL, NULL, identity, e);
	if (auth == NULL || *auth == '\0') {
		if (user == NULL || *user == '\0')
			return 0;
		auth = json_string_value(json_object_get(entry, "password"));
		return set(c, user, auth != NULL ? auth : "", NULL, e);
	}
	both = decode(auth);
	colon = both != NULL ? strchr(both, ':') : NULL;
	if (colon == NULL) {
		regcred_forget(both);
		return err_set(e, "an entry that is not base64 of USER:PASSWORD");
	}
	*colon = '\0';
	rc = set(c, both, colon + 1, NULL, e);
	colon[0] = ':';
	regcred_forget(both);
	return rc;
}

/* The host that a key of docker's files names: without scheme and path, and Docker Hub's by its other name. */
static bool names_host(const char *key, const char *host)
{
	const char *at = strstr(key, "://");
	size_t n;

	if (at == NULL && strcmp(host, "docker.io") != 0)
		return false;
	key = at != NULL ? at + 3 : key;
	n = strcspn(key, "/");
	if (strcmp(host, "docker.io") == 0 && n == strlen("index.docker.io") && strncmp(key, "index.docker.io", n) == 0)
		return true;
	return n == strlen(host) && strncmp(key, host, n) == 0;
}

/* Looks in "auths" for HOST/REPO, for each of its parents, and last for HOST. */
static int find_entry(struct regcred *c, json_t *auths, const char *host, const char *repo, struct err *e)
{
	AUTO_FREE char *key = NULL;
	const char *name;
	json_t *entry;
	char *slash;
	int rc = 0;

	if (asprintf(&key, "%s/%s", host, repo) < 0) {
		key = NULL;
		return err_no_memory(e);
	}
	for (;;) {
		entry = json_object_get(auths, key);
		if (entry != NULL && (rc = take_entry(c, entry, e)) != 0)
			return rc;
		slash = strrchr(key, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	json_object_foreach(auths, name, entry)
	{
		if (rc == 0 && names_host(name, host))
			rc = take_entry(c, entry, e);
	}
	return rc;
}

/* The helper's name becomes part of a program's name. */
static int take_helper(char **helper, const json_t *name, struct err *e)
{
	const char *text = json_string_value(name);

	if (text == NULL || *text == '\0')
		return 0;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(text))
		return err_set(e, "a credential helper that is no program's name");
	*helper = strdup(text);
	return *helper != NULL ? 2 : err_no_memory(e);
}

int regcred_parse(
    struct regcred *c, char **helper, const char *text, size_t n, const char *host, const char *repo, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(text, n, 0, &why);
	int rc;

	*helper = NULL;
	/* The reason that jansson gives may quote the file. */
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, "line %d: not valid JSON", j == NULL ? why.line : 1);
	}
	rc = take_helper(helper, json_object_get(json_object_get(j, "credHelpers"), host), e);
	if (rc == 0)
		rc = find_entry(c, json_object_get(j, "auths"), host, repo, e);
	if (rc == 0)
		rc = take_helper(helper, json_object_get(j, "credsStore"), e);
	json_decref(j);
	return rc;
}

int regcred_parse_helper(struct regcred *c, const char *text, size_t n, struct err *e)
{
	json_t *j = json_loadb(text, n, 0, NULL);
	const char *user = json_string_value(json_object_get(j, "Username"));
	const char *secret = json_string_value(json_object_get(j, "Secret"));
	int rc;

	if (user == NULL || secret == NULL)
		rc = err_set(e, "not an answer with Username and Secret");
	else if (strcmp(user, "<token>") == 0)
		rc = set(c, NULL, NULL, secret, e);
	else
		rc = *user != '\0' ? set(c, user, secret, NULL, e) : 0;
	json_decref(j);
	return rc;
}
