/*
 * ramholes: a library that vmstart preloads into a QEMU that resumes from saved RAM; see ramholes(1). It maps the holes
 * of the RAM file as anonymous memory. Otherwise the kernel would put a page of zeros into the page cache for every
 * page of a hole that is read, and all are read when the machine is saved again: 3 GB, and 7 s, for a Kubernetes node
 * of 4 GiB.
 *
 * RAMHOLES in the environment names the file. If anything fails the mapping of the file stays in place: the contents
 * are the same either way.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOLE_MIN ((off_t)1 << 20) /* bytes; a smaller one is not worth its own mapping */
#define HOLES_MAX 8192            /* at most; a process may have 65530 mappings (sysctl vm.max_map_count) */

static void *map(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

/* True if FD is the file that RAMHOLES names. */
static bool is_ram(int fd)
{
	const char *path = getenv("RAMHOLES");
	struct stat want, st;

	return path != NULL && stat(path, &want) == 0 && fstat(fd, &st) == 0 && st.st_dev == want.st_dev &&
	       st.st_ino == want.st_ino;
}

/* Replaces the holes of FD, whose first N bytes are mapped privately at AT, by anonymous memory. */
static void replace_holes(char *at, off_t n, int prot, int fd)
{
	off_t page = sysconf(_SC_PAGESIZE), hole, data = 0;
	int left;

	for (left = HOLES_MAX; left > 0 && data < n; left--) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole >= n)
			return;
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return;
		if (data < 0 || data > n)
			data = n;
		hole = (hole + page - 1) / page * page;
		if (data - hole < HOLE_MIN)
			continue;
		if (map(at + hole, (size_t)((data - hole) / page * page), prot,
			MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
			return;
	}
}

/* With a 64-bit off_t, mmap and mmap64 are the same function. */
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
	char *p = map(at, n, prot, flags, fd, offset);
	int saved = errno;

	if (p != MAP_FAILED && fd >= 0 && offset == 0 && (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_EXEC) == 0 &&
	    is_ram(fd))
		replace_holes(p, (off_t)n, prot, fd);
	errno = saved;
	return p;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return mmap64(at, n, prot, flags, fd, offset);
}
