/* Disk images, by qemu-img. */
#ifndef KS_VM_DISK_IMAGE_H
#define KS_VM_DISK_IMAGE_H

#include <stdint.h>

#include "base/err.h"

struct vmimg {
	char format[16];
	uint64_t size; /* what a guest sees, bytes */
};

/* Looks at PATH, also while a VM uses it. CANCEL_FD and DEADLINE are those of child_run. Returns 0 or -1. */
int vmimg_info(struct vmimg *img, const char *path, int cancel_fd, int64_t deadline, struct err *e);

/* Takes what "qemu-img info --output=json" says. Returns 0 or -1. */
int vmimg_parse(struct vmimg *img, const char *json, struct err *e);

/*
 * Makes PATH anew as an empty qcow2 over BACKING, whose absolute name it keeps. FORMAT is that of BACKING (NULL: to
 * be found out). SIZE is in bytes, at least BACKING's; 0: as BACKING. PATH is replaced whole or not at all.
 * Returns 0 or -1.
 */
int vmimg_overlay(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e);

/*
 * Makes PATH as an empty qcow2 of SIZE bytes over BACKING, a name that need not be there and is not looked at.
 * Returns 0 or -1.
 */
int vmimg_overlay_unseen(const char *path, const char *backing, const char *format, uint64_t size, int cancel_fd,
    int64_t deadline, struct err *e);

/* Puts another BACKING into the header of the qcow2 PATH, which is looked at as little. Returns 0 or -1. */
int vmimg_rebase_unseen(
    const char *path, const char *backing, const char *format, int cancel_fd, int64_t deadline, struct err *e);

/* What an image stands on, as its header has it. */
struct vmimg_backing {
	char *name; /* to be freed; NULL: nothing */
	char format[16];
};

/* Looks into PATH alone, also while a VM uses it. Returns 0 or -1. */
int vmimg_backing(struct vmimg_backing *b, const char *path, int cancel_fd, int64_t deadline, struct err *e);

#endif
