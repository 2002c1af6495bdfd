/*
 * A disk image (any format that QEMU knows, with what it stands on) as a guest sees it: qemu-nbd reads it, in a process
 * of its own, and answers several connections.
 */
#ifndef KS_DISK_READ_H
#define KS_DISK_READ_H

#include "base/child.h"
#include "disk/nbd.h"

struct diskread {
	uint64_t size; /* bytes, whole sectors of 512 */
	struct child server_;
	char *dir_, *socket_;
};

/*
 * Opens the image PATH of the format FORMAT. One that a machine writes to is refused. Returns 0 or -1; diskread_close
 * may be called whatever it returned. A signal (out_catch_signals) leaves nothing behind.
 */
int diskread_open(struct diskread *d, const char *path, const char *format, struct err *e);
void diskread_close(struct diskread *d);

/* A connection to D, for one thread. Returns 0 or -1; nbd_close may be called whatever it returned. */
int diskread_connect(const struct diskread *d, struct nbd *n, struct err *e);

/* A format's name: of lower-case letters and digits? */
bool diskread_format_ok(const char *format);

#endif
