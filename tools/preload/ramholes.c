/*
 * ramholes: preloaded into a QEMU whose memory is a saved one, by vmstart. Where the file has a hole the machine's
 * memory is none of the file: to read a page of a hole the system would have to keep a page of zeros for it, and all of
 * them are read when the machine is saved (3 GB, and 7 s, for a machine of 4 GiB with a Kubernetes node).
 *
 * See ramholes(1). RAMHOLES in the environment names the file. What cannot be done is left: the memory has the same
 * contents either way.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOLE ((off_t)1 << 20) /* bytes: a smaller one is not worth a mapping of its own */
#define HOLES 8192            /* of the 65530 mappings that a process may have (sysctl vm.max_map_count) */

static void *map(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

static bool is_saved(int fd)
{
	const char *path = getenv("RAMHOLES");
	struct stat want, st;

	return path != NULL && stat(path, &want) == 0 && fstat(fd, &st) == 0 && st.st_dev == want.st_dev &&
	       st.st_ino == want.st_ino;
}

/* The N bytes at AT are those of FD, privately. */
static void open_holes(char *at, off_t n, int prot, int fd)
{
	off_t page = sysconf(_SC_PAGESIZE), hole, data = 0;
	int left;

	for (left = HOLES; left > 0 && data < n; left--) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole >= n)
			return;
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return;
		if (data < 0 || data > n)
			data = n;
		hole = (hole + page - 1) / page * page;
		if (data - hole < HOLE)
			continue;
		if (map(at + hole, (size_t)((data - hole) / page * page), prot,
			MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
			return;
	}
}

/* Both names of mmap(2) where off_t has 64 bits. */
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
	char *p = map(at, n, prot, flags, fd, offset);
	int saved = errno;

	if (p != MAP_FAILED && fd >= 0 && offset == 0 && (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_EXEC) == 0 &&
	    is_saved(fd))
		open_holes(p, (off_t)n, prot, fd);
	errno = saved;
	return p;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return mmap64(at, n, prot, flags, fd, offset);
}
