#include "base/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"

enum { OPT_COMPLETION = 10000 };

static const struct opt common[] = {
	{ 'v', "verbose", NULL, "print more messages on standard error" },
	{ 'h', "help", NULL, "show this help and exit" },
	{ 'V', "version", NULL, "show the version and exit" },
	{ OPT_COMPLETION, "completion", NULL, "print completion for bash and exit" },
	{ 0, NULL, NULL, NULL },
};

/* Calls WITH for each option of T, then for those that all tools have. */
static void each_option(const struct tool *t, void (*with)(const struct opt *, void *), void *arg)
{
	const struct opt *o;

	for (o = t->opts; o != NULL && o->name != NULL; o++)
		with(o, arg);
	for (o = common; o->name != NULL; o++)
		with(o, arg);
}

static void print_help_row(const struct opt *o, void *arg)
{
	char left[64];
	bool letter = o->id < OPT_LONG;

	(void)arg;
	(void)snprintf(left, sizeof left, "%c%c%s--%s%s%s", letter ? '-' : ' ', letter ? (char)o->id : ' ',
	    letter ? ", " : "  ", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
	if (strlen(left) > 26)
		(void)printf("  %s\n  %-26s %s\n", left, "", o->help);
	else
		(void)printf("  %-26s %s\n", left, o->help);
}

static void print_word(const struct opt *o, void *arg)
{
	(void)arg;
	(void)printf(" --%s", o->name);
}

static void print_help(const struct tool *t)
{
	(void)printf("Usage: %s %s\n%s\n\n", t->name, t->synopsis, t->about);
	each_option(t, print_help_row, NULL);
	(void)printf("\nSee %s(1) and kubestamp(7).\n", t->name);
}

/* Words that start with a dash complete to options, all others to file names. */
static void print_completion(const struct tool *t)
{
	(void)printf("complete -o default -W '");
	each_option(t, print_word, NULL);
	(void)printf("' %s\n", t->name);
}

struct tables {
	struct option *rows;
	char *letters;
	size_t nrows, nletters;
};

static void add_row(const struct opt *o, void *arg)
{
	struct tables *t = arg;

	t->rows[t->nrows++] = (struct option){ o->name, o->arg != NULL ? required_argument : no_argument, NULL, o->id };
	if (o->id >= OPT_LONG)
		return;
	t->letters[t->nletters++] = (char)o->id;
	if (o->arg != NULL)
		t->letters[t->nletters++] = ':';
}

static void count_row(const struct opt *o, void *arg)
{
	(void)o;
	++*(size_t *)arg;
}

static int make_tables(struct cli *c)
{
	size_t n = 0;
	struct tables t = { 0 };

	each_option(c->tool, count_row, &n);
	t.rows = calloc(n + 1, sizeof *t.rows);
	t.letters = calloc(2 * n + 3, 1);
	if (t.rows == NULL || t.letters == NULL) {
		free(t.rows);
		free(t.letters);
		return -1;
	}
	/* "+": options end at the first operand; ":": getopt_long reports errors to us instead of printing them. */
	t.letters[t.nletters++] = '+';
	t.letters[t.nletters++] = ':';
	each_option(c->tool, add_row, &t);
	c->rows_ = t.rows;
	c->letters_ = t.letters;
	optind = 1;
	opterr = 0;
	return 0;
}

static int quit(struct cli *c, int code)
{
	c->exit_code = code;
	return CLI_EXIT;
}

int cli_next(struct cli *c)
{
	int id;

	if (c->rows_ == NULL && make_tables(c) < 0)
		return quit(c, cli_no_memory(c));
	id = getopt_long(c->argc, c->argv, c->letters_, c->rows_, NULL);
	c->arg = optarg;
	switch (id) {
	case -1:
		c->argc -= optind;
		c->argv += optind;
		return CLI_END;
	case 'h':
		print_help(c->tool);
		return quit(c, EX_DONE);
	case 'V':
		(void)printf("%s (kubestamp) %s\n", c->tool->name, KS_VERSION);
		return quit(c, EX_DONE);
	case OPT_COMPLETION:
		print_completion(c->tool);
		return quit(c, EX_DONE);
	case 'v':
		c->verbose = true;
		return cli_next(c);
	case ':':
		return quit(c, cli_usage(c, "option '%s' needs an argument", c->argv[optind - 1]));
	case '?':
		if (optopt != 0 && optopt < OPT_LONG)
			return quit(c, cli_usage(c, "unknown option '-%c'", optopt));
		return quit(c, cli_usage(c, "unknown or ambiguous option '%s'", c->argv[optind - 1]));
	default:
		return id;
	}
}

static const struct opt_member *find_member(const struct tool *t, int id)
{
	const struct opt_member *m = t->members;

	while (m != NULL && m->id != 0 && m->id != id)
		m++;
	return m != NULL && m->id != 0 ? m : NULL;
}

/* Sets the member M of ARG. Returns an exit code. */
static int set_member(const struct cli *c, const struct opt_member *m, void *arg)
{
	void *to = (char *)arg + m->at;

	switch (m->kind) {
	case OPT_TEXT:
		*(const char **)to = c->arg;
		break;
	case OPT_FLAG:
		*(bool *)to = true;
		break;
	case OPT_WORDS:
		return words_add(to, c->arg) < 0 ? cli_no_memory(c) : EX_DONE;
	}
	return EX_DONE;
}

int cli_options(struct cli *c, int (*take)(struct cli *c, int id, void *arg), void *arg)
{
	const struct opt_member *m;
	int id, code;

	while ((id = cli_next(c)) >= 0) {
		m = find_member(c->tool, id);
		code = m != NULL ? set_member(c, m, arg) : take(c, id, arg);
		if (code != EX_DONE)
			return quit(c, code);
	}
	return id;
}

static __attribute__((format(printf, 2, 0))) void talk(const struct cli *c, const char *fmt, va_list ap)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: ", c->tool->name);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	talk(c, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "Try '%s --help'.\n", c->tool->name);
	return EX_BAD_USAGE;
}

int cli_fail(const struct cli *c, int code, const struct err *e)
{
	cli_warn(c, "%s", e->msg);
	return code;
}

int cli_no_memory(const struct cli *c)
{
	struct err e;

	(void)err_no_memory(&e);
	return cli_fail(c, EX_FAIL, &e);
}

void cli_warn(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	talk(c, fmt, ap);
	va_end(ap);
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->verbose)
		return;
	va_start(ap, fmt);
	talk(c, fmt, ap);
	va_end(ap);
}

int cli_end(struct cli *c, int code)
{
	free(c->rows_);
	free(c->letters_);
	c->rows_ = NULL;
	c->letters_ = NULL;
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == EX_DONE) {
		(void)fprintf(stderr, "%s: standard output: %s\n", c->tool->name, strerror(errno));
		return EX_FAIL;
	}
	return code;
}
