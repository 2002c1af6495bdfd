/*
 * A client of the QEMU Machine Protocol: one JSON object per line over a unix socket.
 * Source: QEMU 7.2, docs/interop/qmp-spec.txt.
 */
#ifndef KS_VM_QMP_H
#define KS_VM_QMP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The longest path of a unix socket: sun_path without its NUL (unix(7)). */
#define QMP_PATH_MAX 107

/* Splits received bytes into messages. Initialize to zero. */
struct qmp_rx {
	char *buf;
	size_t len, scanned; /* bytes in BUF; of them known to contain no newline */
};

/* A connection. A QMP socket serves one client at a time: do not keep it open longer than needed. */
struct qmp {
	int fd;
	int cancel[2]; /* all calls fail as soon as one of these descriptors is readable; -1: none */
	struct qmp_rx rx;
	json_t *events; /* received but not yet waited for; only the latest ones are kept */
	json_int_t id;  /* of the last command */
};

/*
 * Connects, reads the greeting and negotiates capabilities. Waits for a socket that does not exist yet or serves
 * another client, until DEADLINE (of now_ms). CANCEL is copied to Q. Returns 0, or -1 (Q is closed).
 */
int qmp_connect(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/* Connects without greeting and negotiation, as the guest agent's protocol has neither. Returns as qmp_connect. */
int qmp_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e);

/*
 * Runs a command. Takes the reference to ARGS (NULL: no arguments) in any case. Stores what the command returned in
 * RET (NULL: not needed), a new reference. If QEMU refuses the command, E contains its message. Returns 0 or -1.
 */
int qmp_execute(struct qmp *q, const char *command, json_t *args, json_t **ret, int64_t deadline, struct err *e);

/* Passes a duplicate of descriptor FD to QEMU under NAME (command getfd). Returns 0 or -1. */
int qmp_give_fd(struct qmp *q, const char *name, int fd, int64_t deadline, struct err *e);

/*
 * Waits for the event NAME, including those received during qmp_execute. Stores the message in EVENT (NULL: not
 * needed), a new reference. Returns 1, 0 at DEADLINE, or -1.
 */
int qmp_event(struct qmp *q, const char *name, json_t **event, int64_t deadline, struct err *e);

/* Closes the connection. Does nothing if it is closed already. */
void qmp_close(struct qmp *q);

/* The receiver, published for tests/fuzz/qmp.c. */

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT, QMP_UNKNOWN };

/* The kind of message MSG is, judged by the members that the protocol requires. */
enum qmp_kind qmp_kind_of(const json_t *msg);

/* Adds N received bytes. Returns 0, or -1: a line is too long, or out of memory. */
int qmp_rx_feed(struct qmp_rx *rx, const void *data, size_t n, struct err *e);

/* Returns 1 and the next message (an object, a new reference), 0 if none is complete, or -1. */
int qmp_rx_next(struct qmp_rx *rx, json_t **msg, struct err *e);

void qmp_rx_free(struct qmp_rx *rx);

#endif
