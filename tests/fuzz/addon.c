/* An addon.ini from an untrusted source: an accepted one has only safe URLs and file names. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/addon.h"
#include "provider/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char dir[] = "/tmp/fuzz-addon.XXXXXX";
static char ini[sizeof dir + 16], manifest[sizeof dir + 16];
static FILE *nowhere;
static int memory = -1;

static void clean_up(void)
{
	(void)unlink(ini);
	(void)unlink(manifest);
	(void)rmdir(dir);
	(void)fclose(nowhere);
}

/* A directory whose addon.ini is a memory file, so that inputs are not written to disk. Its only manifest is "a.yaml".
 */
static void set_up(void)
{
	char name[64];

	memory = memfd_create("addon.ini", MFD_CLOEXEC);
	nowhere = fopen("/dev/null", "we");
	if (memory < 0 || nowhere == NULL || mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", memory);
	(void)snprintf(ini, sizeof ini, "%s/addon.ini", dir);
	(void)snprintf(manifest, sizeof manifest, "%s/a.yaml", dir);
	if (symlink(name, ini) < 0 || symlink("/dev/null", manifest) < 0)
		abort();
	(void)atexit(clean_up);
}

/* A URL becomes an argument of a program, a file name part of a path. */
static void check(const struct provider *p)
{
	const struct provider_value *v;
	size_t i;

	for (i = 0; i < p->nvalues; i++) {
		v = &p->values[i];
		if (strncmp(v->section, "fetch ", 6) == 0 &&
		    (strpbrk(v->section + 6, "/ ") != NULL || v->section[6] == '.' || v->value[0] == '-' ||
			strpbrk(v->value, " '\"$\\") != NULL))
			abort();
		if (strncmp(v->section, "replace ", 8) == 0 && strstr(v->value, " => ") == NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_PROVIDER struct provider p = { 0 };
	struct err e = { 0 };

	if (memory < 0)
		set_up();
	if (ftruncate(memory, 0) < 0 || pwrite(memory, data, n, 0) != (ssize_t)n)
		abort();
	if (addon_load(&p, dir, &e) < 0) {
		if (e.msg[0] == '\0' || p.nvalues != 0)
			abort();
		return 0;
	}
	check(&p);
	if (provprint_make(nowhere, &p, NULL, &e) < 0)
		abort();
	return 0;
}
