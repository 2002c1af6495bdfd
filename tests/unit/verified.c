/* Which files are known to be intact, by what stat(2) says. */
#include "snapshot/verified.h"

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

/* After verified_settle any write changes ctime. */
static void test_settle(int fd)
{
	struct stat before, after;
	bool good = true;
	int i;

	for (i = 0; i < 20; i++) {
		before = write_now(fd);
		good = good && verified_settle(&before);
		after = write_now(fd);
		good = good && !verified_unchanged(&before, &after);
	}
	ok(good, "a write after it is never in the same tick");
	before.st_ctim.tv_sec += 3600;
	ok(!verified_settle(&before), "a ctime in the future never settles");
}

static void test_has(const struct stat *st)
{
	struct saved_form ram = { .name = name, .digest = "d1" }, state = { .name = other, .digest = "d1" };
	json_t *table = verified_parse(NULL, 0);
	struct stat far[5] = { *st, *st, *st, *st, *st };
	size_t i;

	ok(table != NULL && !verified_has(table, &ram, st), "at first no file is verified");
	verified_set(table, &ram, st, true);
	ok(verified_has(table, &ram, st) && !verified_has(table, &state, st), "one file is verified");
	far[0].st_dev++;
	far[1].st_ino++;
	far[2].st_size++;
	far[3].st_mtim.tv_nsec ^= 1;
	far[4].st_ctim.tv_nsec ^= 1;
	for (i = 0; i < TAP_COUNT(far); i++)
		ok(!verified_has(table, &ram, &far[i]) && !verified_unchanged(st, &far[i]), "change %zu", i);
	(void)strcpy(ram.digest, "d2");
	ok(!verified_has(table, &ram, st), "another digest");
	far[0] = *st;
	far[0].st_mtim.tv_sec = INT64_MAX;
	verified_set(table, &ram, &far[0], true);
	ok(verified_has(table, &ram, &far[0]) && !verified_has(table, &ram, st), "the end of time");
	json_decref(table);
}

/* Records that hold until the next boot, and what happens after it. */
static void test_boot(const struct stat *st)
{
	struct saved_form ram = { .name = name, .digest = "d1" };
	json_t *table = verified_parse(NULL, 0), *copy = verified_parse(NULL, 0);
	struct stat later = *st;

	verified_set(table, &ram, st, false);
	ok(verified_has(table, &ram, st), "a file that may not be on the disk is verified too");
	later.st_ctim.tv_sec++;
	verified_update(copy, table, &ram, &later);
	ok(verified_has(copy, &ram, &later) && !verified_has(copy, &ram, st), "and so is a new link to it");
	(void)json_object_set_new(json_object_get(table, name), "boot", json_string("an earlier one"));
	verified_update(copy, table, &ram, &later);
	ok(!verified_has(table, &ram, st) && !verified_has(copy, &ram, &later), "after a boot they are not");
	verified_set(table, &ram, st, true);
	verified_update(copy, table, &ram, &later);
	ok(json_object_get(json_object_get(copy, name), "boot") == NULL && verified_has(copy, &ram, &later),
	    "the record of a file on the disk always holds");
	json_decref(copy);
	json_decref(table);
}

static void test_parse(void)
{
	static const char *const texts[] = { "", "{", "[]", "7", "{\"ram\":1,\"ram\":2}", "{\"ram\":{}}",
		"{\"ram\":null}" };
	struct saved_form ram = { .name = name, .digest = "d1" };
	struct stat st = { .st_size = 1 };
	json_t *table;
	size_t i;

	for (i = 0; i < TAP_COUNT(texts); i++) {
		table = verified_parse(texts[i], strlen(texts[i]));
		ok(json_is_object(table) && !verified_has(table, &ram, &st), "'%s' is an empty table", texts[i]);
		json_decref(table);
	}
}

int main(void)
{
	int fd = memfd_create("verified", MFD_CLOEXEC);
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
