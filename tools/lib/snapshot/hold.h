/* A saved state directory (vmdir.h) that this process has locked; what the functions of vmdir.h are made of. */
#ifndef KS_SNAPSHOT_HOLD_H
#define KS_SNAPSHOT_HOLD_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/output.h"
#include "snapshot/files.h"

struct vmhold {
	const char *dir; /* the caller's */
	int fd;          /* DIR, locked; -1: not held */
	struct vmfiles files;
	json_t *trust; /* DIR/verified (vmtrust.h) */
	bool told;     /* TRUST is not what DIR/verified says any more */
	bool unsynced; /* what is trusted from now on may not be on the disk yet */
};

/* Waits for the lock of DIR. Returns 0, or -1: then too vmhold_close may be called. */
int vmhold_open(struct vmhold *h, const char *dir, struct err *e);

/* Reads the manifest. Returns 1, 0 when there is none or it is damaged, or -1; E says why. */
int vmhold_load(struct vmhold *h, struct err *e);

/* Writes down what has been found right, where DIR can be written. */
void vmhold_remember(struct vmhold *h);

/* Does that too, and gives DIR up. */
void vmhold_close(struct vmhold *h);

#define AUTO_VMHOLD __attribute__((cleanup(vmhold_close))) /* struct vmhold h = { .fd = -1 } */

/* Puts "DIR: NAME: " in front of what E says. Returns -1. */
int vmhold_says(const struct vmhold *h, const char *name, struct err *e);

/* Says in E that the contents of the file NAME are wrong. Returns -1. */
int vmhold_not_saved(const struct vmhold *h, const char *name, struct err *e);

/* Is there a file NAME, of whatever kind? */
bool vmhold_has(const struct vmhold *h, const char *name);

/* Opens a file for reading. Returns 1, 0 when it is missing or not a plain file, or -1; E says why. */
int vmhold_file(const struct vmhold *h, const char *name, int *fd, struct stat *st, struct err *e);

/* Digests the open file FORM, which is ST, and trusts it from now on, unless it has changed. Returns 0 or -1. */
int vmhold_digest(struct vmhold *h, int fd, const struct stat *st, struct vmform *form, struct err *e);

/* FORM, a file of DIR that is ST, is what it says: it need not be read. */
void vmhold_trust(struct vmhold *h, const struct vmform *form, const struct stat *st);

/* Is the file FORM what it says? Returns 1, 0, or -1; E says why. */
int vmhold_verify(struct vmhold *h, const struct vmform *form, struct err *e);

/* Starts writing a file of DIR (out.h). Returns 0 or -1. */
int vmhold_create(const struct vmhold *h, const char *name, unsigned mode, struct out *o, struct err *e);

/* Ends that: the file is on the disk before it has its name. ST becomes what it is then. Returns 0 or -1. */
int vmhold_commit(struct out *o, struct stat *st, struct err *e);

/* Writes the manifest. Returns 0 or -1. */
int vmhold_save(const struct vmhold *h, struct err *e);

/* Removes the file NAME, after what replaces it is on the disk. Returns 0 or -1. */
int vmhold_drop(const struct vmhold *h, const char *name, struct err *e);

#endif
