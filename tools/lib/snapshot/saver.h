/*
 * Saving a running machine, in steps, so that several machines can be saved at the same moment.
 *
 * QEMU sends the state as in a live migration: in passes over the memory while the machine runs, each of which sends
 * what has changed since the pass before, and then the rest with the state of the devices. Between two passes QEMU
 * syncs its bitmap of dirty pages. Here it does so only while the machine is paused, the first time too: under TCG,
 * QEMU 7.2 occasionally misses a page that is written to during the sync (observed: about 10 of 60000 pages, with
 * kernels that panicked, and one whose CPUs all waited for a lock that nobody held). When the last pass is done the
 * disk gets a new overlay. Source: QEMU 7.2, qapi/migration.json; migration_iteration_run in migration/migration.c.
 */
#ifndef KS_SNAPSHOT_SAVER_H
#define KS_SNAPSHOT_SAVER_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/outdir.h"
#include "snapshot/disks.h"
#include "snapshot/ram_stream.h"
#include "vm/description.h"
#include "vm/qmp.h"

enum saver_phase {
	SAVER_SENDING, /* passes over the memory */
	SAVER_STOPPED, /* QEMU has paused the machine after the last pass and waits for saver_switch */
	SAVER_SENT,    /* everything has been sent */
};

struct saver {
	/* Set by the caller. */
	const char *run, *dir;        /* the runtime directory; the directory to be created for the saved state */
	const struct disks_map *maps; /* as in struct disks, without the runtime directory */
	size_t nmaps;
	bool quit;    /* end the machine when it is saved */
	bool no_sync; /* do not wait for the disk */
	int cancel_fd;
	int64_t deadline; /* of now_ms */
	/* Private to the library. */
	struct vm vm;
	struct vmdesc desc;
	json_t *json;
	char *qmp_path, *node, *overlay; /* the current disk node in QEMU, and the new one; NULL: no disk */
	int lock, out_lock;              /* on the machine, and on the unfinished saved state */
	struct qmp q;
	struct disks disks;
	struct disks_map own_maps[8];
	struct outdir out;
	struct ramstream stream;
	struct err stream_err;
	pthread_t reader;
	int stream_rc;
	bool reading, sending, ran, switched, held;
	/* Set by saver_poll. */
	enum saver_phase phase;
	int64_t syncs; /* how often QEMU has synced its dirty bitmap */
	uint64_t left; /* bytes left in the current pass */
	/* Set by saver_unpause. */
	int64_t syncs_paused; /* SYNCS at that time */
	/* Set by saver_release. */
	int64_t pause_us; /* how long the machine was paused, in all */
};

/* Connects to the machine and finds its disk. Returns 0 or -1; saver_free must be called in either case. */
int saver_open(struct saver *s, struct err *e);

/*
 * Pauses the machine and starts the migration, whose first sync makes all of the memory dirty. Nothing is sent before
 * saver_unpause and saver_send. Returns 0 or -1.
 */
int saver_start(struct saver *s, struct err *e);

/* While HELD nothing is read from QEMU, so it cannot finish its pass before the other machines are as far. */
void saver_hold(struct saver *s, bool held);

/* Pauses the machine. Returns 0 or -1. */
int saver_pause(struct saver *s, struct err *e);

/*
 * Makes QEMU sync its dirty bitmap and start the next pass; the last pass if next to nothing is dirty. Returns 0 or -1.
 */
int saver_sync(struct saver *s, struct err *e);

/*
 * Unpauses the machine; the pass is sent after saver_send, which must follow SAVER_SETTLE_MS later: until then QEMU
 * still has the threshold of saver_sync and would sync again by itself (migration_update_counters sets it every 100
 * ms). Both return 0 or -1.
 */
#define SAVER_SETTLE_MS 250
int saver_unpause(struct saver *s, struct err *e);
int saver_send(struct saver *s, struct err *e);

/* Makes the current pass the last one; the machine stays paused. Returns 0 or -1. */
int saver_last(struct saver *s, struct err *e);

/* Asks QEMU for its progress: sets PHASE, SYNCS and LEFT. Returns 0, or -1: also if saving has failed. */
int saver_poll(struct saver *s, struct err *e);

/* In SAVER_STOPPED: switches the disk to its new overlay and lets QEMU send the rest. Returns 0 or -1. */
int saver_switch(struct saver *s, struct err *e);

/* In SAVER_SENT: lets the machine run again, or ends it. Returns 0 or -1. */
int saver_release(struct saver *s, struct err *e);

/* Copies the disk, writes the manifest, and gives the directory its name. Returns 0 or -1. */
int saver_commit(struct saver *s, struct err *e);

/* At any time: lets the machine run if it did before, removes unfinished files, and frees what S holds. */
void saver_free(struct saver *s);

#endif
