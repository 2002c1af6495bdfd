/*
 * The disk of a machine that is being saved. What the machine has written so far is frozen: it continues in a new
 * overlay. The saved state gets a copy of the frozen disk and of its backing files, except for a base that stays where
 * it is, for example in a container image.
 */
#ifndef KS_SNAPSHOT_DISKS_H
#define KS_SNAPSHOT_DISKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/words.h"

/* A directory as the machine sees it, and its name here. */
struct disks_map {
	const char *inside, *here;
};

struct disks {
	/* Set by the caller. */
	const char *path; /* the disk, as the machine sees it */
	const char *format;
	const struct disks_map *maps; /* the first is the runtime directory's; the last match counts */
	size_t nmaps;
	int cancel_fd;    /* as child_run's */
	int64_t deadline; /* of now_ms */
	/* Set by disks_prepare. */
	char *here; /* the disk's name here */
	char *top;  /* the file that the machine has written to so far, here */
	char *next; /* the new overlay, here; NULL: none */
	bool switched;
};

/* Finds the disk. With OVERLAY, creates the next overlay, of SIZE bytes, on top of what is frozen. Returns 0 or -1. */
int disks_prepare(struct disks *d, bool overlay, uint64_t size, struct err *e);

/* Records that the machine now writes to the overlay. Returns 0 or -1. */
int disks_switch(struct disks *d, struct err *e);

/*
 * Copies the frozen disk and its backing files to the directory DIR, where they refer to each other by name, and adds
 * the names to FILES, the uppermost first. BASE gets a description (base_disk_new) of the file below them; JSON null:
 * none. Returns 0 or -1.
 */
int disks_copy(const struct disks *d, const char *dir, struct words *files, json_t **base, struct err *e);

/*
 * The name of the disk's file in the saved state DIR, from its description; to be freed. "": a machine without disk.
 * Returns NULL on error.
 */
char *disks_saved(const char *dir, struct err *e);

/* The name of the file HERE, which is beside the disk, as the machine sees it; to be freed. NULL: out of memory. */
char *disks_inside(const struct disks *d, const char *here);

/* Removes the overlay unless disks_switch was called, and frees what D holds. */
void disks_free(struct disks *d);

#endif
