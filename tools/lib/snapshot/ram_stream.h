/*
 * A QEMU migration stream, taken apart while it comes: the guest's memory goes to a file that a machine can map, what
 * is left (a megabyte) to another, from which QEMU loads the rest. So memory that was saved is shared by every machine
 * that resumes from it, which QEMU 7.2's own stream does not offer.
 *
 * The format: QEMU 7.2, migration/savevm.c (qemu_savevm_state_header, save_section_header) and migration/ram.c
 * (ram_save_setup, save_page_header, ram_save_zero_page_to_file, save_normal_page).
 */
#ifndef KS_SNAPSHOT_RAM_STREAM_H
#define KS_SNAPSHOT_RAM_STREAM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct ramstream {
	/* Set by the caller. */
	int in;               /* the stream, read to its end */
	int ram;              /* the memory's file, empty; pages that hold zeros stay holes */
	FILE *rest;           /* everything else */
	const char *block;    /* the name of the memory, as of the backend's id */
	uint64_t max;         /* more memory than this is refused; bytes */
	pthread_mutex_t gate; /* who has it stops the reading, and so QEMU */
	/* Set here. */
	uint64_t size;  /* of the memory, bytes */
	uint64_t pages; /* that are in the file */
};

/* Reads the stream to its end. Returns 0, or -1: it ends early, is none, or has what we do not know. */
int ramstream_split(struct ramstream *s, struct err *e);

#endif
