#include "snapshot/disks.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "snapshot/base_disk.h"
#include "vm/description.h"
#include "vm/disk_image.h"
#include "vm/overlays.h"
#include "vm/run.h"

/* The map that applies to PATH, or NULL. */
static const struct disks_map *map_of(const struct disks *d, const char *path)
{
	size_t i, n;

	for (i = d->nmaps; i-- > 0;) {
		n = strlen(d->maps[i].inside);
		if (strncmp(path, d->maps[i].inside, n) == 0 && path[n] == '/')
			return &d->maps[i];
	}
	return NULL;
}

/* The name here of the machine's PATH; to be freed. NULL: out of memory. */
static char *find_here(const struct disks *d, const char *path)
{
	const struct disks_map *m = map_of(d, path);
	char *here = NULL;

	if (m == NULL)
		return strdup(path);
	return asprintf(&here, "%s%s", m->here, path + strlen(m->inside)) < 0 ? NULL : here;
}

/* The path of the file NAME, relative to the directory of PATH; to be freed. NULL: out of memory. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *whole = NULL;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	return asprintf(&whole, "%.*s/%s", (int)(slash - path), path, name) < 0 ? NULL : whole;
}

char *disks_inside(const struct disks *d, const char *here)
{
	const char *slash = strrchr(here, '/');

	return beside(d->path, slash == NULL ? here : slash + 1);
}

int disks_prepare(struct disks *d, bool overlay, uint64_t size, struct err *e)
{
	AUTO_FREE char *below = NULL;

	d->here = find_here(d, d->path);
	if (d->here == NULL)
		return err_no_memory(e);
	if (vm_overlay_top(d->here, &d->top, e) < 0)
		return -1;
	if (d->top == NULL && (d->top = strdup(d->here)) == NULL)
		return err_no_memory(e);
	if (access(d->top, R_OK) < 0)
		return err_sys(e, "the disk %s", d->top);
	if (!overlay)
		return 0;
	below = disks_inside(d, d->top);
	if (below == NULL)
		return err_no_memory(e);
	d->next = vm_overlay_next(d->here, e);
	if (d->next == NULL)
		return -1;
	return vmimg_overlay_unseen(
	    d->next, below, strcmp(d->top, d->here) == 0 ? d->format : "qcow2", size, d->cancel_fd, d->deadline, e);
}

int disks_switch(struct disks *d, struct err *e)
{
	d->switched = true;
	return vm_overlay_set_top(d->here, d->next, e);
}

char *disks_saved(const char *dir, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, dir, VM_DESC);
	json_t *desc, *root;
	json_error_t why;
	const char *saved;
	char *name = NULL;

	if (path == NULL) {
		(void)err_no_memory(e);
		return NULL;
	}
	desc = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	root = json_object_get(desc, "root");
	saved = root == NULL ? "" : json_string_value(json_object_get(root, "saved"));
	if (desc == NULL)
		(void)err_set(e, "%s: %s", path, why.text);
	else if (!json_is_object(desc) || saved == NULL || strchr(saved, '/') != NULL)
		(void)err_set(e, "%s: no saved disk", path);
	else if ((name = strdup(saved)) == NULL)
		(void)err_no_memory(e);
	json_decref(desc);
	return name;
}

void disks_free(struct disks *d)
{
	if (d->next != NULL && !d->switched)
		(void)unlink(d->next);
	free(d->here);
	free(d->top);
	free(d->next);
	d->here = d->top = d->next = NULL;
}

/* Makes a copy that shares the blocks of the original, or else is as sparse. Returns 0 or -1. */
static int copy_file(const char *from, const char *to, struct err *e)
{
	AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int out = -1;
	char hex[SHA256_HEX];
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "%s", from);
	out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "%s", to);
	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	return blocks_digest(in, (uint64_t)st.st_size, out, hex, e) < 0 ? err_prefix(e, "%s", to) : 0;
}

/* One file of the backing chain. */
struct link {
	char *inside, *here; /* its names */
	char name[64];       /* in the saved state */
	bool saved;          /* it belongs to an earlier saved state, and is taken unchanged */
};

static void link_free(struct link *l)
{
	free(l->inside);
	free(l->here);
	*l = (struct link){ 0 };
}

/* Sets the names of a backing file. Returns 1; 0 if it is a base that stays where it is; or -1. */
static int name_below(const struct disks *d, struct link *l, const char *stem, size_t number, struct err *e)
{
	const struct disks_map *m = map_of(d, l->inside);
	const char *slash = strrchr(l->inside, '/');

	if (m == NULL)
		return 0;
	l->here = find_here(d, l->inside);
	if (l->here == NULL)
		return err_no_memory(e);
	/* In the runtime directory (the first map) names are not unique among saved states. */
	l->saved = m != d->maps;
	if (!l->saved)
		(void)snprintf(l->name, sizeof l->name, "%s-%zu.qcow2", stem, number);
	else if (slash == NULL || strlen(slash + 1) >= sizeof l->name)
		return err_set(e, "%s: name too long", l->inside);
	else
		(void)strcpy(l->name, slash + 1);
	return 1;
}

/* Copies one file to DIR, with BELOW (a name in DIR, or that of a base) as its backing file. Returns 0 or -1. */
static int copy_link(const struct disks *d, const char *dir, const struct link *l, const char *below,
    const char *format, struct words *files, struct err *e)
{
	AUTO_FREE char *to = NULL;

	if (asprintf(&to, "%s/%s", dir, l->name) < 0 || words_add(files, l->name) < 0)
		return err_no_memory(e);
	/* Its backing file has the same name here as in its own saved state. */
	if (l->saved && link(l->here, to) == 0)
		return 0;
	if (copy_file(l->here, to, e) < 0)
		return -1;
	if (l->saved || below == NULL)
		return 0;
	return vmimg_rebase_unseen(to, below, format, d->cancel_fd, d->deadline, e);
}

int disks_copy(const struct disks *d, const char *dir, struct words *files, json_t **base, struct err *e)
{
	struct link top = { .inside = disks_inside(d, d->top), .here = strdup(d->top) };
	bool raw = strcmp(d->top, d->here) == 0 && strcmp(d->format, "raw") == 0;
	struct link below = { 0 };
	struct vmimg_backing b;
	struct timespec now;
	char stem[40];
	size_t i = 0;
	int rc = 0, found = 1;

	/* Saved states share files by name, so the name must be unique. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(stem, sizeof stem, "disk-%llx-%lx", (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
	(void)snprintf(top.name, sizeof top.name, "%s.%s", stem, raw ? "raw" : "qcow2");
	*base = NULL;
	if (top.inside == NULL || top.here == NULL)
		rc = err_no_memory(e);
	while (rc == 0 && found == 1) {
		found = 0;
		b = (struct vmimg_backing){ 0 };
		/* A raw disk has no backing file, even if its guest has written something like a qcow2 header. */
		if ((i > 0 || !raw) && vmimg_backing(&b, top.here, d->cancel_fd, d->deadline, e) < 0) {
			rc = -1;
			break;
		}
		if (b.name != NULL) {
			below.inside = beside(top.inside, b.name);
			found = below.inside == NULL ? err_no_memory(e) : name_below(d, &below, stem, ++i, e);
		}
		rc = found < 0 ? -1 : 0;
		if (rc == 0)
			rc = copy_link(d, dir, &top, found == 1 ? below.name : below.inside, b.format, files, e);
		if (rc == 0 && found == 0) {
			*base = below.inside == NULL ? json_null() : base_disk_new(below.inside, e);
			rc = *base == NULL ? -1 : 0;
		}
		free(b.name);
		link_free(&top);
		top = below;
		below = (struct link){ 0 };
	}
	link_free(&top);
	return rc;
}
