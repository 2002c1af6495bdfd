/*
 * The QEMU Machine Protocol, client side: one JSON object a line over a unix socket.
 * Source: QEMU 7.2, docs/interop/qmp-spec.txt.
 */
#ifndef KS_VM_QMP_H
#define KS_VM_QMP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/qmp_rx.h"

/* The longest path of a unix socket: sun_path less its NUL (unix(7)). */
#define QMP_PATH_MAX 107

/* One connection. A QMP socket serves one client at a time: do not keep it longer than needed. */
struct qmp {
	int fd;
	int cancel[2]; /* when one of these is readable every call ends at once with an error; -1: none */
	struct qmp_rx rx;
	json_t *events; /* those that came and were not asked for yet, the latest ones */
	json_int_t id;
};

/*
 * Connects, takes the greeting and negotiates. A socket that is not there yet, or has another client, is waited
 * for until DEADLINE (of now_ms). CANCEL is copied to the connection. Returns 0, or -1 (Q is then closed).
 */
int qmp_connect(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/*
 * Runs a command. ARGS (NULL: none) is released in any case. RET (NULL: not wanted) gets what it returned, to be
 * released by the caller. QEMU's own words make the error when it refuses. Returns 0 or -1.
 */
int qmp_execute(struct qmp *q, const char *command, json_t *args, json_t **ret, int64_t deadline, struct err *e);

/* Gives QEMU the descriptor FD, which stays ours too, under NAME (its command getfd). Returns 0 or -1. */
int qmp_give_fd(struct qmp *q, const char *name, int fd, int64_t deadline, struct err *e);

/*
 * Waits for event NAME; those that came during qmp_execute count. EVENT (NULL: not wanted) gets the message, to be
 * released by the caller. Returns 1, 0 at DEADLINE, or -1.
 */
int qmp_event(struct qmp *q, const char *name, json_t **event, int64_t deadline, struct err *e);

/* Only the connection of qmp_connect, for what speaks likewise without a greeting: a guest's agent. */
int qmp_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/* Closes; allowed on a closed one. */
void qmp_close(struct qmp *q);

#endif
