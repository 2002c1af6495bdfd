/*
 * What a file of settings may hold: a table of sections and keys for each kind of file, with the type of each.
 * A new key is a new row of the table, in schemaprovider.c for provider.ini and in schemaaddon.c for addon.ini, and a
 * line in provconf(1).
 */
#ifndef KS_PROVIDER_SCHEMA_H
#define KS_PROVIDER_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum schema_type {
	SCHEMA_STRING,  /* any text of one line */
	SCHEMA_LIST,    /* any words */
	SCHEMA_NAME,    /* a word fit for file names and packages: [A-Za-z0-9] [A-Za-z0-9._+@:=~-]* */
	SCHEMA_NAMES,   /* names */
	SCHEMA_STAGES,  /* names of stages: [a-z0-9] [a-z0-9-]* */
	SCHEMA_GATES,   /* feature gates: NAME=true or NAME=false */
	SCHEMA_INT,     /* 0 to 2147483647 */
	SCHEMA_SIZE,    /* as num_size: 6144M */
	SCHEMA_BOOL,    /* yes or no */
	SCHEMA_VERSION, /* begins with a digit, as Debian's versions */
	SCHEMA_CIDR,    /* ADDRESS/LENGTH, IPv4 or IPv6; several with commas between them */
	SCHEMA_ADDRESS, /* an IPv4 or IPv6 address */
	SCHEMA_CHOICE,  /* one of the row's words */
};

enum schema_need {
	SCHEMA_OPTIONAL,
	SCHEMA_WITH_SECTION, /* must be set where anything else of its section is */
	SCHEMA_ALWAYS,
};

struct schema_key {
	const char *section; /* "stage *" stands for every section "stage NAME"; so do others that end with " *" */
	const char *key;     /* "*": any key of [a-z0-9_.-]+ */
	enum schema_type type;
	enum schema_need need;
	const char *choices; /* of SCHEMA_CHOICE: words with spaces between them */
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

extern const struct schema schema_provider, schema_addon;

/* Is this the name of a section that can exist? Returns 0, or -1 and "unknown section (did you mean ...?)". */
int schema_section(const struct schema *s, const char *section, struct err *e);

/* The row of a key. NULL: E is "unknown key (did you mean ...?)", "renamed to ...", or as schema_section sets it. */
const struct schema_key *schema_find(const struct schema *s, const char *section, const char *key, struct err *e);

/* Is VALUE valid for ROW of S? An empty value always is. Returns 0, or -1 with the reason in E. */
int schema_check(const struct schema *s, const struct schema_key *row, const char *value, struct err *e);

/* The type's name as in provider.ini(5): "size", "names"; of SCHEMA_CHOICE its words, with spaces between them. */
const char *schema_type(const struct schema_key *row);

/* Is the value a list of words? */
bool schema_is_list(const struct schema_key *row);

/* May the value grow by "key += words"? */
bool schema_can_append(const struct schema_key *row);

/* Are A and B alike enough (at most two letters differ) that who wrote one may have meant the other? */
bool schema_alike(const char *a, const char *b);

#endif
