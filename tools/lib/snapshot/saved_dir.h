/*
 * The directory of a saved machine, opened and locked: the operations that verify.h and pack.h are made of.
 *
 * A process that works on the directory locks it; others wait, up to ten minutes. Nothing outside the directory is
 * written, whatever the manifest says, and files that are not plain files are refused. Unfinished files are removed by
 * the signal handler of base/output; the next process to pack or unpack removes those of a process that was killed.
 *
 * Errors start with the directory and the file.
 */
#ifndef KS_SNAPSHOT_SAVED_DIR_H
#define KS_SNAPSHOT_SAVED_DIR_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/output.h"
#include "snapshot/manifest.h"

struct saved_dir {
	const char *path; /* belongs to the caller */
	int fd;           /* -1: not open */
	struct manifest files;
	json_t *verified;  /* SAVED_VERIFIED (verified.h) */
	bool new_verified; /* it has changed since it was read */
	bool unsynced;     /* files verified from now on may not be on the disk yet */
};

/* Opens PATH and waits for its lock. Returns 0, or -1; saved_dir_close may be called in either case. */
int saved_dir_open(struct saved_dir *d, const char *path, struct err *e);

/* Reads the manifest. Returns 1; 0 if it is missing or damaged; or -1. E says why. */
int saved_dir_load(struct saved_dir *d, struct err *e);

/* Writes the table of verified files, if it has changed and the directory is writable. */
void saved_dir_save_verified(struct saved_dir *d);

/* Does the same, unlocks the directory and closes it. */
void saved_dir_close(struct saved_dir *d);

#define AUTO_SAVED_DIR __attribute__((cleanup(saved_dir_close))) /* struct saved_dir d = { .fd = -1 } */

/* Prepends "PATH: NAME: " to the message in E. Returns -1. */
int saved_dir_err(const struct saved_dir *d, const char *name, struct err *e);

/* Sets E: the contents of the file NAME are not those that were saved. Returns -1. */
int saved_dir_err_contents(const struct saved_dir *d, const char *name, struct err *e);

/* True if NAME exists, of whatever type. */
bool saved_dir_has(const struct saved_dir *d, const char *name);

/* Opens a file for reading. Returns 1; 0 if it is missing or not a plain file; or -1. E says why. */
int saved_dir_file(const struct saved_dir *d, const char *name, int *fd, struct stat *st, struct err *e);

/*
 * Sets FORM's size and digest from its open file FD, for which stat(2) said ST, and marks it as verified. Returns 0, or
 * -1: also if the file changed meanwhile.
 */
int saved_dir_digest(struct saved_dir *d, int fd, const struct stat *st, struct saved_form *form, struct err *e);

/* Marks FORM, for which stat(2) says ST, as verified. */
void saved_dir_set_verified(struct saved_dir *d, const struct saved_form *form, const struct stat *st);

/* Is the file what FORM says? It is read unless it has been verified before. Returns 1; 0; or -1. E says why. */
int saved_dir_verify(struct saved_dir *d, const struct saved_form *form, struct err *e);

/* Starts to write a file of the directory (base/output.h). Returns 0 or -1. */
int saved_dir_create(const struct saved_dir *d, const char *name, unsigned mode, struct out *o, struct err *e);

/* Finishes it: the file is on the disk before it gets its name. ST becomes what stat(2) says then. Returns 0 or -1. */
int saved_dir_commit(struct out *o, struct stat *st, struct err *e);

/* Writes the manifest. Returns 0 or -1. */
int saved_dir_write_manifest(const struct saved_dir *d, struct err *e);

/* Removes the file NAME, once what replaces it is on the disk. Returns 0 or -1. */
int saved_dir_remove(const struct saved_dir *d, const char *name, struct err *e);

#endif
