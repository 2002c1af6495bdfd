/* Disk images, by qemu-img. */
#ifndef KS_VMIMG_H
#define KS_VMIMG_H

#include <stdint.h>

#include "err.h"

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

#endif
