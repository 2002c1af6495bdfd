#include "stage/tool_inputs.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/version.h"

bool tool_is_own(const struct tool_inputs *t, const char *name)
{
	AUTO_FREE char *source = NULL;
	size_t n = strlen(name);
	bool library = n > 3 && strcmp(name + n - 3, ".so") == 0;

	if (asprintf(&source, "%s/tools/%s%.*s.c", t->top, library ? "preload/" : "", (int)(library ? n - 3 : n),
		name) < 0) {
		source = NULL;
		return false;
	}
	return access(source, F_OK) == 0;
}

/* The tool NAME is ours: what counts is the program as it was compiled, and so its sources, the compiler and its
 * options. */
static int add_own(const struct tool_inputs *t, struct words *lines, const char *name, struct err *e)
{
	AUTO_FREE char *program = NULL;
	char hex[SHA256_HEX];

	if (t->bin == NULL)
		return words_addf(lines, "tool %s %s", name, KS_VERSION) < 0 ? err_no_memory(e) : 0;
	if (asprintf(&program, "%s/%s", t->bin, name) < 0) {
		program = NULL;
		return err_no_memory(e);
	}
	if (sha256_file(program, hex, NULL, e) < 0)
		return -1;
	return words_addf(lines, "tool %s %s", name, hex) < 0 ? err_no_memory(e) : 0;
}

/* All tools, and the libraries that are preloaded into other programs. */
static int add_all(const struct tool_inputs *t, struct words *lines, struct err *e)
{
	static const struct {
		const char *dir, *suffix;
	} kinds[] = { { "tools", "" }, { "tools/preload", ".so" } };
	AUTO_FREE char *pattern = NULL;
	char name[NAME_MAX + 4];
	const char *base;
	glob_t found;
	size_t i, n;
	int rc = 0;

	for (n = 0; n < sizeof kinds / sizeof *kinds && rc == 0; n++) {
		free(pattern);
		if (asprintf(&pattern, "%s/%s/*.c", t->top, kinds[n].dir) < 0) {
			pattern = NULL;
			return err_no_memory(e);
		}
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (i = 0; i < found.gl_pathc && rc == 0; i++) {
			base = strrchr(found.gl_pathv[i], '/') + 1;
			(void)snprintf(name, sizeof name, "%.*s%s", (int)(strlen(base) - 2), base, kinds[n].suffix);
			rc = add_own(t, lines, name, e);
		}
		globfree(&found);
	}
	return rc;
}

int tool_inputs_add(const struct tool_inputs *t, struct words *lines, const char *name, struct err *e)
{
	const char *version = "none";
	size_t i, len = strlen(name);

	if (strcmp(name, "all") == 0)
		return add_all(t, lines, e);
	if (tool_is_own(t, name))
		return add_own(t, lines, name, e);
	for (i = 0; i < t->versions->n; i++)
		if (strncmp(t->versions->v[i], name, len) == 0 && t->versions->v[i][len] == ' ')
			version = t->versions->v[i] + len + 1;
	return words_addf(lines, "tool %s %s", name, version) < 0 ? err_no_memory(e) : 0;
}
