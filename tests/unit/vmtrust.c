/* What was found right and has not changed: told by what stat(2) says. */
#include "snapshot/trust.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

static char name[] = "ram", other[] = "state";

/* What stat(2) says of a file that has just been written. */
static struct stat write_now(int fd)
{
	struct stat st;

	if (pwrite(fd, "x", 1, 0) != 1 || fstat(fd, &st) < 0)
		abort();
	return st;
}

/* Whatever is written after it can be told from what was written before. */
static void test_settle(int fd)
{
	struct stat before, after;
	bool good = true;
	int i;

	for (i = 0; i < 20; i++) {
		before = write_now(fd);
		good = good && vmtrust_settle(&before);
		after = write_now(fd);
		good = good && !vmtrust_same(&before, &after);
	}
	ok(good, "a write after it is never in the same tick");
	before.st_ctim.tv_sec += 3600;
	ok(!vmtrust_settle(&before), "a file of the future is never told");
}

static void test_has(const struct stat *st)
{
	struct vmform ram = { .name = name, .digest = "d1" }, state = { .name = other, .digest = "d1" };
	json_t *table = vmtrust_parse(NULL, 0);
	struct stat far[5] = { *st, *st, *st, *st, *st };
	size_t i;

	ok(table != NULL && !vmtrust_has(table, &ram, st), "nothing is known at first");
	vmtrust_set(table, &ram, st, true);
	ok(vmtrust_has(table, &ram, st) && !vmtrust_has(table, &state, st), "one is");
	far[0].st_dev++;
	far[1].st_ino++;
	far[2].st_size++;
	far[3].st_mtim.tv_nsec ^= 1;
	far[4].st_ctim.tv_nsec ^= 1;
	for (i = 0; i < TAP_COUNT(far); i++)
		ok(!vmtrust_has(table, &ram, &far[i]) && !vmtrust_same(st, &far[i]), "change %zu", i);
	(void)strcpy(ram.digest, "d2");
	ok(!vmtrust_has(table, &ram, st), "another digest");
	far[0] = *st;
	far[0].st_mtim.tv_sec = INT64_MAX;
	vmtrust_set(table, &ram, &far[0], true);
	ok(vmtrust_has(table, &ram, &far[0]) && !vmtrust_has(table, &ram, st), "the end of time");
	json_decref(table);
}

/* What is known until the system boots, as if it had booted since. */
static void test_boot(const struct stat *st)
{
	struct vmform ram = { .name = name, .digest = "d1" };
	json_t *table = vmtrust_parse(NULL, 0), *copy = vmtrust_parse(NULL, 0);
	struct stat later = *st;

	vmtrust_set(table, &ram, st, false);
	ok(vmtrust_has(table, &ram, st), "what is not on the disk is known as well");
	later.st_ctim.tv_sec++;
	vmtrust_again(copy, table, &ram, &later);
	ok(vmtrust_has(copy, &ram, &later) && !vmtrust_has(copy, &ram, st), "a new link of it");
	(void)json_object_set_new(json_object_get(table, name), "boot", json_string("an earlier one"));
	vmtrust_again(copy, table, &ram, &later);
	ok(!vmtrust_has(table, &ram, st) && !vmtrust_has(copy, &ram, &later), "after the system has booted it is not");
	vmtrust_set(table, &ram, st, true);
	vmtrust_again(copy, table, &ram, &later);
	ok(json_object_get(json_object_get(copy, name), "boot") == NULL && vmtrust_has(copy, &ram, &later),
	    "what is on the disk is known for ever");
	json_decref(copy);
	json_decref(table);
}

static void test_parse(void)
{
	static const char *const texts[] = { "", "{", "[]", "7", "{\"ram\":1,\"ram\":2}", "{\"ram\":{}}",
		"{\"ram\":null}" };
	struct vmform ram = { .name = name, .digest = "d1" };
	struct stat st = { .st_size = 1 };
	json_t *table;
	size_t i;

	for (i = 0; i < TAP_COUNT(texts); i++) {
		table = vmtrust_parse(texts[i], strlen(texts[i]));
		ok(json_is_object(table) && !vmtrust_has(table, &ram, &st), "'%s' knows nothing", texts[i]);
		json_decref(table);
	}
}

int main(void)
{
	int fd = memfd_create("trust", MFD_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return EXIT_FAILURE;
	test_settle(fd);
	st = write_now(fd);
	test_has(&st);
	test_boot(&st);
	test_parse();
	(void)close(fd);
	return tap_end();
}
