/* Commands in a migration stream; vmsave.bats and the fuzz target test the rest. */
#include "snapshot/ram_stream.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

#define SEC_END "\3\0\0\0\2" /* of the section that has the memory */

/* A whole stream with COMMAND, 5 bytes, after the memory and before the devices. */
static int split_with(const char *command, struct err *e, char **rest, size_t *size)
{
	static char stream[20000];
	struct ramstream s = { .block = "mem", .max = 64U << 10, .gate = PTHREAD_MUTEX_INITIALIZER };
	FILE *f = fopen("tests/fuzz/corpus/ramstream/good", "rb");
	size_t n = f == NULL ? 0 : fread(stream, 1, sizeof stream, f);
	char *at = memmem(stream, n, SEC_END, 5);
	int rc;

	if (f == NULL || at == NULL)
		abort();
	(void)fclose(f);
	s.in = memfd_create("in", MFD_CLOEXEC);
	s.ram = memfd_create("ram", MFD_CLOEXEC);
	s.rest = open_memstream(rest, size);
	if (s.rest == NULL || write(s.in, stream, (size_t)(at - stream)) < 0 || write(s.in, command, 5) != 5 ||
	    write(s.in, at, n - (size_t)(at - stream)) < 0 || lseek(s.in, 0, SEEK_SET) < 0)
		abort();
	rc = ramstream_split(&s, e);
	(void)fclose(s.rest);
	(void)close(s.in);
	(void)close(s.ram);
	return rc;
}

int main(void)
{
	char *rest = NULL;
	size_t size;
	struct err e = { 0 };

	/* Type 8, the command, no data: QEMU 10.0, migration/savevm.c, qemu_savevm_command_send. */
	ok(split_with("\10\0\13\0\0", &e, &rest, &size) == 0, "the start of the switchover: %s", e.msg);
	ok(memmem(rest, size, "\10\0\13\0\0", 5) != NULL, "is kept for the machine that resumes");
	free(rest);
	ok(split_with("\10\0\1\0\0", &e, &rest, &size) < 0, "another command");
	same(e.msg, "migration stream: command 1 before the devices", "its message");
	free(rest);
	return tap_end();
}
