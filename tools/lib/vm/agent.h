/*
 * A guest's agent: the commands of qemu-ga over the socket of its virtio-serial port, one JSON object a line.
 * Source: QEMU 7.2, qga/qapi-schema.json.
 */
#ifndef KS_VM_AGENT_H
#define KS_VM_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/qmp.h"

/*
 * Connects to the agent at PATH, and waits for its first answer. CANCEL is that of qmp_connect. Returns 0, or -1 (Q is
 * then closed): no agent has answered by DEADLINE, of now_ms.
 */
int agent_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/* Sets the guest's clock to the host's. Returns 0 or -1. */
int agent_set_clock(struct qmp *q, int64_t deadline, struct err *e);

/*
 * Runs COMMAND, a program and its arguments with spaces between them, in the guest with the N bytes of INPUT as its standard
 * input, and waits for its end. Returns 0, or -1: it could not be run, or has failed; then E has the last line that it said.
 */
int agent_run(struct qmp *q, const char *command, const void *input, size_t n, int64_t deadline, struct err *e);

#endif
