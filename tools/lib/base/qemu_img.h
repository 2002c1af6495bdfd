/* qemu-img(1) as a child process. */
#ifndef KS_BASE_QEMU_IMG_H
#define KS_BASE_QEMU_IMG_H

#include <stdint.h>

#include "base/args.h"
#include "base/err.h"

/* Adds a file name. Without a slash in front, "a:b" would be a protocol and "-x" an option. */
void qemu_img_file(struct args *a, const char *path);

/*
 * Runs the arguments A, "qemu-img" first, and frees them. OUT, unless it is NULL, receives the standard output, which
 * the caller frees. The first line of the standard error becomes the error; NAME, unless it is NULL, stands for the
 * disk in it. CANCEL_FD and DEADLINE are those of child_run. Returns 0 or -1.
 */
int qemu_img(struct args *a, const char *name, int cancel_fd, int64_t deadline, char **out, struct err *e);

#endif
