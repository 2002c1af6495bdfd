/* Arbitrary bytes received on a QMP socket, in pieces of any length. */
#include <stdint.h>
#include <stdlib.h>

#include "vm/qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct qmp_rx rx = { 0 };
	struct err e;
	json_t *msg;
	/* The first byte sets the length of the pieces. */
	size_t piece = n > 0 ? (size_t)data[0] + 1 : 1;
	size_t at, some;
	int rc = 0;

	for (at = 0; at < n && rc >= 0; at += some) {
		some = n - at < piece ? n - at : piece;
		if (qmp_rx_feed(&rx, data + at, some, &e) < 0)
			break;
		while ((rc = qmp_rx_next(&rx, &msg, &e)) > 0) {
			if (!json_is_object(msg))
				abort();
			if (qmp_kind_of(msg) == QMP_EVENT && json_string_value(json_object_get(msg, "event")) == NULL)
				abort();
			json_decref(msg);
		}
	}
	qmp_rx_free(&rx);
	return 0;
}
