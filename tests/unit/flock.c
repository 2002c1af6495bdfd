/* Waiting for a lock, until a deadline; and whether a locked file still has its name. */
#include "base/flock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

static void test_name(void)
{
	char path[] = "/tmp/flock.XXXXXX", other[] = "/tmp/flock.XXXXXX";
	int a = mkstemp(path), b = mkstemp(other);

	ok(a >= 0 && b >= 0 && flock_is_at(a, path) && flock_is_at(b, other), "files with their names");
	ok(!flock_is_at(a, other) && !flock_is_at(-1, path), "another file, and none");
	ok(rename(other, path) == 0 && !flock_is_at(a, path) && flock_is_at(b, path), "one has replaced the other");
	ok(symlink(path, other) == 0 && !flock_is_at(b, other), "a symbolic link is another file");
	ok(unlink(path) == 0 && !flock_is_at(b, path), "it was removed");
	(void)unlink(other);
	(void)close(a);
	(void)close(b);
}

int main(void)
{
	char path[] = "/tmp/flock.XXXXXX";
	int a = mkstemp(path), b = open(path, O_RDONLY | O_CLOEXEC);
	struct err e = { 0 };
	int64_t began;

	ok(a >= 0 && b >= 0 && unlink(path) == 0, "a file, opened twice");
	ok(flock_until(a, LOCK_SH, 0, &e) == 0 && flock_until(b, LOCK_SH, 0, &e) == 0, "two share the lock");
	began = now_ms();
	ok(flock_until(b, LOCK_EX, began + 100, &e) == 1, "one does not get it for itself");
	ok(now_ms() >= began + 100, "and waited for that until the deadline");
	ok(close(a) == 0 && flock_until(b, LOCK_EX, 0, &e) == 0, "it gets it when the other has closed the file");
	ok(flock_until(-1, LOCK_EX, 0, &e) == -1, "no file");
	same(e.msg, "lock: Bad file descriptor", "the error");
	test_name();
	return tap_end();
}
