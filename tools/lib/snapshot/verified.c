#include "snapshot/verified.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/readfile.h"

/* Two ticks of the slowest kernel (10 ms each), since time stamps lag by up to one tick. */
enum { TICK_NS = 20 * 1000 * 1000, POLL_MS = 4 };

static int64_t ns(const struct timespec *t)
{
	/* Unsigned, since anyone can set an mtime for which a signed product overflows. */
	return (int64_t)((uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec);
}

json_t *verified_parse(const char *text, size_t n)
{
	json_t *table = text != NULL ? json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (json_is_object(table))
		return table;
	json_decref(table);
	return json_object();
}

/* The ID of the current boot, see random(4); NULL: unknown. */
static json_t *this_boot(void)
{
	char id[64];

	read_file_head("/proc/sys/kernel/random/boot_id", id, sizeof id);
	id[strcspn(id, "\n")] = '\0';
	return id[0] != '\0' ? json_string(id) : NULL;
}

/* BOOT: the boot until whose end the record holds; NULL: it always holds. Returns NULL if out of memory. */
static json_t *record(const char *digest, const struct stat *st, json_t *boot)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:O*}", "device", (json_int_t)st->st_dev, "inode",
	    (json_int_t)st->st_ino, "size", (json_int_t)st->st_size, "mtime", (json_int_t)ns(&st->st_mtim), "ctime",
	    (json_int_t)ns(&st->st_ctim), "digest", digest, "boot", boot);
}

bool verified_has(const json_t *table, const struct saved_form *form, const struct stat *st)
{
	json_t *known = json_object_get(table, form->name), *until = json_object_get(known, "boot");
	json_t *boot = until != NULL ? this_boot() : NULL, *now = record(form->digest, st, boot);
	bool same = json_equal(now, known) == 1;

	json_decref(boot);
	json_decref(now);
	return same;
}

void verified_set(json_t *table, const struct saved_form *form, const struct stat *st, bool synced)
{
	json_t *boot = synced ? NULL : this_boot();

	/* If out of memory there is no record, and the file is read again. */
	if (synced || boot != NULL)
		(void)json_object_set_new(table, form->name, record(form->digest, st, boot));
	json_decref(boot);
}

void verified_update(json_t *table, const json_t *from, const struct saved_form *form, const struct stat *st)
{
	json_t *until = json_object_get(json_object_get(from, form->name), "boot");

	(void)json_object_set_new(table, form->name, record(form->digest, st, until));
}

bool verified_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       ns(&a->st_mtim) == ns(&b->st_mtim) && ns(&a->st_ctim) == ns(&b->st_ctim);
}

bool verified_settle(const struct stat *st)
{
	struct timespec now;

	while (clock_gettime(CLOCK_REALTIME, &now) == 0 && ns(&now) >= ns(&st->st_ctim)) {
		if (ns(&now) - ns(&st->st_ctim) > TICK_NS)
			return true;
		(void)poll(NULL, 0, POLL_MS);
	}
	return false;
}
