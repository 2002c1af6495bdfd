#include "oci/ref.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "net/hostport.h"
#include "oci/layout.h"

enum { REPO_MAX = 255, TAG_MAX = 128 };

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool good_host(const char *host)
{
	struct hostport hp;
	struct err ignored;

	/* In a URL an IPv6 address needs brackets, and a zone is not supported. */
	if (*host != '[' && strchr(host, ':') != strrchr(host, ':'))
		return false;
	return strchr(host, '%') == NULL && hostport_parse(&hp, host, "443", &ignored) == 0;
}

/* Is S, of N bytes, a component of a repository: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*? */
static bool good_component(const char *s, size_t n)
{
	size_t i = 0, run;

	for (;;) {
		for (run = 0; i < n && strchr(LOWER, s[i]) != NULL; i++)
			run++;
		if (run == 0)
			return false;
		if (i == n)
			return true;
		if (s[i] == '-') {
			while (i < n && s[i] == '-')
				i++;
		} else if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		} else {
			return false;
		}
	}
}

static bool good_repo(const char *s)
{
	size_t n;

	if (strlen(s) > REPO_MAX)
		return false;
	for (;;) {
		n = strcspn(s, "/");
		if (!good_component(s, n))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static bool good_tag(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= TAG_MAX && *s != '.' && *s != '-' && strspn(s, LOWER UPPER "._-") == n;
}

/* Ends the string at AT. Returns a copy of what follows, or NULL. */
static char *cut(char *at)
{
	*at = '\0';
	return strdup(at + 1);
}

/* The official images of Docker Hub may be named without their "library/". Returns 0 or -1. */
static int name_library(struct ref *r, struct err *e)
{
	char *repo;

	if (strcmp(r->host, "docker.io") != 0 || strchr(r->repo, '/') != NULL)
		return 0;
	if (asprintf(&repo, "library/%s", r->repo) < 0)
		return err_no_memory(e);
	free(r->repo);
	r->repo = repo;
	return 0;
}

int ref_parse(struct ref *r, const char *text, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	char *slash, *at;

	*r = (struct ref){ 0 };
	if (copy == NULL)
		return err_no_memory(e);
	slash = strchr(copy, '/');
	if (slash == NULL)
		return err_set(e, "'%s' is not REGISTRY/REPOSITORY", text);
	r->repo = cut(slash);
	r->host = strdup(copy);
	if (r->repo == NULL || r->host == NULL)
		return err_no_memory(e);
	if ((at = strchr(r->repo, '@')) != NULL && (r->hex = cut(at)) == NULL)
		return err_no_memory(e);
	if ((at = strchr(r->repo, ':')) != NULL && (r->tag = cut(at)) == NULL)
		return err_no_memory(e);
	if (!good_host(r->host))
		return err_set(e, "'%s' is not a registry (HOST or HOST:PORT)", r->host);
	if (!good_repo(r->repo))
		return err_set(
		    e, "'%s' is not a repository (lower-case letters and digits, separated by . _ - or /)", r->repo);
	if (r->tag != NULL && !good_tag(r->tag))
		return err_set(e, "'%s' is not a tag", r->tag);
	if (name_library(r, e) < 0)
		return -1;
	if (r->hex == NULL)
		return 0;
	if (sha256_parse(r->hex) == NULL)
		return err_set(e, "'%s' is not a digest (sha256: and 64 lower-case hexadecimal digits)", r->hex);
	(void)memmove(r->hex, r->hex + 7, SHA256_HEX);
	return 0;
}

void ref_free(struct ref *r)
{
	free(r->host);
	free(r->repo);
	free(r->tag);
	free(r->hex);
	*r = (struct ref){ 0 };
}

char *ref_layout(const char *text, const char **tag)
{
	char *dir = strdup(text), *rest;

	*tag = NULL;
	if (dir == NULL || layout_is(dir))
		return dir;
	rest = layout_split(dir);
	if (rest == NULL && (rest = strchr(dir, ':')) != NULL)
		*rest++ = '\0';
	if (rest != NULL)
		*tag = text + (rest - dir);
	return dir;
}
