/* qemu-img(1) as a child process. */
#ifndef KS_DISK_QEMU_IMG_H
#define KS_DISK_QEMU_IMG_H

#include <stdint.h>

#include "base/args.h"
#include "base/err.h"

/* Adds a file name. Without a slash in front, "a:b" would be a protocol and "-x" an option. */
void qemu_img_file(struct args *a, const char *path);

/*
 * Runs the arguments A, "qemu-img" first, and frees them. OUT, unless it is NULL, receives the standard output, which
 * the caller frees. NAME stands for the disk in errors. Returns 0 or -1, also at DEADLINE (now_ms).
 */
int qemu_img(struct args *a, const char *name, int64_t deadline, char **out, struct err *e);

#endif
