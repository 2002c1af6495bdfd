#include "oci/entry.h"

#include <archive.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/cleanup.h"

/* What is kept of extended attributes; security.selinux and trusted.overlay.* are the host's own. */
static bool kept_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the attributes of the file SRC (not of what it may point to) in the order of their names. */
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
		return err_set(e, "%s: out of memory", src);
	if ((size = llistxattr(src, list, (size_t)size)) < 0)
		return err_sys(e, "%s", src);
	for (p = list; p < list + size; p += strlen(p) + 1)
		if (kept_xattr(p))
			names[n++] = p;
	qsort(names, n, sizeof *names, by_text);
	/* libarchive writes the attribute first that was added last. */
	while (n-- > 0) {
		if ((len = lgetxattr(src, names[n], value, XATTR_SIZE_MAX)) < 0)
			return err_sys(e, "%s: %s", src, names[n]);
		archive_entry_xattr_add_entry(to, names[n], value, (size_t)len);
	}
	return 0;
}

static void stamp(struct archive_entry *to, const struct layer_spec *spec, int64_t uid, int64_t gid)
{
	archive_entry_set_uid(to, spec->keep_owner ? uid : spec->uid);
	archive_entry_set_gid(to, spec->keep_owner ? gid : spec->gid);
	archive_entry_set_mtime(to, spec->mtime, 0);
}

/* Does the relative TARGET of a link at PATH climb above the root of the image? */
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

/* What is not in an image: devices, unless they are to be kept. */
static int check_type(mode_t mode, const char *path, const struct layer_spec *spec, struct err *e)
{
	if (spec->no_devices && (S_ISCHR(mode) || S_ISBLK(mode)))
		return err_set(e, "%s: a device", path);
	return 0;
}

int entry_of_item(struct archive_entry *to, const struct tree_item *i, const struct layer_spec *spec, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n;

	if (check_type(i->st.st_mode, i->src != NULL ? i->src : i->path, spec, e) < 0)
		return -1;
	archive_entry_set_pathname(to, i->path);
	archive_entry_set_mode(to, i->st.st_mode);
	stamp(to, spec, i->st.st_uid, i->st.st_gid);
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
			return err_set(e, "%s: a link that leads out of the image", i->src);
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

int entry_of_entry(struct archive_entry *to, struct archive_entry *from, const struct layer_spec *spec, struct err *e)
{
	const char *name = archive_entry_pathname(from), *link = archive_entry_hardlink(from), *attr;
	AUTO_FREE char *path = name != NULL ? tree_path(name) : NULL;
	AUTO_FREE char *target = link != NULL ? tree_path(link) : NULL;
	mode_t type = archive_entry_filetype(from);
	const void *value;
	size_t n;

	if (path == NULL || *name == '/')
		return err_set(e, "%s: not a path for an image", name != NULL ? name : "?");
	if (link != NULL && (target == NULL || *link == '/'))
		return err_set(e, "%s: a link that leads out of the image", name);
	if (check_type(archive_entry_mode(from), name, spec, e) < 0)
		return -1;
	if (*path == '\0' || type == AE_IFSOCK)
		return 1;
	archive_entry_set_pathname(to, path);
	archive_entry_set_mode(to, archive_entry_mode(from));
	stamp(to, spec, archive_entry_uid(from), archive_entry_gid(from));
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
			return err_set(e, "%s: a link that leads out of the image", name);
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
