/* Archives as sources of layers: whatever an archive contains, the layer names nothing outside the image. */
#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oci/layer.h"
#include "oci/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX = 1 << 20, TRAILER = 4 << 10 };

/* Checks that a path is canonical; in an archive that of a directory ends with a slash. */
static void check_path(const char *path)
{
	char *good = path != NULL && path[0] != '/' ? tree_path(path) : NULL;
	size_t len = good != NULL ? strlen(good) : 0;

	if (len == 0 || strncmp(good, path, len) != 0 || (path[len] != '\0' && strcmp(path + len, "/") != 0))
		abort();
	free(good);
}

/* Reads the layer: an archive of N bytes. */
static void check(const char *text, size_t n)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int rc;

	if (n > MAX + TRAILER || a == NULL || archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, text, n) != ARCHIVE_OK)
		abort();
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		/* libarchive cannot convert names that are not UTF-8 to the locale of this program. */
		if (archive_entry_pathname(entry) != NULL)
			check_path(archive_entry_pathname(entry));
		if (archive_entry_hardlink(entry) != NULL)
			check_path(archive_entry_hardlink(entry));
	}
	(void)archive_read_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	atomic_bool stop = false;
	char path[64], *text = NULL;
	size_t len = 0;
	int fd = memfd_create("archive", MFD_CLOEXEC);
	FILE *to = open_memstream(&text, &len);
	struct layer_spec spec = { .source = LAYER_TAR, .src = path, .dest = "", .max = MAX };
	struct compress_sums sums;
	struct words skipped = { 0 };
	struct compress *c;
	struct err e = { 0 };

	if (fd < 0 || to == NULL || write(fd, data, n) != (ssize_t)n)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	c = compress_new(COMPRESS_NONE, 1, to, &e);
	if (c == NULL)
		abort();
	if (layer_pack(&spec, &stop, c, &skipped, &e) == 0) {
		if (compress_end(c, &sums, &e) < 0 || fflush(to) != 0)
			abort();
		check(text, len);
	} else if (e.msg[0] == '\0') {
		abort();
	}
	compress_free(c);
	words_free(&skipped);
	(void)fclose(to);
	free(text);
	(void)close(fd);
	return 0;
}
