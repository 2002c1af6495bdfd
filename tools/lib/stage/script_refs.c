#include "stage/script_refs.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

static int add(struct words *w, const char *text, size_t n, struct err *e)
{
	char name[256];

	if (n == 0 || n >= sizeof name)
		return 0;
	(void)memcpy(name, text, n);
	name[n] = '\0';
	return words_has(w, name) || words_add(w, name) == 0 ? 0 : err_no_memory(e);
}

/* How many bytes of AT, which ends at END, are those of a name. */
static size_t span(const char *at, const char *end)
{
	const char *p = at;

	while (p < end && *p != '\0' && strchr(name_chars, *p) != NULL)
		p++;
	return (size_t)(p - at);
}

/* AT begins with PREFIX, and something comes after it. */
static bool begins(const char *at, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - at) > n && memcmp(at, prefix, n) == 0;
}

static int add_path(const char *at, const char *end, struct words *paths, struct err *e)
{
	size_t n = span(at, end);

	while (n > 0 && (at[n - 1] == '/' || at[n - 1] == '.'))
		n--;
	return add(paths, at, n, e);
}

/*
 * The length of "$IN_STAGE/bin" or "${IN_STAGE}/bin" at AT, the programs that another stage has compiled; 0 if AT does not begin
 * with either.
 */
static size_t stage_bin(const char *at, const char *end)
{
	static const char bin[] = "/bin/";
	const char *p = at;
	bool braces;

	if (!begins(at, end, "$IN_") && !begins(at, end, "${IN_"))
		return 0;
	braces = at[1] == '{';
	p += strlen("$IN_") + braces;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	if (braces && (p == end || *p++ != '}'))
		return 0;
	return begins(p, end, bin) ? (size_t)(p - at) + strlen("/bin") : 0;
}

/* AT follows "$BIN" or the like: a tool, unless a longer variable's name or nothing but the directory is meant. */
static int add_tool(const char *at, const char *end, struct words *tools, struct err *e)
{
	if (at < end && (*at == '"' || *at == '\''))
		at++;
	if (at == end || *at != '/')
		return 0;
	at++;
	return add(tools, at, span(at, end), e);
}

static int scan_line(const char *at, const char *end, struct words *paths, struct words *tools, struct err *e)
{
	const char *begin = at;
	size_t n;
	int rc = 0;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at < end && *at == '#')
		return 0;
	for (; at < end && rc == 0; at++) {
		if (begins(at, end, "mk/sh/") && at > begin && (at[-1] == '/' || at[-1] == '"'))
			rc = add_path(at, end, paths, e);
		else if (begins(at, end, "$BIN"))
			rc = add_tool(at + strlen("$BIN"), end, tools, e);
		else if (begins(at, end, "${BIN}"))
			rc = add_tool(at + strlen("${BIN}"), end, tools, e);
		else if ((n = stage_bin(at, end)) > 0)
			rc = add_tool(at + n, end, tools, e);
	}
	return rc;
}

int script_refs(const char *text, size_t n, struct words *paths, struct words *tools, struct err *e)
{
	const char *end = text + n, *line = text, *newline;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (newline == NULL)
			newline = end;
		if (scan_line(line, newline, paths, tools, e) < 0)
			return -1;
		if (newline == end)
			break;
	}
	return 0;
}
