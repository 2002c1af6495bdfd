#include "oci/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/tree.h"

enum { BLOCK = 128 * 1024, TAR_BLOCK = 512 };

/* Is the extended attribute NAME kept? security.selinux and trusted.overlay.* belong to the host. */
static bool kept_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the extended attributes of the file SRC (of a symbolic link itself), sorted by name. Returns 0 or -1. */
static int read_xattrs(const char *src, struct archive_entry *to, struct err *e)
{
	ssize_t size = llistxattr(src, NULL, 0), len;
	AUTO_FREE char *list = NULL;
	AUTO_FREE const char **names = NULL;
	AUTO_FREE char *value = NULL;
	const char *p;
	size_t n = 0;

	if (size == 0 || (size < 0 && errno == ENOTSUP))
		return 0;
	if (size < 0)
		return err_sys(e, "%s", src);
	list = malloc((size_t)size);
	names = calloc((size_t)size, sizeof *names);
	value = malloc(XATTR_SIZE_MAX);
	if (list == NULL || names == NULL || value == NULL)
		return err_no_memory(e);
	if ((size = llistxattr(src, list, (size_t)size)) < 0)
		return err_sys(e, "%s", src);
	for (p = list; p < list + size; p += strlen(p) + 1)
		if (kept_xattr(p))
			names[n++] = p;
	qsort(names, n, sizeof *names, by_text);
	/* libarchive writes the attribute that was added last first. */
	while (n-- > 0) {
		if ((len = lgetxattr(src, names[n], value, XATTR_SIZE_MAX)) < 0)
			return err_sys(e, "%s: %s", src, names[n]);
		archive_entry_xattr_add_entry(to, names[n], value, (size_t)len);
	}
	return 0;
}

/* Sets what is the same for all entries. UID and GID are the entry's own. */
static void set_common(struct archive_entry *to, const struct layer_spec *spec, int64_t uid, int64_t gid)
{
	archive_entry_set_uid(to, spec->keep_owner ? uid : spec->uid);
	archive_entry_set_gid(to, spec->keep_owner ? gid : spec->gid);
	archive_entry_set_mtime(to, spec->mtime, 0);
}

/* Does the symbolic link PATH with this TARGET lead above the root of the image? An absolute target does not. */
static bool leads_out(const char *path, const char *target)
{
	int depth = 0;
	size_t len;

	if (*target == '/')
		return false;
	for (; *path != '\0'; path++)
		depth += *path == '/';
	for (; *target != '\0' && depth >= 0; target += len) {
		target += strspn(target, "/");
		len = strcspn(target, "/");
		if (len == 2 && memcmp(target, "..", 2) == 0)
			depth--;
		else if (len > 0 && !(len == 1 && *target == '.'))
			depth++;
	}
	return depth < 0;
}

/* Refuses devices if SPEC does. Returns 0 or -1. */
static int check_type(mode_t mode, const char *path, const struct layer_spec *spec, struct err *e)
{
	if (spec->no_devices && (S_ISCHR(mode) || S_ISBLK(mode)))
		return err_set(e, "%s: is a device", path);
	return 0;
}

/* Fills TO, which is empty, from an item of a tree. Returns 0 or -1. */
static int entry_of_item(
    struct archive_entry *to, const struct tree_item *i, const struct layer_spec *spec, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n;

	if (check_type(i->st.st_mode, i->src != NULL ? i->src : i->path, spec, e) < 0)
		return -1;
	archive_entry_set_pathname(to, i->path);
	archive_entry_set_mode(to, i->st.st_mode);
	set_common(to, spec, i->st.st_uid, i->st.st_gid);
	if (i->same != NULL) {
		archive_entry_set_hardlink(to, i->same->path);
		return 0;
	}
	if (S_ISLNK(i->st.st_mode)) {
		n = readlink(i->src, target, sizeof target - 1);
		if (n < 0)
			return err_sys(e, "%s", i->src);
		target[n] = '\0';
		if (leads_out(i->path, target))
			return err_set(e, "%s: link points outside the image", i->src);
		archive_entry_set_symlink(to, target);
	}
	if (S_ISCHR(i->st.st_mode) || S_ISBLK(i->st.st_mode)) {
		archive_entry_set_rdevmajor(to, major(i->st.st_rdev));
		archive_entry_set_rdevminor(to, minor(i->st.st_rdev));
	}
	if (S_ISREG(i->st.st_mode))
		archive_entry_set_size(to, i->st.st_size);
	return i->src != NULL ? read_xattrs(i->src, to, e) : 0;
}

/*
 * Fills TO, which is empty, from an entry of another archive. Returns 0, 1 if the entry is not for a layer (the root, a
 * socket), or -1: its path is absolute, or it or its link points outside the image, or it is a device and those are
 * refused.
 */
static int entry_of_entry(
    struct archive_entry *to, struct archive_entry *from, const struct layer_spec *spec, struct err *e)
{
	const char *name = archive_entry_pathname(from), *link = archive_entry_hardlink(from), *attr;
	AUTO_FREE char *path = name != NULL ? tree_path(name) : NULL;
	AUTO_FREE char *target = link != NULL ? tree_path(link) : NULL;
	mode_t type = archive_entry_filetype(from);
	const void *value;
	size_t n;

	if (path == NULL || *name == '/')
		return err_set(e, "%s: not a valid path in an image", name != NULL ? name : "?");
	if (link != NULL && (target == NULL || *link == '/'))
		return err_set(e, "%s: link points outside the image", name);
	if (check_type(archive_entry_mode(from), name, spec, e) < 0)
		return -1;
	if (*path == '\0' || type == AE_IFSOCK)
		return 1;
	archive_entry_set_pathname(to, path);
	archive_entry_set_mode(to, archive_entry_mode(from));
	set_common(to, spec, archive_entry_uid(from), archive_entry_gid(from));
	if (target != NULL) {
		archive_entry_set_filetype(to, AE_IFREG);
		archive_entry_set_hardlink(to, target);
		return 0;
	}
	if (type == AE_IFREG)
		archive_entry_set_size(to, archive_entry_size(from));
	if (type == AE_IFLNK) {
		link = archive_entry_symlink(from);
		if (link == NULL || leads_out(path, link))
			return err_set(e, "%s: link points outside the image", name);
		archive_entry_set_symlink(to, link);
	}
	if (type == AE_IFCHR || type == AE_IFBLK) {
		archive_entry_set_rdevmajor(to, archive_entry_rdevmajor(from));
		archive_entry_set_rdevminor(to, archive_entry_rdevminor(from));
	}
	(void)archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &attr, &value, &n) == ARCHIVE_OK)
		if (kept_xattr(attr))
			archive_entry_xattr_add_entry(to, attr, value, n);
	return 0;
}

/* The symbolic links of an archive. No entry may be below one: it would be written to where the link points. */
struct links {
	void *root;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Records that PATH (as tree_path makes it) is a symbolic link, or no longer one. Returns 0, or -1: out of memory. */
static int links_set(struct links *l, const char *path, bool link)
{
	char **found = tfind(path, &l->root, by_path);
	char *old = found != NULL ? *found : NULL, *copy;

	if (link == (old != NULL))
		return 0;
	if (!link) {
		(void)tdelete(path, &l->root, by_path);
		free(old);
		return 0;
	}
	copy = strdup(path);
	if (copy != NULL && tsearch(copy, &l->root, by_path) != NULL)
		return 0;
	free(copy);
	return -1;
}

/* Is one of the directories that lead to PATH a symbolic link? */
static bool links_above(const struct links *l, const char *path)
{
	AUTO_FREE char *dir = NULL;
	char *slash;
	bool found = false;

	if (l->root == NULL)
		return false;
	dir = strdup(path);
	/* Out of memory: assume one, which is refused. */
	if (dir == NULL)
		return true;
	for (slash = strchr(dir, '/'); slash != NULL && !found; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		found = tfind(dir, &l->root, by_path) != NULL;
		*slash = '/';
	}
	return found;
}

static void links_free(struct links *l)
{
	tdestroy(l->root, free);
	l->root = NULL;
}

/* One layer while it is being written. */
struct work {
	const struct layer_spec *spec;
	struct archive *tar;
	struct compress *to;
	struct err *e;
	const atomic_bool *stop;
	uint64_t total; /* bytes written */
	bool failed;    /* E has the reason */
	char buf[BLOCK];
};

static int too_large(struct work *w, const char *path)
{
	return err_set(w->e, "%s: larger than %llu bytes", path, (unsigned long long)w->spec->max);
}

/* Would a file of SIZE bytes make the layer too large? It is then refused before any of it is written. */
static bool outgrows(const struct work *w, int64_t size)
{
	return size < 0 || w->total > w->spec->max || (uint64_t)size > w->spec->max - w->total;
}

static la_ssize_t send(struct archive *a, void *arg, const void *data, size_t n)
{
	struct work *w = arg;

	(void)a;
	/* The failure is reported by our callers: libarchive leaks its buffer when a write fails. */
	if (w->failed)
		return (la_ssize_t)n;
	w->total += n;
	if (atomic_load(w->stop))
		w->failed = err_set(w->e, "stopped") < 0;
	else if (w->total > w->spec->max)
		w->failed = too_large(w, w->spec->src) < 0;
	else
		w->failed = compress_add(w->to, data, n, w->e) < 0;
	return (la_ssize_t)n;
}

/* Sets E to the error of libarchive, unless the stream has set it already. Returns -1. */
static int tar_error(struct work *w, const char *path)
{
	const char *text = archive_error_string(w->tar);

	return w->failed ? -1 : err_set(w->e, "%s: %s", path, text != NULL ? text : "cannot be archived");
}

/* Writes the header of ENTRY. Names that are not UTF-8 are written as they are; libarchive warns about them. */
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
	/* O_NONBLOCK: do not hang if the file has been replaced by a FIFO since it was listed. */
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
	return left == 0 ? 0 : err_set(w->e, "%s: changed while it was being read", i->src);
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
		return err_no_memory(w->e);
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

/* May the entry TO, in canonical form, follow those before it? Returns 0 or -1. */
static int check_entry(struct work *w, struct links *links, struct archive_entry *to)
{
	const char *path = archive_entry_pathname(to), *target = archive_entry_hardlink(to);

	if (links_above(links, path) || (target != NULL && links_above(links, target)))
		return err_set(w->e, "%s: below a symbolic link", path);
	if (links_set(links, path, target == NULL && archive_entry_filetype(to) == AE_IFLNK) < 0)
		return err_no_memory(w->e);
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
		rc = err_no_memory(w->e);
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
		return err_no_memory(w->e);
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
	/* Freeing closes the archive, which would write: a layer that failed writes nothing more. */
	if (rc != 0)
		w->failed = true;
	(void)archive_write_free(w->tar);
	return rc;
}

int layer_pack(
    const struct layer_spec *spec, const atomic_bool *stop, struct compress *to, struct words *skipped, struct err *e)
{
	struct work *w = calloc(1, sizeof *w);
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before;
	int rc;

	if (w == NULL || utf8 == (locale_t)0) {
		free(w);
		return err_set(e, "out of memory, or locale C.UTF-8 is missing");
	}
	/* libarchive interprets names in the locale: use a fixed one, in this thread only. */
	before = uselocale(utf8);
	w->spec = spec;
	w->stop = stop;
	w->to = to;
	w->e = e;
	rc = pack(w, skipped);
	(void)uselocale(before);
	freelocale(utf8);
	free(w);
	return rc;
}
