#include "vm/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/description.h"
#include "vm/disk_image.h"
#include "vm/run.h"
#include "vm/overlays.h"

static int look_up_format(const struct vm_prep *p, struct vm_disk *d, struct err *e)
{
	struct vmimg img;

	if (d->path == NULL || d->format[0] != '\0')
		return 0;
	if (vmimg_info(&img, d->path, p->cancel_fd, p->deadline, e) < 0)
		return -1;
	if (!vm_format_ok(img.format))
		return err_set(e, "%s: its format %s is neither raw nor qcow2", d->path, img.format);
	(void)strcpy(d->format, img.format);
	return 0;
}

/* Sets up the root disk, and makes it if it is to be made. */
static int make_root(struct vm_prep *p, struct err *e)
{
	struct vm_disk *root = &p->vm->root;

	if (p->disk == NULL)
		return 0;
	root->path = strdup(p->disk);
	if (root->path == NULL)
		return err_no_memory(e);
	if (p->backing == NULL || (p->keep_disk && access(p->disk, F_OK) == 0)) {
		if (p->disk_format != NULL)
			(void)strcpy(root->format, p->disk_format);
		return vm_top_find(p->disk, &root->now, e);
	}
	(void)strcpy(root->format, "qcow2");
	if (p->dry)
		return 0;
	vm_top_remove(p->disk);
	if (vmimg_overlay(p->disk, p->backing, p->backing_format, p->disk_size, p->cancel_fd, p->deadline, e) < 0)
		return err_prefix(e, "%s", p->disk);
	p->made_disk = true;
	return 0;
}

int vm_prep_disks(struct vm_prep *p, struct err *e)
{
	size_t i;

	if (make_root(p, e) < 0 || look_up_format(p, &p->vm->root, e) < 0)
		return -1;
	for (i = 0; i < p->vm->ndisks; i++)
		if (look_up_format(p, &p->vm->disks[i], e) < 0)
			return -1;
	return 0;
}

/* Makes the runtime directory, and locks it for as long as this process has it open. */
static int lock_run(struct vm_prep *p, struct err *e)
{
	if (mkdir(p->run, 0700) == 0)
		p->made_run = true;
	else if (errno != EEXIST)
		return err_sys(e, "%s", p->run);
	p->run_fd = open(p->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->run_fd < 0)
		return err_sys(e, "%s", p->run);
	if (flock(p->run_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? err_set(e, "%s: a VM already runs there", p->run) : err_sys(e, "%s", p->run);
}

int vm_prep_run(struct vm_prep *p, struct err *e)
{
	const struct vm *vm = p->vm;
	AUTO_CLOSE int pidfd = -1;
	int rc;

	if (lock_run(p, e) < 0)
		return -1;
	rc = vm_find(vm->pidfile, &pidfd, e);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(e, "%s: a VM already runs there", p->run);
	p->log = vm_run_path(NULL, p->run, VM_LOG);
	p->desc = vm_run_path(NULL, p->run, VM_DESC);
	if (p->log == NULL || p->desc == NULL)
		return err_no_memory(e);
	vm_clean(&(struct vm_files){ { vm->qmp, vm->agent, vm->console_socket }, vm->pidfile, p->desc });
	p->made_files = true;
	return 0;
}

void vm_prep_undo(const struct vm_prep *p)
{
	const struct vm *vm = p->vm;
	struct stat log;

	if (p->made_files) {
		vm_clean(&(struct vm_files){ { vm->qmp, vm->agent, vm->console_socket }, vm->pidfile, p->desc });
		(void)unlink(p->log);
		/* What a guest has said stays. */
		if (stat(vm->console, &log) == 0 && log.st_size == 0)
			(void)unlink(vm->console);
	}
	if (p->made_disk)
		(void)unlink(p->disk);
	if (p->made_run)
		(void)rmdir(p->run);
}

void vm_prep_free(struct vm_prep *p)
{
	free(p->log);
	free(p->desc);
	p->log = NULL;
	p->desc = NULL;
	if (p->run_fd >= 0)
		(void)close(p->run_fd);
	p->run_fd = -1;
}
