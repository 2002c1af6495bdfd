/*
 * Saving one machine that runs, in steps, so that several can be saved at the same moment.
 *
 * QEMU sends the state as in a live migration: memory first, while the machine runs, and then what has changed since,
 * which is asked for, the first time too, only while the machine stands still: under TCG QEMU 7.2 misses a page now and
 * then that is written to at the very moment of asking (seen: some 10 of 60000, kernels that panicked of it, and one
 * whose processors all waited for a lock that nobody held). With the last of it the disk gets its new overlay. Source:
 * QEMU 7.2, qapi/migration.json; migration_iteration_run in migration/migration.c.
 */
#ifndef KS_SNAPSHOT_SAVER_H
#define KS_SNAPSHOT_SAVER_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/outdir.h"
#include "vm/qmp.h"
#include "snapshot/ram_stream.h"
#include "vm/description.h"
#include "snapshot/disks.h"

enum vm_phase { VM_SENDING, VM_STOPPED, VM_SAVED };

struct vm_saver {
	/* Set by the caller. */
	const char *run, *dir;     /* the runtime directory here; where the state goes, which must not exist */
	const struct vm_map *maps; /* as vm_disks'; the first one is left free for the runtime directory */
	size_t nmaps;
	bool quit;    /* the machine ends when it is saved */
	bool no_sync; /* the disk is not waited for */
	int cancel_fd;
	int64_t deadline; /* of now_ms */
	/* Of the library. */
	struct vm vm;
	struct vmdesc desc;
	json_t *json;
	char *qmp_path, *node, *overlay; /* the disk's node in QEMU now, and the new one; NULL: no disk */
	int lock, out_lock;              /* on the machine, on the unfinished state */
	struct qmp q;
	struct vm_disks disks;
	struct vm_map own_maps[8];
	struct outdir out;
	struct ramstream stream;
	struct err stream_err;
	pthread_t reader;
	int stream_rc;
	bool reading, sending, ran, switched;
	enum vm_phase phase;
	int64_t pass;   /* how often QEMU has looked for changes */
	int64_t looked; /* the same when the machine went on */
	uint64_t left;  /* bytes of it that are left */
	bool held;
	int64_t pause_us; /* how long the machine stood still; set by vm_saver_go_on */
};

/* Finds the machine and what it has. Returns 0 or -1; vm_saver_free in any case. */
int vm_saver_open(struct vm_saver *s, struct err *e);

/*
 * The machine stands still, and QEMU begins: its first pass is all of memory, and it looks for changes then too.
 * Nothing is sent until vm_saver_thaw and vm_saver_send. Returns 0 or -1.
 */
int vm_saver_begin(struct vm_saver *s, struct err *e);

/* Sends no more while it is HELD: the others are not as far. */
void vm_saver_hold(struct vm_saver *s, bool held);

/* The machine stands still. Returns 0 or -1. */
int vm_saver_freeze(struct vm_saver *s, struct err *e);

/* What has changed is looked for: the next pass begins; the last one if it is next to nothing. Returns 0 or -1. */
int vm_saver_look(struct vm_saver *s, struct err *e);

/*
 * The machine goes on, and the changes are sent when vm_saver_send says so, VM_SAVER_FORGET_MS later: until then QEMU
 * still has the threshold in mind by which it looked, and would look again by itself (migration_update_counters makes
 * it anew every 100 ms). Both return 0 or -1.
 */
#define VM_SAVER_FORGET_MS 250
int vm_saver_thaw(struct vm_saver *s, struct err *e);
int vm_saver_send(struct vm_saver *s, struct err *e);

/* The machine stays as it is, and this is the last pass. Returns 0 or -1. */
int vm_saver_last(struct vm_saver *s, struct err *e);

/* Asks how far it is: sets its phase. Returns 0, or -1: it has failed. */
int vm_saver_ask(struct vm_saver *s, struct err *e);

/* The machine has stopped: a new overlay, and the rest. Returns 0 or -1. */
int vm_saver_switch(struct vm_saver *s, struct err *e);

/* All is sent: the machine goes on, or ends. Returns 0 or -1. */
int vm_saver_go_on(struct vm_saver *s, struct err *e);

/* Makes the directory whole. Returns 0 or -1. */
int vm_saver_finish(struct vm_saver *s, struct err *e);

/* Whatever has been done: lets the machine run if it did, and removes what is unfinished. */
void vm_saver_free(struct vm_saver *s);

#endif
