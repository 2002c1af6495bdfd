/*
 * The front of every tool: one option table makes the parser, the help, the completion, and the list that the
 * contract test holds against the man page. This file and cli.c are the only part of the library that prints.
 */
#ifndef KS_BASE_CLI_H
#define KS_BASE_CLI_H

#include <stdbool.h>

#include "base/err.h"

/* Exit codes, the same in every tool. */
enum {
	EX_DONE = 0,
	EX_FAIL = 1,
	EX_BAD_USAGE = 2, /* usage error or invalid input file */
	EX_NO = 3,        /* "no" from a question */
	EX_LATE = 124,    /* a deadline passed */
};

/* Ids of options without a letter start here; those below are the letters themselves. */
#define OPT_LONG 256

/* One row of a tool's option table; the table ends with a row of zeros. */
struct opt {
	int id;           /* its letter, or a number from OPT_LONG */
	const char *name; /* its long name, without dashes */
	const char *arg;  /* what its argument is called in the help; NULL: it takes none */
	const char *help; /* one line */
};

struct tool {
	const char *name;
	const char *synopsis; /* what follows the name: "[options] FILE" */
	const char *about;    /* one line: what it does */
	const struct opt *opts;
};

struct cli {
	const struct tool *tool;
	int argc; /* operands left when cli_next has returned CLI_END */
	char **argv;
	const char *arg; /* the argument of the option that cli_next returned */
	bool verbose;    /* -v was given */
	int exit_code;   /* what to exit with when cli_next has returned CLI_EXIT */
	void *rows_;
	char *letters_;
};

#define CLI_END (-1)  /* no more options */
#define CLI_EXIT (-2) /* --help or the like was answered, or the usage was wrong: exit with exit_code */

/*
 * Returns the id of the next option, or CLI_END or CLI_EXIT. -h/--help, -V/--version, -v/--verbose and
 * --completion are every tool's and are dealt with here; -v only sets c->verbose.
 * Start with a struct cli of zeros except TOOL, ARGC and ARGV (those of main).
 */
int cli_next(struct cli *c);

/*
 * Calls TAKE with each option's id; its argument is in C->arg. TAKE returns EX_DONE, or another exit code to stop there.
 * Returns CLI_END, or CLI_EXIT as cli_next does.
 */
int cli_options(struct cli *c, int (*take)(struct cli *c, int id, void *arg), void *arg);

/* A usage error: one line on standard error, and where to look. Returns EX_BAD_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "tool: TEXT" on standard error. cli_fail returns CODE; cli_warn is for what does not end the tool. */
int cli_fail(const struct cli *c, int code, const struct err *e);
void cli_warn(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As cli_warn, only with -v. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The last call of main: frees what the parser holds and flushes standard output; a write error (a full disk)
 * turns CODE into EX_FAIL. Returns the exit code.
 */
int cli_end(struct cli *c, int code);

#endif
