/*
 * The command line of every tool. One option table drives the parser, the help, the completion, and the list that the
 * contract test compares with the man page. Of the library, only cli.c and registry/progress.c print.
 */
#ifndef KS_BASE_CLI_H
#define KS_BASE_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

/* Exit codes of every tool; kubestamp(7) documents them. */
enum {
	EX_DONE = 0,
	EX_FAIL = 1,
	EX_BAD_USAGE = 2, /* usage error or invalid input file */
	EX_NO = 3,        /* the answer to the question is no */
	EX_LATE = 124,    /* a timeout has expired */
};

/* The id of an option with a letter is that letter; ids of options without one start here. */
#define OPT_LONG 256

/* One row of a tool's option table, which ends with a row of zeros. */
struct opt {
	int id;           /* its letter, or a number from OPT_LONG on */
	const char *name; /* its long name, without the dashes */
	const char *arg;  /* name of its argument in the help; NULL if it takes none */
	const char *help; /* one line */
};

/* A member of a tool's own structure that an option sets. A table of them ends with a row of zeros. */
struct opt_member {
	int id;
	size_t at;
	enum {
		OPT_TEXT,  /* const char *: the option's argument */
		OPT_WORDS, /* struct words: the argument of each time that it is given */
		OPT_FLAG,  /* bool: it was given */
	} kind;
};

#define OPT_MEMBER(id, type, member)                                                                                     \
	{                                                                                                                \
		id, offsetof(type, member),                                                                            \
		    _Generic(((type *)0)->member, const char *: OPT_TEXT, struct words: OPT_WORDS, bool: OPT_FLAG) \
	}

struct tool {
	const char *name;
	const char *synopsis; /* the part after the name, such as "[options] FILE" */
	const char *about;    /* what it does, in one line */
	const struct opt *opts;
	const struct opt_member *members; /* of the structure that cli_options gets; NULL: none */
};

struct cli {
	const struct tool *tool;
	int argc; /* the operands, once cli_next has returned CLI_END */
	char **argv;
	const char *arg; /* the argument of the option that cli_next has returned */
	bool verbose;    /* -v was given */
	int exit_code;   /* set when cli_next has returned CLI_EXIT */
	void *rows_;
	char *letters_;
};

#define CLI_END (-1)  /* no more options */
#define CLI_EXIT (-2) /* --help or the like, or a usage error: exit with exit_code */

/*
 * Returns the id of the next option, CLI_END or CLI_EXIT. The options that all tools have (-h, -V, -v, --completion)
 * are handled here; -v sets c->verbose. Initialize C to zero except for TOOL, ARGC and ARGV (those of main).
 */
int cli_next(struct cli *c);

/*
 * Sets the members of ARG that the tool names for its options, and calls TAKE with the id of each other one; its argument
 * is in C->arg. TAKE returns EX_DONE, or another exit code to stop there; it is NULL if there is no other option.
 * Returns CLI_END, or CLI_EXIT as cli_next does.
 */
int cli_options(struct cli *c, int (*take)(struct cli *c, int id, void *arg), void *arg);

/* A usage error: one line on standard error, and where to look. Returns EX_BAD_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print "tool: TEXT" on standard error: cli_fail for an error that ends the tool (returns CODE), cli_warn for others.
 */
int cli_fail(const struct cli *c, int code, const struct err *e);
void cli_warn(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* cli_fail for the error "out of memory". Returns EX_FAIL. */
int cli_no_memory(const struct cli *c);

/* Like cli_warn, but only with -v. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The last call of main: frees the parser and flushes standard output. A write error, such as a full disk, turns
 * EX_DONE into EX_FAIL. Returns the exit code.
 */
int cli_end(struct cli *c, int code);

#endif
