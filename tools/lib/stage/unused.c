#include "stage/unused.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/readfile.h"
#include "stage/runs.h"

/* Is it the name of a run, STAGE.KEY? */
static bool is_run(const char *name, size_t n)
{
	return n > RUN_KEY_DIGITS + 1 && name[n - RUN_KEY_DIGITS - 1] == '.';
}

static bool is_current(const char *name, size_t n, char *const *runs, size_t nruns)
{
	size_t i;

	for (i = 0; i < nruns; i++)
		if (strncmp(runs[i], name, n) == 0 && runs[i][n] == '\0')
			return true;
	return false;
}

/* The length of the name of the run whose lock has this name (stage creates STAGE.KEY.lock and .lock.group); 0: none. */
static size_t locked(const char *name)
{
	static const char *const suffixes[] = { ".lock", ".lock.group" };
	size_t i, n = strlen(name), suffix;

	for (i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		suffix = strlen(suffixes[i]);
		if (n > suffix && strcmp(name + n - suffix, suffixes[i]) == 0 && is_run(name, n - suffix))
			return n - suffix;
	}
	return 0;
}

/* Adds the images that the run NAME loaded, if it has any. */
static int add_images(struct words *images, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (!run_has(dir, name, "engine-images", NULL))
		return 0;
	if (asprintf(&path, "%s/%s/engine-images", dir, name) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	return read_file_words(path, images, e);
}

static int add_inputs(struct words *unused, const char *dir, char *const *runs, size_t n, struct err *e)
{
	AUTO_FREE char *inputs = NULL;
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (asprintf(&inputs, "%s/inputs", dir) < 0) {
		inputs = NULL;
		return err_no_memory(e);
	}
	if (access(inputs, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (runs_list(&names, inputs, NULL, e) < 0)
		return -1;
	for (i = 0; i < names.n; i++)
		if (!is_current(names.v[i], strlen(names.v[i]), runs, n) &&
		    words_addf(unused, "file inputs/%s", names.v[i]) < 0)
			return err_no_memory(e);
	return 0;
}

int unused_list(struct words *unused, const char *dir, char *const *runs, size_t n, struct err *e)
{
	AUTO_WORDS struct words names = { 0 }, loaded = { 0 }, needed = { 0 };
	size_t i, length;
	bool old;

	if (runs_list(&names, dir, NULL, e) < 0 || add_inputs(unused, dir, runs, n, e) < 0)
		return -1;
	for (i = 0; i < names.n; i++) {
		length = locked(names.v[i]);
		if (length > 0 && !is_current(names.v[i], length, runs, n) &&
		    words_addf(unused, "file %s", names.v[i]) < 0)
			return err_no_memory(e);
		length = strlen(names.v[i]);
		old = is_run(names.v[i], length) && !is_current(names.v[i], length, runs, n);
		if (old && words_addf(unused, "run %s", names.v[i]) < 0)
			return err_no_memory(e);
		if (add_images(old ? &loaded : &needed, dir, names.v[i], e) < 0)
			return -1;
	}
	for (i = 0; i < loaded.n; i++)
		if (!words_has(&needed, loaded.v[i]) && words_addf(unused, "image %s", loaded.v[i]) < 0)
			return err_no_memory(e);
	words_sort(unused);
	return 0;
}
