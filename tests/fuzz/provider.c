/* A provider.ini from an untrusted source is read, checked, its stages are ordered, and it is printed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/print.h"
#include "stage/stages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char dir[] = "/tmp/fuzz-provider.XXXXXX";
static char ini[sizeof dir + 16], script[sizeof dir + 16], stages_dir[sizeof dir + 16];
static FILE *nowhere;
static int memory = -1;

static void clean_up(void)
{
	(void)unlink(ini);
	(void)unlink(script);
	(void)unlink(stages_dir);
	(void)rmdir(dir);
	(void)fclose(nowhere);
}

/* A directory whose provider.ini is a memory file, so that inputs are not written to disk. Its only stage is "a". */
static void set_up(void)
{
	char name[64];

	memory = memfd_create("provider.ini", MFD_CLOEXEC);
	nowhere = fopen("/dev/null", "we");
	if (memory < 0 || nowhere == NULL || mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", memory);
	(void)snprintf(ini, sizeof ini, "%s/provider.ini", dir);
	(void)snprintf(stages_dir, sizeof stages_dir, "%s/stage", dir);
	(void)snprintf(script, sizeof script, "%s/stage/a", dir);
	/* With the link stage -> . the script's path stage/a is the link "a". */
	if (symlink(name, ini) < 0 || symlink(".", stages_dir) < 0 || symlink("/dev/null", script) < 0)
		abort();
	(void)atexit(clean_up);
}

/* Every value has a line number and is one line of text. */
static void check(const struct provider *p)
{
	size_t i;

	for (i = 0; i < p->nvalues; i++)
		if (p->values[i].line < 1 || strpbrk(p->values[i].value, "\t\r\n\x7f") != NULL ||
		    strpbrk(p->values[i].key, " =+\n") != NULL)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_PROVIDER struct provider p = { 0 };
	AUTO_STAGES struct stages s = { 0 };
	const struct words none = { 0 };
	struct err e = { 0 };

	if (memory < 0)
		set_up();
	if (ftruncate(memory, 0) < 0 || pwrite(memory, data, n, 0) != (ssize_t)n)
		abort();
	if (provider_load(&p, dir, &none, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
		return 0;
	}
	check(&p);
	(void)stages_load(&s, &p, &e);
	if (provprint_ini(nowhere, &p, NULL, false, &e) < 0 || provprint_make(nowhere, &p, NULL, &e) < 0)
		abort();
	(void)provprint_sh(nowhere, &p, NULL, &e);
	return 0;
}
