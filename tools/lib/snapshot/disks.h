/*
 * The disk of a machine that is saved. What it has written until then is frozen: the machine goes on in a new overlay.
 * The saved state gets a copy, and of what is below it all that is not a base that stays where it
 * is (a container's image, say).
 */
#ifndef KS_SNAPSHOT_DISKS_H
#define KS_SNAPSHOT_DISKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/words.h"

/* A directory as the machine sees it, and where it is here. */
struct vm_map {
	const char *inside, *here;
};

struct vm_disks {
	/* Set by the caller. */
	const char *path; /* the disk, as the machine sees it */
	const char *format;
	const struct vm_map *maps; /* the last one that fits counts */
	size_t nmaps;
	int cancel_fd;    /* as child_run's */
	int64_t deadline; /* of now_ms */
	/* Set by vm_disks_prepare. */
	char *here; /* the disk, as it is found here */
	char *top;  /* what the machine uses of it until now, here */
	char *next; /* the new overlay here; NULL: none */
	bool switched;
};

/* Finds the disk here. With OVERLAY, makes the overlay of SIZE bytes and the name for what is frozen. Returns 0 or -1.
 */
int vm_disks_prepare(struct vm_disks *d, bool overlay, uint64_t size, struct err *e);

/* The machine writes to the overlay now. Returns 0 or -1. */
int vm_disks_switch(struct vm_disks *d, struct err *e);

/*
 * Puts copies of the frozen disk and of what is below it into the directory DIR, tied together by their names there,
 * and adds the names to FILES, the uppermost first. BASE gets a description (vm_base_new) of what they stand on, JSON
 * null for nothing. Returns 0 or -1.
 */
int vm_disks_copy(const struct vm_disks *d, const char *dir, struct words *files, json_t **base, struct err *e);

/* The name of the file HERE as the machine sees it: beside its disk; to be freed. NULL: out of memory. */
char *vm_disks_inside(const struct vm_disks *d, const char *here);

/* Removes what vm_disks_prepare has made, unless vm_disks_switch has been called; and frees D's names. */
void vm_disks_free(struct vm_disks *d);

#endif
