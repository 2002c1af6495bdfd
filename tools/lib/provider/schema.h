/*
 * The sections and keys of provider.ini, addon.ini and module.ini, with the type of each. A new key is a new row of a
 * table in schema.c and an entry in provider.ini(5), addon.ini(5) or module.ini(5). A key that is renamed gets a row in
 * the table of renames.
 */
#ifndef KS_PROVIDER_SCHEMA_H
#define KS_PROVIDER_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum schema_type {
	SCHEMA_STRING,  /* any text of one line */
	SCHEMA_LIST,    /* any words */
	SCHEMA_NAME,    /* one word: [A-Za-z0-9] [A-Za-z0-9._+@:=~-]* */
	SCHEMA_NAMES,   /* names */
	SCHEMA_STAGES,  /* names of stages: [a-z0-9] [a-z0-9-]* */
	SCHEMA_GATES,   /* feature gates: NAME=true or NAME=false */
	SCHEMA_INT,     /* 0 to 2147483647 */
	SCHEMA_COUNT,   /* 1 to 2147483647 */
	SCHEMA_SIZE,    /* for num_size: 6144M */
	SCHEMA_BOOL,    /* yes or no */
	SCHEMA_VERSION, /* begins with a digit, then as in Debian's versions */
	SCHEMA_CIDR,    /* ADDRESS/LENGTH, IPv4 or IPv6; several have commas between them */
	SCHEMA_ADDRESS, /* an IPv4 or IPv6 address */
	SCHEMA_CHOICE,  /* one of the row's words */
};

enum schema_need {
	SCHEMA_OPTIONAL,
	SCHEMA_WITH_SECTION, /* required if the section has any key */
	SCHEMA_ALWAYS,
};

struct schema_key {
	const char *section; /* "stage *" matches every section "stage NAME"; likewise others that end with " *" */
	const char *key;     /* "*": any key of [a-z0-9_.-]+ */
	enum schema_type type;
	enum schema_need need;
	const char *choices; /* for SCHEMA_CHOICE: words with spaces between them */
};

/* A key, or one of the values of a key, that had another name in earlier versions. */
struct schema_rename {
	const char *section, *key; /* as in struct schema_key; KEY is the old name unless VALUE is set */
	const char *value;         /* the old value, or NULL: the key itself was renamed */
	const char *now;           /* the new name */
};

/* A kind of file. Each table ends with a row whose section is NULL. */
struct schema {
	const char *file; /* the name of such files */
	const struct schema_key *keys;
	const struct schema_rename *renames;
};

extern const struct schema schema_provider, schema_addon, schema_module;

/* Is SECTION in the schema? Returns 0, or -1 and "unknown section (did you mean ...?)" in E. */
int schema_section(const struct schema *s, const char *section, struct err *e);

/* The row of a key. NULL: E is "unknown key (did you mean ...?)", "renamed to ...", or as schema_section sets it. */
const struct schema_key *schema_find(const struct schema *s, const char *section, const char *key, struct err *e);

/* Is VALUE valid for ROW of S? An empty value always is. Returns 0, or -1 with the reason in E. */
int schema_check(const struct schema *s, const struct schema_key *row, const char *value, struct err *e);

/* The type's name as in provider.ini(5): "size", "names"; of SCHEMA_CHOICE its words, with spaces between them. */
const char *schema_type(const struct schema_key *row);

/* Is the value a list of words? */
bool schema_is_list(const struct schema_key *row);

/* Does the key allow "key += value"? */
bool schema_can_append(const struct schema_key *row);

/* Are A and B similar enough that one may be a misspelling of the other (edit distance at most 2)? */
bool schema_alike(const char *a, const char *b);

#endif
