/*
 * The manifest of a saved machine, files.json in its directory: the files that belong to it, and what was in them.
 *	{"format":1,"files":[{"name":"ram","size":N,"digest":"HEX",
 *		"packed":{"name":"ram.zst","size":N,"digest":"HEX"}}]}
 * The digest is that of base/sparse.h. "packed" describes the packed form (frames.h) and is omitted if there is none.
 */
#ifndef KS_SNAPSHOT_MANIFEST_H
#define KS_SNAPSHOT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

/* Files in the directory of a saved machine, next to its disks and VM_DESC (vm/description.h). */
#define SAVED_MANIFEST "files.json"
#define SAVED_VERIFIED "verified" /* see verified.h */
#define SAVED_RAM "ram"
#define SAVED_STATE "state" /* the devices */

#define MANIFEST_MAX ((size_t)1 << 20) /* bytes: a longer one is refused */

/* One form, raw or packed, of a file. */
struct saved_form {
	char *name; /* NULL: this form does not exist */
	uint64_t size;
	char digest[SHA256_HEX];
};

struct saved_file {
	struct saved_form raw, packed;
};

/* Initialize to zero. */
struct manifest {
	struct saved_file *v;
	size_t n;
};

/*
 * Parses the N bytes of TEXT, which is not trusted, into M (zero before). Every name in M is a plain file name and
 * occurs once; every size fits off_t. Returns 0, or -1.
 */
int manifest_parse(struct manifest *m, const char *text, size_t n, struct err *e);

/* The manifest as text, to be freed; NULL if out of memory. */
char *manifest_dump(const struct manifest *m);

/* Adds a file with the name NAME. Returns 0, or -1 if the name is not allowed or already used. */
int manifest_add(struct manifest *m, const char *name, struct err *e);

/* Names the packed form of M->v[I] NAME.zst unless it has a name. Returns 0, or -1 as manifest_add does. */
int manifest_name_packed(struct manifest *m, size_t i, struct err *e);

/* The file with the (raw) name NAME, or NULL. */
struct saved_file *manifest_find(const struct manifest *m, const char *name, struct err *e);

/* Frees what FORM holds and sets it to zero. */
void saved_form_free(struct saved_form *form);

/* Frees what M holds and sets it to zero. */
void manifest_free(struct manifest *m);

#endif
