/* The messages of the QEMU Machine Protocol, out of the bytes that a socket gives: one JSON object a line. */
#ifndef KS_VM_QMP_RX_H
#define KS_VM_QMP_RX_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* No message that we ask for comes near it: query-qmp-schema, the longest of all, has 0.2 MB. */
#define QMP_LINE_MAX (1024 * 1024)
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

#endif
