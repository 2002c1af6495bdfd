#include "snapshot/pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "snapshot/frames.h"
#include "snapshot/dir.h"

/* Is NAME what an unfinished form of F's is called? */
static bool is_unfinished(const struct vmfile *f, const char *name)
{
	const char *end = strstr(name, ".tmp."), *tail;
	size_t n = strlen(f->raw.name);

	if (end == NULL || end[5] == '\0' || end[5 + strspn(end + 5, "0123456789")] != '\0')
		return false;
	if (strncmp(name, f->raw.name, n) != 0)
		return f->packed.name != NULL && (size_t)(end - name) == strlen(f->packed.name) &&
		       strncmp(name, f->packed.name, (size_t)(end - name)) == 0;
	tail = name + n;
	return tail == end || (tail + 4 == end && strncmp(tail, ".zst", 4) == 0);
}

/* Only who has the lock writes: what is unfinished is of a process that was killed. */
static void sweep(const struct vmhold *h, const struct vmfile *f)
{
	int fd = openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (is_unfinished(f, entry->d_name))
			(void)unlinkat(h->fd, entry->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	else if (fd >= 0)
		(void)close(fd);
}

/* Takes the lock and finds the file NAME. Returns it, or NULL with the reason in E. */
static struct vmfile *hold(struct vmhold *h, const char *dir, const char *name, struct err *e)
{
	struct vmfile *f;

	if (vmhold_open(h, dir, e) < 0 || vmhold_load(h, e) != 1)
		return NULL;
	f = vmfiles_find(&h->files, name, e);
	if (f == NULL)
		(void)err_prefix(e, "%s", dir);
	else
		sweep(h, f);
	return f;
}

/* Packs FROM into O, and says in F what that is. Returns 0 or -1. */
static int squeeze(
    const struct vmhold *h, int from, const struct stat *st, struct vmfile *f, struct out *o, struct err *e)
{
	char hex[SHA256_HEX];
	struct stat packed;

	if ((uint64_t)st->st_size != f->raw.size)
		return vmhold_not_saved(h, f->raw.name, e);
	if (frames_pack(from, f->raw.size, fileno(o->f), hex, e) < 0)
		return vmhold_says(h, f->raw.name, e);
	if (strcmp(hex, f->raw.digest) != 0)
		return vmhold_not_saved(h, f->raw.name, e);
	if (fstat(fileno(o->f), &packed) < 0)
		return err_sys(e, "fstat");
	f->packed.size = (uint64_t)packed.st_size;
	if (blocks_digest(fileno(o->f), f->packed.size, -1, f->packed.digest, e) < 0)
		return vmhold_says(h, f->packed.name, e);
	return 0;
}

static int make_packed(struct vmhold *h, struct vmfile *f, struct err *e)
{
	AUTO_CLOSE int from = -1;
	struct stat st;
	struct out o;

	if (vmhold_file(h, f->raw.name, &from, &st, e) != 1)
		return -1;
	if (vmfiles_name_packed(&h->files, (size_t)(f - h->files.v), e) < 0)
		return err_prefix(e, "%s", h->dir);
	if (vmhold_create(h, f->packed.name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (squeeze(h, from, &st, f, &o, e) < 0) {
		out_abort(&o);
		return -1;
	}
	if (vmhold_commit(&o, &st, e) < 0)
		return -1;
	vmhold_trust(h, &f->packed, &st);
	return vmhold_save(h, e);
}

int vmdir_pack(const char *dir, const char *name, bool keep_raw, struct err *e)
{
	AUTO_VMHOLD struct vmhold h = { .fd = -1 };
	struct vmfile *f = hold(&h, dir, name, e);
	struct err none;
	int rc;

	if (f == NULL)
		return -1;
	rc = f->packed.name != NULL ? vmhold_verify(&h, &f->packed, &none) : 0;
	if (rc != 1 && make_packed(&h, f, e) < 0)
		return -1;
	return keep_raw ? 0 : vmhold_drop(&h, f->raw.name, e);
}

int vmpack_expand(struct vmhold *from, struct vmhold *to, const struct vmfile *f, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char hex[SHA256_HEX];
	struct stat st;
	struct out o;

	if (vmhold_file(from, f->packed.name, &fd, &st, e) != 1)
		return -1;
	if ((uint64_t)st.st_size != f->packed.size)
		return vmhold_not_saved(from, f->packed.name, e);
	if (vmhold_create(to, f->raw.name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (frames_unpack(fd, f->raw.size, fileno(o.f), hex, e) < 0) {
		out_abort(&o);
		return vmhold_says(from, f->packed.name, e);
	}
	if (strcmp(hex, f->raw.digest) != 0) {
		out_abort(&o);
		return vmhold_not_saved(from, f->packed.name, e);
	}
	if (vmhold_commit(&o, &st, e) < 0)
		return -1;
	vmhold_trust(to, &f->raw, &st);
	return 0;
}

/* The manifest forgets the packed form before it goes. */
static int drop_packed(struct vmhold *h, struct vmfile *f, struct err *e)
{
	struct vmform gone = f->packed;
	int rc;

	f->packed = (struct vmform){ 0 };
	rc = vmhold_save(h, e);
	if (rc == 0)
		rc = vmhold_drop(h, gone.name, e);
	vmform_free(&gone);
	return rc;
}

int vmdir_unpack(const char *dir, const char *name, bool keep_packed, struct err *e)
{
	AUTO_VMHOLD struct vmhold h = { .fd = -1 };
	struct vmfile *f = hold(&h, dir, name, e);
	int rc;

	if (f == NULL)
		return -1;
	rc = vmhold_verify(&h, &f->raw, e);
	if (rc < 0 || (rc == 0 && f->packed.name == NULL))
		return -1;
	if (rc == 0 && vmpack_expand(&h, &h, f, e) < 0)
		return -1;
	return keep_packed || f->packed.name == NULL ? 0 : drop_packed(&h, f, e);
}
