#include "base/conf.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"
#include "base/readfile.h"

/* The column of the comments. */
enum { COMMENT_AT = 40 };

#define CONF_MAX ((size_t)1 << 20)
#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./:@%+,=_-"

static bool is_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalpha((unsigned char)s[i]) && s[i] != '_' && (i == 0 || !isdigit((unsigned char)s[i])))
			return false;
	return n > 0;
}

/*
 * Reads one value at *S, removes its quotes and appends it to *OUT. Both pointers are advanced. Returns false if a
 * shell would do more with it than remove quotes.
 */
static bool take_value(const char **s, char **out)
{
	const char *end;

	for (; **s != '\0' && !isspace((unsigned char)**s); (*s)++) {
		if (**s == '\'') {
			end = strchr(*s + 1, '\'');
			if (end == NULL)
				return false;
			memcpy(*out, *s + 1, (size_t)(end - *s - 1));
			*out += end - *s - 1;
			*s = end;
		} else if (**s == '\\') {
			if (*++*s == '\0')
				return false;
			*(*out)++ = **s;
		} else if (**s == ')') {
			break;
		} else if (strchr("\"$`;&|<>(", **s) != NULL) {
			return false;
		} else {
			*(*out)++ = **s;
		}
	}
	return true;
}

/* The same for the values of a list, whose opening parenthesis is at *S. */
static bool take_list(const char **s, char **out)
{
	const char *start;

	for ((*s)++; **s != ')';) {
		start = *s;
		if (!take_value(s, out) || *s == start)
			return false;
		if (**s != ')') {
			if (!isspace((unsigned char)**s) || (*s)[1] == ')')
				return false;
			*(*out)++ = *(*s)++;
		}
	}
	(*s)++;
	return true;
}

/* The text of the comment at S; NULL: there is none, or it is empty. It has no blanks at its ends. */
static char *comment(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	if (*s == '#')
		s++;
	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	return n > 0 ? s : NULL;
}

/* Adds the setting in LINE, which is changed. Returns false if there is none in it, or with ERR set when out of memory.
 */
static bool parse_line(struct conf *c, char *line, struct err *e)
{
	AUTO_FREE char *value = malloc(strlen(line) + 1);
	char *equals = strchr(line, '='), *out = value;
	const char *s;

	if (value == NULL)
		return (void)err_no_memory(e), false;
	if (equals == NULL || !is_name(line, (size_t)(equals - line)))
		return false;
	*equals = '\0';
	s = equals + 1;
	if (*s == '(' ? !take_list(&s, &out) : !take_value(&s, &out))
		return *equals = '=', false;
	*out = '\0';
	/* After the value: nothing, or blanks and a comment. */
	if (*s != '\0' && (!isspace((unsigned char)*s) || strchr("#", s[strspn(s, " \t\r\v\f")]) == NULL))
		return *equals = '=', false;
	return conf_set(c, line, value, comment(line + (s - line)), e) == 0;
}

int conf_parse(struct conf *c, const char *text, size_t n, const char *path, struct err *e)
{
	AUTO_FREE char *line = malloc(n + 1);
	const char *end = text + n, *next;
	size_t length;
	int number = 0;

	if (line == NULL)
		return err_no_memory(e);
	e->msg[0] = '\0';
	for (; text < end; text = next) {
		next = memchr(text, '\n', (size_t)(end - text));
		length = (size_t)((next != NULL ? next : end) - text);
		next = next != NULL ? next + 1 : end;
		number++;
		memcpy(line, text, length);
		line[length] = '\0';
		if (strlen(line) == length && strchr("#", line[strspn(line, " \t\r\v\f")]) != NULL)
			continue;
		if (strlen(line) != length || !parse_line(c, line, e))
			return e->msg[0] != '\0' ? -1 : err_set(e, "%s:%d: not a setting: %s", path, number, line);
	}
	return 0;
}

int conf_load(struct conf *c, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;

	return read_file(path, CONF_MAX, &text, &n, e) < 0 ? -1 : conf_parse(c, text, n, path, e);
}

const struct conf_line *conf_find(const struct conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}

static void line_free(struct conf_line *l)
{
	free(l->name);
	free(l->value);
	free(l->origin);
}

int conf_set(struct conf *c, const char *name, const char *value, const char *origin, struct err *e)
{
	const struct conf_line *old = conf_find(c, name);
	struct conf_line new = { strdup(name), strdup(value), origin != NULL ? strdup(origin) : NULL }, *v;

	if (strchr(value, '\n') != NULL || (origin != NULL && strchr(origin, '\n') != NULL)) {
		line_free(&new);
		return err_set(e, "%s: a setting cannot have more than one line", name);
	}
	v = old != NULL ? c->v : reallocarray(c->v, c->n + 1, sizeof *v);
	if (v != NULL)
		c->v = v;
	if (v == NULL || new.name == NULL || new.value == NULL || (origin != NULL && new.origin == NULL)) {
		line_free(&new);
		return err_no_memory(e);
	}
	if (old != NULL) {
		v = &c->v[old - c->v];
		line_free(v);
		*v = new;
	} else {
		c->v[c->n++] = new;
	}
	return 0;
}

/* Writes VALUE, quoted if necessary. Returns the number of bytes. */
static size_t put_value(FILE *f, const char *value)
{
	size_t n = strlen(value), quotes = 0, i;

	if (n > 0 && strspn(value, WORD_CHARS) == n) {
		(void)fputs(value, f);
		return n;
	}
	for (i = 0; i < n; i++)
		quotes += value[i] == '\'';
	quote_sh(f, value);
	return n + 2 + 3 * quotes;
}

void conf_write(FILE *f, const struct conf *c)
{
	const struct conf_line *l;
	size_t n;

	for (l = c->v; l < c->v + c->n; l++) {
		n = strlen(l->name) + 1;
		(void)fprintf(f, "%s=", l->name);
		n += put_value(f, l->value);
		if (l->origin != NULL)
			(void)fprintf(f, "%*s# %s", n < COMMENT_AT - 1 ? COMMENT_AT - (int)n : 1, "", l->origin);
		(void)fputc('\n', f);
	}
}

void conf_free(struct conf *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		line_free(&c->v[i]);
	free(c->v);
	*c = (struct conf){ 0 };
}
