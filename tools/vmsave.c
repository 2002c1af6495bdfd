/* vmsave: saves running machines, all as of the same moment; they continue to run. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/output.h"
#include "snapshot/manifest.h"
#include "snapshot/pack.h"
#include "snapshot/saver.h"
#include "vm/supervise.h"

#define MACHINES_MAX 99
#define MAPS_MAX 6
#define POLL_MS 1
#define NEAR_END (8ULL << 20) /* bytes left: a pass is about to end */
#define LITTLE (24ULL << 20)  /* bytes: they are sent in about 30 ms */
#define PASSES 4              /* a machine that changes more than LITTLE during each of them is paused for longer */

enum { OPT_MAP = OPT_LONG, OPT_NO_SYNC };

static const struct opt options[] = {
	{ 'q', "quit", NULL, "end the machines when they are saved" },
	{ 'z', "compress", NULL, "pack the memory, for publishing; see vmstate(1)" },
	{ OPT_MAP, "map", "INSIDE=HERE", "the machine's directory INSIDE is HERE" },
	{ OPT_NO_SYNC, "no-sync", NULL, "do not wait for the disk" },
	{ 't', "timeout", "SECONDS", "time limit until all are saved (default: 120)" },
	{ 0, NULL, NULL, NULL },
};

struct save {
	struct saver *v;
	size_t n;
	struct disks_map maps[MAPS_MAX];
	size_t nmaps;
	bool quit, compress, no_sync;
	int64_t seconds, deadline;
};

static const struct opt_member members[] = {
	OPT_MEMBER('q', struct save, quit),
	OPT_MEMBER('z', struct save, compress),
	OPT_MEMBER(OPT_NO_SYNC, struct save, no_sync),
	{ 0, 0, OPT_TEXT },
};

static const struct tool vmsave_tool = {
	.name = "vmsave",
	.synopsis = "[options] RUN-DIR STATE [RUN-DIR STATE]...",
	.about = "Save running QEMU virtual machines; they continue to run.",
	.opts = options,
	.members = members,
};

static int add_map(struct save *s, char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || text[0] != '/' || equals[1] == '\0' || s->nmaps == MAPS_MAX)
		return -1;
	*equals = '\0';
	s->maps[s->nmaps++] = (struct disks_map){ text, equals + 1 };
	return 0;
}

/* Takes --map or --timeout. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct save *s = arg;

	if (id == OPT_MAP) {
		if (add_map(s, (char *)(uintptr_t)c->arg) == 0)
			return EX_DONE;
		return cli_usage(c, "map: expected INSIDE=HERE with an absolute INSIDE, at most %d times", MAPS_MAX);
	}
	if (num_parse(c->arg, 1, 86400, &s->seconds) == 0)
		return EX_DONE;
	return cli_usage(c, "timeout: '%s' is not a number of seconds", c->arg);
}

/* Returns CLI_END, or CLI_EXIT with the code in C. */
static int parse(struct cli *c, struct save *s)
{
	if (cli_options(c, take, s) == CLI_EXIT)
		return CLI_EXIT;
	if (c->argc > 0 && c->argc % 2 == 0 && c->argc / 2 <= MACHINES_MAX)
		return CLI_END;
	c->exit_code =
	    cli_usage(c, "expected pairs of a runtime directory and a directory to create, at most %d", MACHINES_MAX);
	return CLI_EXIT;
}

static int each(struct save *s, int (*step)(struct saver *, struct err *), struct err *e)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (step(&s->v[i], e) < 0)
			return err_prefix(e, "%s", s->v[i].run);
	return 0;
}

/* Polls all machines; LEAST becomes the earliest phase that any is in. Returns 0 or -1. */
static int poll_all(struct save *s, enum saver_phase *least, struct err *e)
{
	size_t i;

	*least = SAVER_SENT;
	for (i = 0; i < s->n; i++) {
		if (saver_poll(&s->v[i], e) < 0)
			return err_prefix(e, "%s", s->v[i].run);
		*least = s->v[i].phase < *least ? s->v[i].phase : *least;
	}
	if (ms_left(s->deadline) == 0)
		return err_set(e, "timeout");
	(void)nanosleep(&(struct timespec){ 0, POLL_MS * 1000000 }, NULL);
	return 0;
}

/* NEAR: every machine is about to end its pass. Those that are there first wait for the others. Returns 0 or -1. */
static int is_near_end(struct save *s, bool *near, struct err *e)
{
	struct saver *v;
	size_t i;

	*near = true;
	for (i = 0; i < s->n; i++) {
		v = &s->v[i];
		if (v->phase != SAVER_SENDING)
			continue;
		/* Such a sync may have missed pages (saver.h). */
		if (v->syncs > v->syncs_paused)
			return err_set(
			    e, "%s: QEMU looked for dirty pages while the machine was running; try again", v->run);
		if (v->left > NEAR_END)
			*near = false;
		else if (s->n > 1)
			saver_hold(v, true);
	}
	return 0;
}

/* Waits until each has begun its next pass, or its last one. DIRTY: the most that one has to send in it, bytes. */
static int until_synced(struct save *s, uint64_t *dirty, struct err *e)
{
	enum saver_phase least;
	bool synced;
	size_t i;

	do {
		if (poll_all(s, &least, e) < 0)
			return -1;
		synced = true;
		*dirty = 0;
		for (i = 0; i < s->n; i++)
			if (s->v[i].phase == SAVER_SENDING) {
				synced = synced && s->v[i].syncs > s->v[i].syncs_paused;
				*dirty = s->v[i].left > *dirty ? s->v[i].left : *dirty;
			}
	} while (!synced);
	return 0;
}

/* Unpauses all machines, and starts to send once QEMU will not sync by itself. */
static int unpause(struct save *s, struct err *e)
{
	int64_t until = now_ms() + SAVER_SETTLE_MS;
	enum saver_phase ignored;

	if (each(s, saver_unpause, e) < 0)
		return -1;
	while (now_ms() < until)
		if (poll_all(s, &ignored, e) < 0)
			return -1;
	return each(s, saver_send, e);
}

/*
 * Pass after pass, until little has changed during one; the machines are paused whenever QEMU syncs, the first time
 * too. Then the last pass, after which all machines stay paused.
 */
static int until_stopped(struct save *s, struct err *e)
{
	enum saver_phase least = SAVER_SENDING;
	uint64_t dirty;
	int pass = 1;
	bool near;

	if (until_synced(s, &dirty, e) < 0 || each(s, saver_unpause, e) < 0 || each(s, saver_send, e) < 0)
		return -1;
	for (;;) {
		do
			if (poll_all(s, &least, e) < 0 || is_near_end(s, &near, e) < 0)
				return -1;
		while (!near);
		if (each(s, saver_pause, e) < 0 || each(s, saver_sync, e) < 0 || until_synced(s, &dirty, e) < 0)
			return -1;
		if (dirty <= LITTLE || pass++ == PASSES)
			break;
		if (unpause(s, e) < 0)
			return -1;
	}
	if (each(s, saver_last, e) < 0)
		return -1;
	while (least < SAVER_STOPPED)
		if (poll_all(s, &least, e) < 0)
			return -1;
	return 0;
}

static int until_sent(struct save *s, struct err *e)
{
	enum saver_phase least;

	do
		if (poll_all(s, &least, e) < 0)
			return -1;
	while (least < SAVER_SENT);
	return 0;
}

static int pack(const struct save *s, struct err *e)
{
	size_t i;

	for (i = 0; s->compress && i < s->n; i++)
		if (saved_pack(s->v[i].dir, SAVED_RAM, false, e) < 0)
			return -1;
	return 0;
}

/* All machines are paused within a few milliseconds, and run again once all have been saved. */
static int save(struct save *s, struct err *e)
{
	if (each(s, saver_open, e) < 0 || each(s, saver_start, e) < 0 || until_stopped(s, e) < 0 ||
	    each(s, saver_switch, e) < 0 || until_sent(s, e) < 0 || each(s, saver_release, e) < 0)
		return -1;
	return each(s, saver_commit, e) < 0 ? -1 : pack(s, e);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmsave_tool, .argc = argc, .argv = argv };
	struct save s = { .seconds = 120 };
	struct err e = { 0 };
	size_t i;
	int rc, signals;

	if (parse(&c, &s) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	signals = vm_signals(&e);
	s.n = (size_t)c.argc / 2;
	s.v = calloc(s.n, sizeof *s.v);
	if (signals < 0 || s.v == NULL)
		return cli_end(&c, cli_fail(&c, EX_FAIL, &e));
	/* A machine that ends meanwhile must not kill this process. */
	(void)signal(SIGPIPE, SIG_IGN);
	s.deadline = now_ms() + s.seconds * 1000;
	for (i = 0; i < s.n; i++)
		s.v[i] = (struct saver){ .run = c.argv[2 * i],
			.dir = c.argv[2 * i + 1],
			.maps = s.maps,
			.nmaps = s.nmaps,
			.quit = s.quit,
			.no_sync = s.no_sync,
			.cancel_fd = signals,
			.deadline = s.deadline,
			.q = { .fd = -1 },
			.lock = -1,
			.out_lock = -1 };
	rc = save(&s, &e) == 0 ? EX_DONE : cli_fail(&c, ms_left(s.deadline) == 0 ? EX_LATE : EX_FAIL, &e);
	for (i = 0; i < s.n; i++) {
		if (rc == EX_DONE && s.v[i].pause_us > 0)
			cli_note(&c, "%s: paused for %" PRId64 " ms", s.v[i].run, s.v[i].pause_us / 1000);
		saver_free(&s.v[i]);
	}
	free(s.v);
	(void)close(signals);
	return cli_end(&c, rc);
}
