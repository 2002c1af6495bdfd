#include "provider/lock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/readfile.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* The state of a parse. */
struct reader {
	struct lock *lock;
	struct words seen; /* sections */
	const char *section;
	const char *file;
	int line;
};

void lock_free(struct lock *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->v[i].section);
		free(l->v[i].key);
		free(l->v[i].value);
	}
	free(l->v);
	*l = (struct lock){ 0 };
}

/* KIND or KIND NAME */
static bool is_section(const char *text)
{
	size_t kind = strspn(text, LOWER), name;

	if (kind == 0 || text[kind] == '\0')
		return kind > 0;
	name = strspn(text + kind + 1, UPPER LOWER DIGITS "._/:@-");
	return text[kind] == ' ' && name > 0 && text[kind + 1 + name] == '\0';
}

static bool is_key(const char *text)
{
	return strspn(text, LOWER) > 0 && text[strspn(text, LOWER DIGITS "_")] == '\0';
}

const char *lock_get(const struct lock *l, const char *section, const char *key)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i].section, section) == 0 && strcmp(l->v[i].key, key) == 0)
			return l->v[i].value;
	return NULL;
}

int lock_add(struct lock *l, const char *section, const char *key, const char *value, struct err *e)
{
	struct lock_value *v;

	if (!is_section(section))
		return err_set(e, "'%s' is not the name of a section", section);
	if (!is_key(key))
		return err_set(e, "[%s]: '%s' is not a key", section, key);
	if (strchr(value, '\n') != NULL)
		return err_set(e, "[%s]: %s: more than one line", section, key);
	if (lock_get(l, section, key) != NULL)
		return err_set(e, "duplicate key %s", key);
	v = reallocarray(l->v, l->n + 1, sizeof *v);
	if (v == NULL)
		return err_no_memory(e);
	l->v = v;
	v = &v[l->n++];
	*v = (struct lock_value){ .section = strdup(section), .key = strdup(key), .value = strdup(value) };
	return v->section == NULL || v->key == NULL || v->value == NULL ? err_no_memory(e) : 0;
}

static int bad_line(const struct reader *r, struct err *e)
{
	return err_set(e, "%s:%d: neither [section] nor key = value", r->file, r->line);
}

static int take_section(struct reader *r, char *line, struct err *e)
{
	size_t len = strlen(line);

	if (line[len - 1] != ']')
		return bad_line(r, e);
	line[len - 1] = '\0';
	if (!is_section(line + 1))
		return bad_line(r, e);
	if (words_has(&r->seen, line + 1))
		return err_set(e, "%s:%d: duplicate section [%s]", r->file, r->line, line + 1);
	if (words_add(&r->seen, line + 1) < 0)
		return err_no_memory(e);
	r->section = r->seen.v[r->seen.n - 1];
	return 0;
}

static int take_line(struct reader *r, char *line, struct err *e)
{
	size_t blank = strspn(line, " \t");
	char *equals = strstr(line, " = ");

	if (line[blank] == '\0' || line[blank] == ';')
		return 0;
	if (line[0] == '[')
		return take_section(r, line, e);
	if (equals == NULL)
		return bad_line(r, e);
	*equals = '\0';
	if (!is_key(line))
		return bad_line(r, e);
	if (r->section == NULL)
		return err_set(e, "%s:%d: a value before any section", r->file, r->line);
	return lock_add(r->lock, r->section, line, equals + 3, e) < 0 ? err_prefix(e, "%s:%d", r->file, r->line) : 0;
}

static int take_lines(struct reader *r, const char *text, size_t n, struct err *e)
{
	const char *end = text + n, *stop;

	for (; text < end; text = stop + 1) {
		AUTO_FREE char *line = NULL;

		r->line++;
		stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		if (memchr(text, '\0', (size_t)(stop - text)) != NULL)
			return bad_line(r, e);
		line = strndup(text, (size_t)(stop - text));
		if (line == NULL)
			return err_no_memory(e);
		if (take_line(r, line, e) < 0)
			return -1;
	}
	return 0;
}

int lock_parse(struct lock *l, const char *text, size_t n, const char *file, struct err *e)
{
	struct reader r = { .lock = l, .file = file };
	int rc = take_lines(&r, text, n, e);

	words_free(&r.seen);
	if (rc < 0)
		lock_free(l);
	return rc;
}

int lock_read(struct lock *l, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;

	if (read_file(path, READ_FILE_MAX, &text, &n, e) < 0)
		return -1;
	return lock_parse(l, text, n, path, e);
}

/* Is value I the first one of its section? */
static bool begins_section(const struct lock *l, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (strcmp(l->v[j].section, l->v[i].section) == 0)
			return false;
	return true;
}

int lock_names(const struct lock *l, const char *kind, struct words *names)
{
	size_t len = strlen(kind), i;

	for (i = 0; i < l->n; i++)
		if (strncmp(l->v[i].section, kind, len) == 0 && l->v[i].section[len] == ' ' && begins_section(l, i) &&
		    words_add(names, l->v[i].section + len + 1) < 0)
			return -1;
	return 0;
}

const char *lock_digest(const struct lock *l, const char *name)
{
	const char *digest;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strncmp(l->v[i].section, "image ", 6) != 0 || strcmp(l->v[i].key, "name") != 0 ||
		    strcmp(l->v[i].value, name) != 0)
			continue;
		digest = lock_get(l, l->v[i].section, "digest");
		if (digest != NULL)
			return digest;
	}
	return NULL;
}

static void write_section(FILE *f, const struct lock *l, size_t first)
{
	const char *section = l->v[first].section;
	size_t i;

	(void)fprintf(f, "%s[%s]\n", first == 0 && strcmp(section, "lock") == 0 ? "" : "\n", section);
	for (i = first; i < l->n; i++)
		if (strcmp(l->v[i].section, section) == 0)
			(void)fprintf(f, "%s = %s\n", l->v[i].key, l->v[i].value);
}

void lock_write(FILE *f, const struct lock *l, const char *comment)
{
	size_t i;

	if (comment != NULL)
		(void)fprintf(f, "; %s\n", comment);
	for (i = 0; i < l->n; i++)
		if (begins_section(l, i))
			write_section(f, l, i);
}

int lock_save(const struct lock *l, const char *path, const char *comment, struct err *e)
{
	struct out o;

	if (out_open(&o, path, 0666, e) < 0)
		return -1;
	lock_write(o.f, l, comment);
	return out_commit(&o, e);
}

struct digests {
	struct lock *l;
	lock_digest_fn *add;
	const void *arg;
};

static int take_digest(char *line, void *arg, struct err *e)
{
	const struct digests *d = arg;
	char *tab = strchr(line, '\t');

	if (tab == NULL)
		return err_set(e, "not NAME<tab>DIGEST");
	*tab = '\0';
	return d->add(d->l, line, tab + 1, d->arg, e);
}

int lock_read_digests(struct lock *l, int fd, lock_digest_fn *add, const void *arg, struct err *e)
{
	struct digests d = { l, add, arg };

	return read_fd_lines(fd, "standard input", take_digest, &d, e);
}
