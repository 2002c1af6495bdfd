#include "provider/ini_edit.h"

#include <stdbool.h>
#include <string.h>

struct edit {
	FILE *f;
	const char *section, *key, *value;
	bool inside; /* in the section */
	bool done;   /* the value is written */
	bool old;    /* the last line was the old value, or a continuation of it */
	/* Empty lines in the section that are not written yet: a new value goes before them. */
	const char *blank;
	size_t blank_n;
};

static void flush_blank(struct edit *d)
{
	if (d->blank_n > 0)
		(void)fwrite(d->blank, 1, d->blank_n, d->f);
	d->blank_n = 0;
}

static void put_value(struct edit *d)
{
	(void)fprintf(d->f, "%s = %s\n", d->key, d->value);
	d->done = true;
}

static bool is_blank(const char *line, size_t n)
{
	return strspn(line, " \t") >= n;
}

/* Is the line [SECTION]? */
static bool is_heading(const struct edit *d, const char *line, size_t n)
{
	size_t len = strlen(d->section);

	return n == len + 2 && line[n - 1] == ']' && strncmp(line + 1, d->section, len) == 0;
}

static bool is_value(const struct edit *d, const char *line, size_t n)
{
	size_t len = strlen(d->key), i = len;

	if (n <= len || strncmp(line, d->key, len) != 0)
		return false;
	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i < n && line[i] == '=';
}

/* Takes a line of N bytes, without its newline. */
static void take_line(struct edit *d, const char *line, size_t n)
{
	bool old = d->old;

	d->old = false;
	if (n > 0 && line[0] == '[') {
		if (d->inside && !d->done)
			put_value(d);
		d->inside = is_heading(d, line, n);
	} else if (is_blank(line, n) && d->inside && !d->done) {
		if (d->blank_n == 0)
			d->blank = line;
		d->blank_n += n + 1;
		return;
	} else if (old && (line[0] == ' ' || line[0] == '\t')) {
		d->old = true;
		return;
	} else if (d->inside && !d->done && is_value(d, line, n)) {
		flush_blank(d);
		put_value(d);
		d->old = true;
		return;
	}
	flush_blank(d);
	(void)fwrite(line, 1, n, d->f);
	(void)fputc('\n', d->f);
}

void ini_edit(FILE *f, const char *text, size_t n, const char *section, const char *key, const char *value)
{
	struct edit d = { .f = f, .section = section, .key = key, .value = value };
	const char *end = text + n, *stop;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		take_line(&d, text, (size_t)(stop - text));
	}
	if (d.inside && !d.done)
		put_value(&d);
	if (!d.done) {
		(void)fprintf(f, "\n[%s]\n", section);
		put_value(&d);
	}
	/* The last empty line may lack its newline. */
	if (d.blank_n > 0 && d.blank + d.blank_n > end)
		d.blank_n = (size_t)(end - d.blank);
	flush_blank(&d);
}
