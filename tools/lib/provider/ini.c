#include "provider/ini.h"

#include <ctype.h>
#include <ini.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* inih's MAX_SECTION and MAX_NAME are 50, with the NUL. */
#define NAME_MAX_LEN 49

struct seen {
	int line;
	const char *key; /* points into TEXT */
	char text[];     /* section NUL key NUL */
};

struct state {
	const struct inifile *in;
	struct err *e;
	struct iniline l;
	char section[NAME_MAX_LEN + 1];
	bool has_key; /* a continuation line can follow: the section has a key */
	bool failed;  /* e is set, reading has ended */
	void *seen;   /* a tree of struct seen, see tsearch(3) */
};

int inifile_err(const struct iniline *l, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	if (l->key == NULL)
		return err_prefix(e, "%s:%d: [%s]", l->file, l->line, l->section);
	if (l->section[0] == '\0')
		return err_prefix(e, "%s:%d: %s", l->file, l->line, l->key);
	return err_prefix(e, "%s:%d: %s.%s", l->file, l->line, l->section, l->key);
}

static int bad_line(const struct state *st, const char *what)
{
	return err_set(st->e, "%s:%d: %s", st->l.file, st->l.line, what);
}

/* The first of CHARS in S, the start of a comment, or the end of S: the rule of libinih. */
static char *find(char *s, const char *chars)
{
	bool space = false;

	for (; *s != '\0' && strchr(chars, *s) == NULL && !(space && *s == ';'); s++)
		space = isspace((unsigned char)*s);
	return s;
}

static char *skip_space(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int check_heading(struct state *st, char *s)
{
	char *end = find(s, "]");
	char *rest;

	if (*end != ']')
		return bad_line(st, "the section's name does not end with ]");
	if (end == s)
		return bad_line(st, "the section has no name");
	if (end - s > NAME_MAX_LEN)
		return bad_line(st, "the section's name is longer than 49 bytes");
	rest = skip_space(end + 1);
	if (*rest != '\0' && !(*rest == ';' && rest > end + 1))
		return bad_line(st, "text after the section's name");
	(void)snprintf(st->section, sizeof st->section, "%.*s", (int)(end - s), s);
	st->has_key = false;
	st->l.section = st->section;
	st->l.key = NULL;
	st->l.value = NULL;
	return st->in->section != NULL ? st->in->section(&st->l, st->in->arg, st->e) : 0;
}

static int check_key(struct state *st, char *s)
{
	char *end = find(s, "=:");

	if (*end != '=' && *end != ':')
		return bad_line(st, "neither \"KEY = VALUE\" nor \"[SECTION]\"");
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	if (end == s)
		return bad_line(st, "the value has no key");
	if (end - s > NAME_MAX_LEN)
		return bad_line(st, "the key is longer than 49 bytes");
	st->has_key = true;
	return 0;
}

/* Rejects what libinih would accept. LINE is what it gets to see. */
static int check_line(struct state *st, char *line)
{
	char *s;

	if (st->l.line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	s = skip_space(line);
	st->l.continuation = false;
	if (*s == '\0' || *s == ';' || *s == '#')
		return 0;
	if (s > line) {
		if (!st->has_key)
			return bad_line(st, "indented, but there is no key above it to continue");
		st->l.continuation = true;
		return 0;
	}
	return *s == '[' ? check_heading(st, s + 1) : check_key(st, s);
}

/* Reads a line into the SIZE bytes of LINE; a longer one is an error. Returns 1, 0 at the end of the file, or -1. */
static int get_line(struct state *st, char *line, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = getc(st->in->f)) != EOF && c != '\n') {
		if (c == '\0')
			return bad_line(st, "a NUL byte");
		/* libinih needs two bytes more, for the newline and the NUL. */
		if (n + 2 >= size)
			return err_set(st->e, "%s:%d: longer than %zu bytes", st->l.file, st->l.line, size - 2);
		line[n++] = (char)c;
	}
	line[n] = '\0';
	if (ferror(st->in->f))
		return err_sys(st->e, "%s", st->l.file);
	return c != EOF || n > 0;
}

/* The reader that libinih calls; NULL means the end of the file. */
static char *next_line(char *line, int size, void *arg)
{
	struct state *st = arg;
	int rc;

	if (st->failed)
		return NULL;
	st->l.line++;
	rc = get_line(st, line, (size_t)size);
	if (rc < 0 || (rc > 0 && check_line(st, line) < 0))
		st->failed = true;
	return rc > 0 && !st->failed ? line : NULL;
}

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a;
	const struct seen *y = b;
	int rc = strcmp(x->text, y->text);

	return rc != 0 ? rc : strcmp(x->key, y->key);
}

/* Remembers the key of st->l; an error if the section already has it. */
static int check_again(struct state *st)
{
	size_t section_size = strlen(st->l.section) + 1;
	size_t key_size = strlen(st->l.key) + 1;
	struct seen *new = malloc(sizeof *new + section_size + key_size);
	struct seen **found;

	if (new == NULL)
		return err_no_memory(st->e);
	new->line = st->l.line;
	new->key = new->text + section_size;
	(void)memcpy(new->text, st->l.section, section_size);
	(void)memcpy(new->text + section_size, st->l.key, key_size);
	found = tsearch(new, &st->seen, compare_seen);
	if (found != NULL && *found == new)
		return 0;
	free(new);
	if (found == NULL)
		return err_no_memory(st->e);
	return inifile_err(&st->l, st->e, "already set in line %d", (*found)->line);
}

static int take(struct state *st, const char *value)
{
	char *more, *end;
	int rc;

	st->l.value = value;
	if (!st->l.continuation) {
		if (st->l.key[strlen(st->l.key) - 1] != '+' && check_again(st) < 0)
			return -1;
		return st->in->with(&st->l, st->in->arg, st->e);
	}
	/* libinih does not remove the comment of a continuation line. */
	more = strdup(value);
	if (more == NULL)
		return err_no_memory(st->e);
	end = find(more, "");
	while (end > more && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	st->l.value = more;
	rc = st->in->with(&st->l, st->in->arg, st->e);
	free(more);
	return rc;
}

static int handle(void *arg, const char *section, const char *key, const char *value)
{
	struct state *st = arg;

	st->l.section = section;
	st->l.key = key;
	if (take(st, value) < 0)
		st->failed = true;
	return 1;
}

int inifile_parse(const struct inifile *in, struct err *e)
{
	struct state st = { .in = in, .e = e, .l.file = in->name };
	int rc = ini_parse_stream(next_line, &st, handle, &st);

	tdestroy(st.seen, free);
	if (st.failed)
		return -1;
	/* check_line has rejected whatever libinih rejects; this is for safety. */
	if (rc > 0)
		return err_set(e, "%s:%d: not a line of an INI file", in->name, rc);
	return rc < 0 ? err_no_memory(e) : 0;
}

int inifile_read(const char *path, inifile_fn *with, void *arg, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	struct inifile in = { .f = f, .name = path, .with = with, .arg = arg };

	return f == NULL ? err_sys(e, "%s", path) : inifile_parse(&in, e);
}
