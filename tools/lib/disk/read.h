/*
 * A disk image as a guest sees it, in any format that QEMU knows and with its backing files: a qemu-nbd process reads
 * it and serves several connections.
 */
#ifndef KS_DISK_READ_H
#define KS_DISK_READ_H

#include "base/child.h"
#include "disk/nbd.h"

struct diskread {
	uint64_t size; /* bytes, a multiple of 512 */
	struct child server_;
	char *dir_, *socket_;
};

/*
 * Opens the image PATH of the format FORMAT. Fails if a virtual machine is writing to it. A signal (unfinished_catch_signals)
 * removes the temporary directory. Returns 0 or -1. Call diskread_close in both cases.
 */
int diskread_open(struct diskread *d, const char *path, const char *format, struct err *e);
void diskread_close(struct diskread *d);

/* Connects to D; each thread needs a connection of its own. Returns 0 or -1. Call nbd_close in both cases. */
int diskread_connect(const struct diskread *d, struct nbd *n, struct err *e);

/* Is FORMAT a valid format name: lower-case letters, digits and dashes? */
bool diskread_format_ok(const char *format);

#endif
