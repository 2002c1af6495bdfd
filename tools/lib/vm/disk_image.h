/* Disk images, by qemu-img(1). */
#ifndef KS_VM_DISK_IMAGE_H
#define KS_VM_DISK_IMAGE_H

#include <stdint.h>

#include "base/err.h"

/* CANCEL_FD and DEADLINE of these functions are those of child_run. */

struct vmimg {
	char format[16];
	uint64_t size; /* virtual size in bytes */
};

/* Looks up the format and size of PATH, which a VM may be using. Returns 0 or -1. */
int vmimg_info(struct vmimg *img, const char *path, int cancel_fd, int64_t deadline, struct err *e);

/* Parses the output of "qemu-img info --output=json". Published for tests/fuzz/nic.c. Returns 0 or -1. */
int vmimg_parse(struct vmimg *img, const char *json, struct err *e);

/*
 * Creates PATH as an empty qcow2 overlay on BACKING, whose absolute path is stored in it. FORMAT is that of BACKING
 * (NULL: detect it). SIZE is the virtual size in bytes, at least that of BACKING; 0: that of BACKING. An existing PATH
 * is replaced atomically. Returns 0 or -1.
 */
int vmimg_overlay(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e);

/*
 * Creates PATH as an empty qcow2 overlay of SIZE bytes on BACKING. BACKING is not opened: it may be a path that is
 * valid only elsewhere. Returns 0 or -1.
 */
int vmimg_overlay_unseen(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e);

/* Changes the backing file in the header of the qcow2 PATH to BACKING, which is not opened. Returns 0 or -1. */
int vmimg_rebase_unseen(
    const char *path, const char *backing, const char *format, int cancel_fd, int64_t deadline, struct err *e);

/* The backing file of an image, as its header names it. */
struct vmimg_backing {
	char *name; /* allocated; NULL: the image has no backing file */
	char format[16];
};

/* Reads the header of PATH, which a VM may be using; the backing file is not opened. Returns 0 or -1. */
int vmimg_backing(struct vmimg_backing *b, const char *path, int cancel_fd, int64_t deadline, struct err *e);

#endif
