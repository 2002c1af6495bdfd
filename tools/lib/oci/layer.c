#include "oci/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/entry.h"
#include "oci/hardlinks.h"
#include "oci/tree.h"

enum { BLOCK = 128 * 1024, TAR_BLOCK = 512 };

/* One layer while it is being written. */
struct work {
	const struct layer_spec *spec;
	struct archive *tar;
	struct squeeze *to;
	struct err *e;
	uint64_t total; /* bytes written */
	bool failed;    /* E has the reason */
	char buf[BLOCK];
};

static int too_large(struct work *w, const char *path)
{
	return err_set(w->e, "%s: more than %llu bytes", path, (unsigned long long)w->spec->max);
}

/* Is there no room for a file of SIZE bytes? What does not fit is refused before anything of it is written. */
static bool outgrows(const struct work *w, int64_t size)
{
	return size < 0 || w->total > w->spec->max || (uint64_t)size > w->spec->max - w->total;
}

static la_ssize_t send(struct archive *a, void *arg, const void *data, size_t n)
{
	struct work *w = arg;

	(void)a;
	/* That it failed is for our own callers: libarchive loses its buffer when it is told so. */
	if (w->failed)
		return (la_ssize_t)n;
	w->total += n;
	if (atomic_load(w->spec->stop))
		w->failed = err_set(w->e, "given up") < 0;
	else if (w->total > w->spec->max)
		w->failed = too_large(w, w->spec->src) < 0;
	else
		w->failed = squeeze_add(w->to, data, n, w->e) < 0;
	return (la_ssize_t)n;
}

/* What libarchive says, unless the stream behind it has said why. */
static int tar_error(struct work *w, const char *path)
{
	const char *text = archive_error_string(w->tar);

	return w->failed ? -1 : err_set(w->e, "%s: %s", path, text != NULL ? text : "cannot be archived");
}

/* Writes the header; what cannot be said in UTF-8 is said in bytes, of which libarchive only warns. */
static int put_header(struct work *w, struct archive_entry *entry, const char *path)
{
	int rc = archive_write_header(w->tar, entry);

	return (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) && !w->failed ? 0 : tar_error(w, path);
}

static int put_data(struct work *w, size_t n, const char *path)
{
	return archive_write_data(w->tar, w->buf, n) == (la_ssize_t)n && !w->failed ? 0 : tar_error(w, path);
}

static int copy_file(struct work *w, const struct tree_item *i)
{
	/* O_NONBLOCK: what has become a FIFO since it was listed must not hold us. */
	AUTO_CLOSE int fd = open(i->src, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	off_t left = i->st.st_size;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(w->e, "%s", i->src);
	while (st.st_ino == i->st.st_ino && st.st_dev == i->st.st_dev && left >= 0) {
		n = read(fd, w->buf, sizeof w->buf);
		if (n < 0)
			return err_sys(w->e, "%s", i->src);
		if (n == 0)
			break;
		left -= n;
		if (left >= 0 && put_data(w, (size_t)n, i->path) < 0)
			return -1;
	}
	return left == 0 ? 0 : err_set(w->e, "%s: changed while it was read", i->src);
}

static int put_item(struct work *w, const struct tree_item *i, struct archive_entry *to)
{
	if (entry_of_item(to, i, w->spec, w->e) < 0)
		return -1;
	if (outgrows(w, archive_entry_size(to)))
		return too_large(w, i->src);
	if (put_header(w, to, i->path) < 0)
		return -1;
	return S_ISREG(i->st.st_mode) && i->same == NULL ? copy_file(w, i) : 0;
}

static int pack_tree(struct work *w, struct words *skipped)
{
	const struct layer_spec *spec = w->spec;
	struct archive_entry *entry = archive_entry_new();
	struct tree t = { 0 };
	size_t i;
	int rc;

	if (entry == NULL)
		return err_set(w->e, "out of memory");
	if (spec->source == LAYER_FILE)
		rc = tree_file(&t, spec->src, spec->dest, w->e);
	else
		rc = tree_read(&t, spec->src, spec->dest, spec->exclude, spec->nexclude, skipped, w->e);
	for (i = 0; rc == 0 && i < t.n; i++)
		rc = put_item(w, &t.v[i], archive_entry_clear(entry));
	archive_entry_free(entry);
	tree_free(&t);
	return rc;
}

static int bad_archive(struct work *w, struct archive *in)
{
	const char *text = archive_error_string(in);

	(void)err_set(w->e, "%s: %s", w->spec->src, text != NULL ? text : "not a tar archive");
	return LAYER_INVALID;
}

/* Is an entry in canonical form one that may be in a layer, after those before it? Returns 0 or -1. */
static int check_entry(struct work *w, struct links *links, struct archive_entry *to)
{
	const char *path = archive_entry_pathname(to), *target = archive_entry_hardlink(to);

	if (links_above(links, path) || (target != NULL && links_above(links, target)))
		return err_set(w->e, "%s: below a symbolic link", path);
	if (links_set(links, path, target == NULL && archive_entry_filetype(to) == AE_IFLNK) < 0)
		return err_set(w->e, "out of memory");
	return outgrows(w, archive_entry_size(to)) ? too_large(w, path) : 0;
}

/* Copies the contents of an entry. Returns 0, -1 or LAYER_INVALID. */
static int copy_data(struct work *w, struct archive *in, struct archive_entry *to)
{
	la_ssize_t n;

	if (archive_entry_hardlink(to) != NULL || archive_entry_filetype(to) != AE_IFREG)
		return 0;
	while ((n = archive_read_data(in, w->buf, sizeof w->buf)) > 0)
		if (put_data(w, (size_t)n, archive_entry_pathname(to)) < 0)
			return -1;
	return n == 0 ? 0 : bad_archive(w, in);
}

static int copy_entries(struct work *w, struct archive *in, struct archive_entry *to, struct links *links)
{
	struct archive_entry *from;
	int rc;

	while ((rc = archive_read_next_header(in, &from)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		rc = entry_of_entry(archive_entry_clear(to), from, w->spec, w->e);
		if (rc > 0)
			continue;
		if (rc < 0 || check_entry(w, links, to) < 0) {
			(void)err_prefix(w->e, "%s", w->spec->src);
			return LAYER_INVALID;
		}
		if (put_header(w, to, archive_entry_pathname(to)) < 0)
			return -1;
		if ((rc = copy_data(w, in, to)) < 0)
			return rc;
	}
	return rc == ARCHIVE_EOF ? 0 : bad_archive(w, in);
}

static int pack_tar(struct work *w)
{
	bool piped = strcmp(w->spec->src, LAYER_STDIN) == 0;
	AUTO_CLOSE int file = piped ? -1 : open(w->spec->src, O_RDONLY | O_CLOEXEC);
	struct links links = { 0 };
	struct archive_entry *to;
	struct archive *in;
	int rc;

	if (!piped && file < 0)
		return err_sys(w->e, "%s", w->spec->src);
	in = archive_read_new();
	to = archive_entry_new();
	if (in == NULL || to == NULL) {
		rc = err_set(w->e, "out of memory");
	} else {
		(void)archive_read_support_filter_all(in);
		(void)archive_read_support_format_tar(in);
		if (archive_read_open_fd(in, piped ? STDIN_FILENO : file, BLOCK) != ARCHIVE_OK)
			rc = bad_archive(w, in);
		else
			rc = copy_entries(w, in, to, &links);
	}
	links_free(&links);
	archive_entry_free(to);
	(void)archive_read_free(in);
	return rc;
}

static int pack(struct work *w, struct words *skipped)
{
	int rc;

	w->tar = archive_write_new();
	if (w->tar == NULL)
		return err_set(w->e, "out of memory");
	if (archive_write_set_format_pax_restricted(w->tar) != ARCHIVE_OK ||
	    archive_write_set_options(w->tar, "xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(w->tar, BLOCK) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w->tar, TAR_BLOCK) != ARCHIVE_OK ||
	    archive_write_open2(w->tar, w, NULL, send, NULL, NULL) != ARCHIVE_OK)
		rc = tar_error(w, "tar");
	else
		rc = w->spec->source == LAYER_TAR ? pack_tar(w) : pack_tree(w, skipped);
	if (rc == 0 && (archive_write_close(w->tar) != ARCHIVE_OK || w->failed))
		rc = tar_error(w, w->spec->src);
	/* Freeing closes, which would write: a layer that failed writes no more. */
	if (rc != 0)
		w->failed = true;
	(void)archive_write_free(w->tar);
	return rc;
}

int layer_pack(const struct layer_spec *spec, struct squeeze *s, struct words *skipped, struct err *e)
{
	struct work *w = calloc(1, sizeof *w);
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before;
	int rc;

	if (w == NULL || utf8 == (locale_t)0) {
		free(w);
		return err_set(e, "out of memory, or no locale C.UTF-8");
	}
	/* libarchive takes names for text of the locale: the caller's must not matter, nor that of other threads. */
	before = uselocale(utf8);
	w->spec = spec;
	w->to = s;
	w->e = e;
	rc = pack(w, skipped);
	(void)uselocale(before);
	freelocale(utf8);
	free(w);
	return rc;
}
