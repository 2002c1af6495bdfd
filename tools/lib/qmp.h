/*
 * The QEMU Machine Protocol, client side: one JSON object a line over a unix socket.
 * Source: QEMU 7.2, docs/interop/qmp-spec.txt.
 */
#ifndef KS_QMP_H
#define KS_QMP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* No message that we ask for comes near it: query-qmp-schema, the longest of all, has 0.2 MB. */
#define QMP_LINE_MAX (1024 * 1024)
/* The longest path of a unix socket: sun_path less its NUL (unix(7)). */
#define QMP_PATH_MAX 107

/* Bytes to messages. Start with zeros. */
struct qmp_rx {
	char *buf;
	size_t len, scanned;
};

/* Takes N bytes in. Returns 0, or -1 when a line grows too long or memory is short. */
int qmp_rx_feed(struct qmp_rx *rx, const void *data, size_t n, struct err *e);
/* Returns 1 and the next message (an object, to be released with json_decref), 0 when there is none yet, or -1. */
int qmp_rx_next(struct qmp_rx *rx, json_t **msg, struct err *e);
void qmp_rx_free(struct qmp_rx *rx);

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT, QMP_UNKNOWN };

/* What kind of message MSG is, by the members that the protocol demands of each. */
enum qmp_kind qmp_kind_of(const json_t *msg);

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

/*
 * Waits for event NAME; those that came during qmp_execute count. EVENT (NULL: not wanted) gets the message, to be
 * released by the caller. Returns 1, 0 at DEADLINE, or -1.
 */
int qmp_event(struct qmp *q, const char *name, json_t **event, int64_t deadline, struct err *e);

/* Closes; allowed on a closed one. */
void qmp_close(struct qmp *q);

#endif
