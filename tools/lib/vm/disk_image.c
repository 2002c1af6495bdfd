#include "vm/disk_image.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/cleanup.h"
#include "base/qemu_img.h"
#include "vm/machine.h"

/* Runs "qemu-img COMMAND -q [-u] -f qcow2 -b BACKING -F FORMAT PATH [SIZE]"; UNSEEN, -u: BACKING is not opened. */
static int on_backing(const char *command, bool unseen, const char *path, const char *backing, const char *format,
    const uint64_t *size, int cancel_fd, int64_t deadline, struct err *e)
{
	struct args a = { 0 };

	args_add(&a, "qemu-img");
	args_add(&a, "%s", command);
	args_add(&a, "-q");
	if (unseen)
		args_add(&a, "-u");
	args_add(&a, "-f");
	args_add(&a, "qcow2");
	args_add(&a, "-b");
	args_add(&a, "%s", backing);
	args_add(&a, "-F");
	args_add(&a, "%s", format);
	qemu_img_file(&a, path);
	if (size != NULL)
		args_add(&a, "%" PRIu64, *size);
	return qemu_img(&a, NULL, cancel_fd, deadline, NULL, e);
}

int vmimg_parse(struct vmimg *img, const char *json, struct err *e)
{
	json_error_t why;
	json_t *o = json_loads(json, 0, &why);
	const char *format = json_string_value(json_object_get(o, "format"));
	json_int_t size = json_integer_value(json_object_get(o, "virtual-size"));
	int rc = 0;

	if (format == NULL || format[0] == '\0' || strlen(format) >= sizeof img->format || size < 0)
		rc = err_set(e, "qemu-img: no format or size in its output");
	else
		(void)strcpy(img->format, format);
	img->size = (uint64_t)size;
	json_decref(o);
	return rc;
}

/* Runs "qemu-img info" for one image. Stores its JSON in OUT (free it). Returns 0 or -1. */
static int info(const char *path, int cancel_fd, int64_t deadline, char **out, struct err *e)
{
	struct args a = { 0 };

	args_add(&a, "qemu-img");
	args_add(&a, "info");
	/* A VM that writes to the image holds a lock on it. */
	args_add(&a, "--force-share");
	args_add(&a, "--output=json");
	qemu_img_file(&a, path);
	return qemu_img(&a, NULL, cancel_fd, deadline, out, e);
}

int vmimg_info(struct vmimg *img, const char *path, int cancel_fd, int64_t deadline, struct err *e)
{
	AUTO_FREE char *out = NULL;

	return info(path, cancel_fd, deadline, &out, e) < 0 ? -1 : vmimg_parse(img, out, e);
}

int vmimg_backing(struct vmimg_backing *b, const char *path, int cancel_fd, int64_t deadline, struct err *e)
{
	AUTO_FREE char *out = NULL;
	const char *name, *format;
	json_error_t why;
	json_t *o;
	int rc = 0;

	*b = (struct vmimg_backing){ 0 };
	if (info(path, cancel_fd, deadline, &out, e) < 0)
		return -1;
	o = json_loads(out, 0, &why);
	name = json_string_value(json_object_get(o, "backing-filename"));
	format = json_string_value(json_object_get(o, "backing-filename-format"));
	if (name != NULL && (format == NULL || !vm_format_ok(format)))
		rc = err_set(e, "%s: no valid format is recorded for its backing file", path);
	else if (name != NULL && (b->name = strdup(name)) == NULL)
		rc = err_no_memory(e);
	else if (name != NULL)
		(void)strcpy(b->format, format);
	json_decref(o);
	return rc;
}

int vmimg_overlay_unseen(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e)
{
	return on_backing("create", true, path, backing, format, &size, cancel_fd, deadline, e);
}

int vmimg_rebase_unseen(
    const char *path, const char *backing, const char *format, int cancel_fd, int64_t deadline, struct err *e)
{
	return on_backing("rebase", true, path, backing, format, NULL, cancel_fd, deadline, e);
}

int vmimg_overlay(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e)
{
	AUTO_FREE char *real = realpath(backing, NULL);
	AUTO_FREE char *tmp = NULL;
	struct vmimg img;

	if (real == NULL)
		return err_sys(e, "%s", backing);
	if (vmimg_info(&img, real, cancel_fd, deadline, e) < 0)
		return -1;
	if (format != NULL)
		(void)snprintf(img.format, sizeof img.format, "%s", format);
	if (size != 0 && size < img.size)
		return err_set(e, "size %" PRIu64 " is less than the size of %s, %" PRIu64, size, backing, img.size);
	if (size != 0)
		img.size = size;
	if (asprintf(&tmp, "%s.tmp.%ld", path, (long)getpid()) < 0) {
		tmp = NULL;
		return err_no_memory(e);
	}
	if (on_backing("create", false, tmp, real, img.format, &img.size, cancel_fd, deadline, e) == 0) {
		if (rename(tmp, path) == 0)
			return 0;
		(void)err_sys(e, "%s", path);
	}
	(void)unlink(tmp);
	return -1;
}
