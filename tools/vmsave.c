/* vmsave: saves the state of machines that run, all of them as of the same moment; they go on. */
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
#include "snapshot/dir.h"
#include "snapshot/resume.h"
#include "snapshot/saver.h"
#include "vm/supervise.h"

#define MACHINES 99
#define MAPS 6
#define ASK_MS 1
#define NEAR (8ULL << 20)    /* bytes: a pass is about to end */
#define LITTLE (24ULL << 20) /* bytes: they are sent in some 30 ms */
#define PASSES 4             /* a machine that changes more than LITTLE during each of them stands still for longer */

enum { OPT_MAP = OPT_LONG, OPT_NO_SYNC };

static const struct opt options[] = {
	{ 'q', "quit", NULL, "the machines end when they are saved" },
	{ 'z', "compress", NULL, "pack the memory, for publishing (see vmstate(1))" },
	{ OPT_MAP, "map", "INSIDE=HERE", "where a directory of the machine's is here" },
	{ OPT_NO_SYNC, "no-sync", NULL, "do not wait for the disk" },
	{ 't', "timeout", "SECONDS", "time until all are saved (default: 120)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool vmsave_tool = {
	.name = "vmsave",
	.synopsis = "[options] RUN-DIR STATE [RUN-DIR STATE]...",
	.about = "Save the state of QEMU virtual machines; they go on.",
	.opts = options,
};

struct save {
	struct vm_saver *v;
	size_t n;
	struct vm_map maps[MAPS];
	size_t nmaps;
	bool quit, compress, no_sync;
	int64_t seconds, deadline;
};

static int add_map(struct save *s, char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || text[0] != '/' || equals[1] == '\0' || s->nmaps == MAPS)
		return -1;
	*equals = '\0';
	s->maps[s->nmaps++] = (struct vm_map){ text, equals + 1 };
	return 0;
}

/* Returns CLI_END, or CLI_EXIT with the code in C. */
static int parse(struct cli *c, struct save *s)
{
	int id;

	while ((id = cli_next(c)) != CLI_END) {
		switch (id) {
		case 'q':
			s->quit = true;
			break;
		case 'z':
			s->compress = true;
			break;
		case OPT_NO_SYNC:
			s->no_sync = true;
			break;
		case OPT_MAP:
			if (add_map(s, (char *)(uintptr_t)c->arg) == 0)
				break;
			c->exit_code = cli_usage(c, "map: not INSIDE=HERE with absolute INSIDE, or more than %d", MAPS);
			return CLI_EXIT;
		case 't':
			if (num_parse(c->arg, 1, 86400, &s->seconds) == 0)
				break;
			c->exit_code = cli_usage(c, "timeout: '%s' is not a number of seconds", c->arg);
			return CLI_EXIT;
		default:
			return CLI_EXIT;
		}
	}
	if (c->argc > 0 && c->argc % 2 == 0 && c->argc / 2 <= MACHINES)
		return CLI_END;
	c->exit_code =
	    cli_usage(c, "expected pairs of a runtime directory and a state to be made, at most %d", MACHINES);
	return CLI_EXIT;
}

static int each(struct save *s, int (*step)(struct vm_saver *, struct err *), struct err *e)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (step(&s->v[i], e) < 0)
			return err_prefix(e, "%s", s->v[i].run);
	return 0;
}

/* Asks all of them; LEAST is the phase of the last. */
static int ask(struct save *s, enum vm_phase *least, struct err *e)
{
	size_t i;

	*least = VM_SAVED;
	for (i = 0; i < s->n; i++) {
		if (vm_saver_ask(&s->v[i], e) < 0)
			return err_prefix(e, "%s", s->v[i].run);
		*least = s->v[i].phase < *least ? s->v[i].phase : *least;
	}
	if (ms_left(s->deadline) == 0)
		return err_set(e, "not saved in time");
	(void)nanosleep(&(struct timespec){ 0, ASK_MS * 1000000 }, NULL);
	return 0;
}

/* True when all have come to the end of the pass. Those that are there first wait for the others. */
static int is_near(struct save *s, bool *near, struct err *e)
{
	struct vm_saver *v;
	size_t i;

	*near = true;
	for (i = 0; i < s->n; i++) {
		v = &s->v[i];
		if (v->phase != VM_SENDING)
			continue;
		/* What has been missed nobody knows. */
		if (v->pass > v->looked)
			return err_set(e, "%s: QEMU has looked for changes while the machine ran; try again", v->run);
		if (v->left > NEAR)
			*near = false;
		else if (s->n > 1)
			vm_saver_hold(v, true);
	}
	return 0;
}

/* Until each has begun its next pass, or the last one by itself. CHANGED is the most that one of them has to send. */
static int until_pass(struct save *s, uint64_t *changed, struct err *e)
{
	enum vm_phase least;
	bool begun;
	size_t i;

	do {
		if (ask(s, &least, e) < 0)
			return -1;
		begun = true;
		*changed = 0;
		for (i = 0; i < s->n; i++)
			if (s->v[i].phase == VM_SENDING) {
				begun = begun && s->v[i].pass > s->v[i].looked;
				*changed = s->v[i].left > *changed ? s->v[i].left : *changed;
			}
	} while (!begun);
	return 0;
}

/* All go on; nothing is sent yet. */
static int go_on(struct save *s, struct err *e)
{
	int64_t until = now_ms() + VM_SAVER_FORGET_MS;
	enum vm_phase ignored;

	if (each(s, vm_saver_thaw, e) < 0)
		return -1;
	while (now_ms() < until)
		if (ask(s, &ignored, e) < 0)
			return -1;
	return each(s, vm_saver_send, e);
}

/* Pass after pass, until little has changed during one, and all stand still. They do so for the first look too. */
static int until_stopped(struct save *s, struct err *e)
{
	enum vm_phase least = VM_SENDING;
	uint64_t changed;
	int pass = 1;
	bool near;

	if (until_pass(s, &changed, e) < 0 || each(s, vm_saver_thaw, e) < 0 || each(s, vm_saver_send, e) < 0)
		return -1;
	for (;;) {
		do
			if (ask(s, &least, e) < 0 || is_near(s, &near, e) < 0)
				return -1;
		while (!near);
		if (each(s, vm_saver_freeze, e) < 0 || each(s, vm_saver_look, e) < 0 || until_pass(s, &changed, e) < 0)
			return -1;
		if (changed <= LITTLE || pass++ == PASSES)
			break;
		if (go_on(s, e) < 0)
			return -1;
	}
	if (each(s, vm_saver_last, e) < 0)
		return -1;
	while (least < VM_STOPPED)
		if (ask(s, &least, e) < 0)
			return -1;
	return 0;
}

static int until_saved(struct save *s, struct err *e)
{
	enum vm_phase least;

	do
		if (ask(s, &least, e) < 0)
			return -1;
	while (least < VM_SAVED);
	return 0;
}

static int pack(const struct save *s, struct err *e)
{
	size_t i;

	for (i = 0; s->compress && i < s->n; i++)
		if (vmdir_pack(s->v[i].dir, VM_SAVED_RAM, false, e) < 0)
			return -1;
	return 0;
}

/* All stop within the same few milliseconds, and go on when all have been saved. */
static int save(struct save *s, struct err *e)
{
	if (each(s, vm_saver_open, e) < 0 || each(s, vm_saver_begin, e) < 0 || until_stopped(s, e) < 0 ||
	    each(s, vm_saver_switch, e) < 0 || until_saved(s, e) < 0 || each(s, vm_saver_go_on, e) < 0)
		return -1;
	return each(s, vm_saver_finish, e) < 0 ? -1 : pack(s, e);
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
	/* A machine that ends in the middle must not end this. */
	(void)signal(SIGPIPE, SIG_IGN);
	s.deadline = now_ms() + s.seconds * 1000;
	for (i = 0; i < s.n; i++)
		s.v[i] = (struct vm_saver){ .run = c.argv[2 * i],
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
			cli_note(&c, "%s: stood still for %" PRId64 " ms", s.v[i].run, s.v[i].pause_us / 1000);
		vm_saver_free(&s.v[i]);
	}
	free(s.v);
	(void)close(signals);
	return cli_end(&c, rc);
}
