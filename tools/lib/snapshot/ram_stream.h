/*
 * Splits a QEMU migration stream while it arrives: the guest's memory goes to a file that a machine can map, the rest
 * (a megabyte) to another file, from which QEMU loads it. That way saved memory is shared by all machines that resume
 * from it, which QEMU 7.2's own format does not allow.
 *
 * The format: QEMU 7.2, migration/savevm.c (qemu_savevm_state_header, save_section_header) and migration/ram.c
 * (ram_save_setup, save_page_header, ram_save_zero_page_to_file, save_normal_page); QEMU 10.0, migration/savevm.c
 * (qemu_savevm_maybe_send_switchover_start).
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
	int ram;              /* an empty file for the memory; pages of zeros stay holes */
	FILE *rest;           /* everything else */
	const char *block;    /* the name of the memory's RAM block: the ID of its backend */
	uint64_t max;         /* bytes; more memory than this is refused */
	pthread_mutex_t gate; /* while another thread holds it nothing is read, and QEMU has to wait */
	/* Set by ramstream_split. */
	uint64_t size;  /* of the memory, bytes */
	uint64_t pages; /* pages of 4096 bytes in the file */
};

/* Reads the stream to its end. Returns 0, or -1: it is truncated, not a migration stream, or has unknown contents. */
int ramstream_split(struct ramstream *s, struct err *e);

#endif
