#include "provider/print.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/quote.h"

/* Lines are folded at this column: an INI file cannot have lines of 200 bytes. */
enum { COLUMNS = 100 };

const struct provider_value **provprint_sorted(const struct provider *p, const char *section, struct err *e)
{
	const struct provider_value **list = calloc(p->nvalues + 1, sizeof *list);
	size_t i, n = 0;

	if (list == NULL) {
		(void)err_no_memory(e);
		return NULL;
	}
	for (i = 0; i < p->nvalues; i++)
		if (section == NULL || strcmp(p->values[i].section, section) == 0)
			list[n++] = &p->values[i];
	qsort(list, n, sizeof *list, provider_value_order);
	return list;
}

/* Folds at single blanks, but never so that a line would begin like a comment. */
static void put_folded(FILE *f, const char *text, size_t column)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == ' ' && i > 0 && text[i - 1] != ' ' && strchr(" #;", text[i + 1]) == NULL &&
		    column + 1 + strcspn(text + i + 1, " ") > COLUMNS) {
			(void)fputs("\n  ", f);
			column = 2;
		} else {
			(void)fputc(text[i], f);
			column++;
		}
	}
}

int provprint_ini(FILE *f, const struct provider *p, const char *section, bool origin, struct err *e)
{
	const struct provider_value **list = provprint_sorted(p, section, e);
	const char *before = NULL;
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++) {
		if (before == NULL || strcmp(before, list[i]->section) != 0)
			(void)fprintf(f, "%s[%s]\n", before != NULL ? "\n" : "", list[i]->section);
		before = list[i]->section;
		(void)fprintf(f, "%s =%s", list[i]->key, *list[i]->value != '\0' ? " " : "");
		if (origin)
			(void)fprintf(f, "%s ; %s:%d", list[i]->value, list[i]->file, list[i]->line);
		else
			put_folded(f, list[i]->value, strlen(list[i]->key) + 3);
		(void)fputc('\n', f);
	}
	free(list);
	return list != NULL ? 0 : -1;
}

/* Writes SECTION.KEY, with dots for blanks. */
static void put_name(FILE *f, const struct provider_value *v)
{
	const char *s;

	for (s = v->section; *s != '\0'; s++)
		(void)fputc(*s == ' ' ? '.' : *s, f);
	(void)fprintf(f, ".%s", v->key);
}

int provprint_make(FILE *f, const struct provider *p, const char *section, struct err *e)
{
	const struct provider_value **list = provprint_sorted(p, section, e);
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++) {
		put_name(f, list[i]);
		(void)fprintf(f, " :=%s", *list[i]->value != '\0' ? " " : "");
		quote_make(f, list[i]->value);
		(void)fputc('\n', f);
	}
	free(list);
	return list != NULL ? 0 : -1;
}

char *provprint_sh_name(const struct provider_value *v, struct err *e)
{
	char *name, *c;

	if (asprintf(&name, "%s_%s", v->section, v->key) < 0) {
		(void)err_no_memory(e);
		return NULL;
	}
	for (c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return name;
}

int provprint_sh_value(FILE *f, const struct provider_value *v, struct words *names, struct err *e)
{
	AUTO_FREE char *name = provprint_sh_name(v, e);

	if (name == NULL)
		return -1;
	if (words_has(names, name))
		return provider_err(e, v, "another key has the same name in the shell: %s", name);
	if (words_add(names, name) < 0)
		return err_no_memory(e);
	(void)fprintf(f, "%s=", name);
	quote_sh(f, v->value);
	(void)fputc('\n', f);
	return 0;
}

int provprint_sh(FILE *f, const struct provider *p, const char *section, struct err *e)
{
	const struct provider_value **list = provprint_sorted(p, section, e);
	AUTO_WORDS struct words names = { 0 };
	int rc = list != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && list[i] != NULL; i++)
		rc = provprint_sh_value(f, list[i], &names, e);
	free(list);
	return rc;
}

void provprint_schema(FILE *f, const struct schema *s)
{
	static const char *const needs[] = { "optional", "with-section", "required" };
	const struct schema_key *row;

	for (row = s->keys; row->section != NULL; row++)
		(void)fprintf(f, "%s.%s\t%s\t%s\n", row->section, row->key, schema_type(row), needs[row->need]);
}
