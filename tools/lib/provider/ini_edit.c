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

/* A longer line could not be read (ini.h); its words go to continuation lines, which are not wider than WRAP. */
enum { LINE = 198, WRAP = 110 };

static void put_value(struct edit *d)
{
	bool wrap = strlen(d->key) + strlen(" = ") + strlen(d->value) > LINE;
	const char *rest = d->value, *blank;

	(void)fprintf(d->f, "%s = ", d->key);
	while (wrap && strlen(rest) > WRAP && (blank = memrchr(rest, ' ', WRAP)) != NULL) {
		(void)fprintf(d->f, "%.*s\n  ", (int)(blank - rest), rest);
		rest = blank + 1;
	}
	(void)fprintf(d->f, "%s\n", rest);
	d->done = true;
}

static const char *line_end(const char *line, const char *end)
{
	const char *stop = memchr(line, '\n', (size_t)(end - line));

	return stop != NULL ? stop : end;
}

static bool is_blank(const char *line, size_t n)
{
	return strspn(line, " \t") >= n;
}

/* Is the line [SECTION]? */
static bool is_heading(const char *section, const char *line, size_t n)
{
	size_t len = strlen(section);

	return n == len + 2 && line[n - 1] == ']' && strncmp(line + 1, section, len) == 0;
}

/* Where "=" is in a line "KEY = VALUE", or "+=" in "KEY += VALUE"; 0 if the line is neither. */
static size_t assignment(const char *key, const char *line, size_t n)
{
	size_t len = strlen(key), i = len;

	if (n <= len || strncmp(line, key, len) != 0)
		return 0;
	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	if (i < n && line[i] == '=')
		return i;
	return i + 1 < n && line[i] == '+' && line[i + 1] == '=' ? i : 0;
}

static bool is_value(const struct edit *d, const char *line, size_t n)
{
	size_t at = assignment(d->key, line, n);

	return at > 0 && line[at] == '=';
}

/* Takes a line of N bytes, without its newline. */
static void take_line(struct edit *d, const char *line, size_t n)
{
	bool old = d->old;

	d->old = false;
	if (n > 0 && line[0] == '[') {
		if (d->inside && !d->done)
			put_value(d);
		d->inside = is_heading(d->section, line, n);
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
		stop = line_end(text, end);
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

/* Writes a line of N bytes with WITH for each word OLD from the byte AT on. Returns how many there were. */
static size_t put_replaced(FILE *f, const char *line, size_t n, size_t at, const char *old, const char *with)
{
	size_t len, count = 0;
	bool found;

	(void)fwrite(line, 1, at, f);
	for (; at < n; at += len) {
		for (len = 0; at + len < n && strchr(" \t", line[at + len]) != NULL;)
			len++;
		(void)fwrite(line + at, 1, len, f);
		at += len;
		/* The rest is a comment. */
		if (at < n && line[at] == ';' && (len > 0 || at == 0)) {
			(void)fwrite(line + at, 1, n - at, f);
			return count;
		}
		for (len = 0; at + len < n && strchr(" \t", line[at + len]) == NULL;)
			len++;
		found = len == strlen(old) && strncmp(line + at, old, len) == 0;
		if (found)
			(void)fputs(with, f);
		else
			(void)fwrite(line + at, 1, len, f);
		count += found;
	}
	return count;
}

size_t ini_replace_word(FILE *f, const char *text, size_t n, const struct ini_word *w)
{
	const char *end = text + n, *stop;
	bool inside = false, value = false;
	size_t len, at, count = 0;

	for (; text < end; text = stop + 1) {
		stop = line_end(text, end);
		len = (size_t)(stop - text);
		at = 0;
		if (*text == '[') {
			inside = is_heading(w->section, text, len);
			value = false;
		} else if (strchr(" \t\r\n;#", *text) == NULL) {
			at = inside ? assignment(w->key, text, len) : 0;
			value = at > 0;
			at += text[at] == '+' ? 2 : 1;
		}
		/* Lines between a value and its continuation are empty or comments. */
		if (value && *text != '#')
			count += put_replaced(f, text, len, at, w->old, w->with);
		else
			(void)fwrite(text, 1, len, f);
		(void)fputc('\n', f);
	}
	return count;
}
