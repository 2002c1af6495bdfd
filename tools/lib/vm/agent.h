/*
 * A client of the QEMU guest agent, qemu-ga, which is reached over the socket of a virtio-serial port. It speaks QMP's
 * format, without a greeting. Source: QEMU 7.2, qga/qapi-schema.json.
 */
#ifndef KS_VM_AGENT_H
#define KS_VM_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/qmp.h"

/*
 * Connects to the agent's socket PATH and waits until the agent answers. CANCEL is as for qmp_connect. Returns 0, or -1
 * (Q is closed): the agent has not answered by DEADLINE (of now_ms). Close Q with qmp_close.
 */
int agent_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/* Sets the guest's clock to the host's. Returns 0 or -1. */
int agent_set_clock(struct qmp *q, int64_t deadline, struct err *e);

/*
 * Runs COMMAND, a program and its arguments separated by spaces, in the guest and waits until it ends. The N bytes of
 * INPUT are its standard input. Returns 0, or -1: it could not be run, or failed; E then contains the last line of its
 * standard error.
 */
int agent_run(struct qmp *q, const char *command, const void *input, size_t n, int64_t deadline, struct err *e);

#endif
