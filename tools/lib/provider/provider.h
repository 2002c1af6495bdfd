/*
 * A provider: a directory with a provider.ini, and the directories it inherits from. The values of all their
 * provider.ini files are merged: those of a directory replace ("key = value") or extend ("key += value") what it
 * inherits. Every value suits the schema (schema.h) and knows where it came from.
 */
#ifndef KS_PROVIDER_PROVIDER_H
#define KS_PROVIDER_PROVIDER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/words.h"
#include "provider/schema.h"

struct provider_value {
	char *section, *key, *value;
	const char *file; /* the provider.ini that set it last, as its path was found */
	int line;
};

struct provider {
	const struct schema *schema;   /* what its files may hold */
	struct words dirs, files;      /* its directories, own first, and the provider.ini of each */
	struct provider_value *values; /* in the order in which they first appear, what is inherited first */
	size_t nvalues;
};

/*
 * Reads the provider in DIR. An inherited name is looked for beside the directory that names it, then in the
 * directories of INCLUDE. Returns 0, or -1 with the file, the line and the key in E; P is then empty.
 */
int provider_load(struct provider *p, const char *dir, const struct words *include, struct err *e);

/* The same for a directory whose file is of the kind SCHEMA. */
int provider_load_as(
    struct provider *p, const struct schema *schema, const char *dir, const struct words *include, struct err *e);

/* The value of a key, or NULL when nothing sets it. A value that was cleared is an empty text. */
const struct provider_value *provider_find(const struct provider *p, const char *section, const char *key);
const char *provider_get(const struct provider *p, const char *section, const char *key);

/* Is it only there to be inherited ("abstract = yes")? Then it may lack what a provider needs. */
bool provider_is_abstract(const struct provider *p);

/* The path of the file NAME in the first directory that has it; the caller frees it. NULL: in none, or no memory. */
char *provider_path(const struct provider *p, const char *name);

/* Sets E to "FILE:LINE: SECTION.KEY: TEXT". Returns -1 always. */
int provider_err(struct err *e, const struct provider_value *v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void provider_free(struct provider *p);

#define AUTO_PROVIDER __attribute__((cleanup(provider_free)))

#endif
