/*
 * A provider: a directory with a provider.ini(5), and the directories it inherits from. The values of all their
 * provider.ini files are merged: a directory's own values replace ("key = value") or extend ("key += value") what it
 * inherits. Every value is valid under the schema (schema.h) and has the file and line that set it.
 */
#ifndef KS_PROVIDER_PROVIDER_H
#define KS_PROVIDER_PROVIDER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/words.h"
#include "provider/schema.h"

struct provider_value {
	char *section, *key, *value;
	const char *file; /* the path of the provider.ini that set it last */
	int line;
};

struct provider {
	const struct schema *schema;   /* of its files */
	struct words dirs, files;      /* its directories, own first, and the provider.ini of each */
	struct provider_value *values; /* in the order of their first appearance, inherited ones first */
	size_t nvalues;
};

/*
 * Reads the provider in DIR. An inherited name is looked up beside the directory that names it, then in the
 * directories of INCLUDE. Returns 0, or -1 with the file, the line and the key in E; P is then empty.
 */
int provider_load(struct provider *p, const char *dir, const struct words *include, struct err *e);

/* The same for a directory with a file of another kind. */
int provider_load_as(
    struct provider *p, const struct schema *schema, const char *dir, const struct words *include, struct err *e);

/* The value of a key, or NULL if it is not set. A cleared value is the empty string. */
const struct provider_value *provider_find(const struct provider *p, const char *section, const char *key);
const char *provider_get(const struct provider *p, const char *section, const char *key);

/* For qsort(3) of pointers to values: by section, then by key. */
int provider_value_order(const void *a, const void *b);

/* Can it only be inherited ("abstract = yes")? Then required keys may be missing. */
bool provider_is_abstract(const struct provider *p);

/* The path of the file NAME in the first directory that has it; the caller frees it. NULL: none, or out of memory. */
char *provider_path(const struct provider *p, const char *name);

/* Sets E to "FILE:LINE: SECTION.KEY: TEXT". Always returns -1. */
int provider_err(struct err *e, const struct provider_value *v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void provider_free(struct provider *p);

#define AUTO_PROVIDER __attribute__((cleanup(provider_free)))

#endif
