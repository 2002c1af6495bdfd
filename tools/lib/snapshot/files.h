/* The manifest of a saved state directory (vmdir.h), as a value. */
#ifndef KS_SNAPSHOT_FILES_H
#define KS_SNAPSHOT_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

#define VMFILES_MAX_JSON ((size_t)1 << 20)

/* A file that is, or may be, in the directory. */
struct vmform {
	char *name; /* NULL: there is none */
	uint64_t size;
	char digest[SHA256_HEX];
};

struct vmfile {
	struct vmform raw, packed;
};

/* Start with zeros. */
struct vmfiles {
	struct vmfile *v;
	size_t n;
};

/*
 * Takes the N bytes of TEXT, which may be anything, into F (zeros before). Every name in F is a plain file name and
 * there once, every size is one that off_t holds. Returns 0, or -1 with the reason in E.
 */
int vmfiles_parse(struct vmfiles *f, const char *text, size_t n, struct err *e);

/* The manifest's text (free it), or NULL when out of memory. */
char *vmfiles_dump(const struct vmfiles *f);

/* Adds a file that is called NAME. Returns 0, or -1 when that is no good name or there is one. */
int vmfiles_add(struct vmfiles *f, const char *name, struct err *e);

/* Makes NAME.zst the name of F->v[I]'s packed form unless it has one. Returns 0, or -1 as vmfiles_add. */
int vmfiles_name_packed(struct vmfiles *f, size_t i, struct err *e);

/* The file that is called NAME, or NULL with the reason in E. */
struct vmfile *vmfiles_find(const struct vmfiles *f, const char *name, struct err *e);

/* Makes it NULL. */
void vmform_free(struct vmform *form);

/* Empties the list. */
void vmfiles_free(struct vmfiles *f);

#define AUTO_VMFILES __attribute__((cleanup(vmfiles_free))) /* struct vmfiles f = { 0 } */

#endif
