#include "vm/qmp_rx.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int qmp_rx_feed(struct qmp_rx *rx, const void *data, size_t n, struct err *e)
{
	char *p;

	if (n == 0)
		return 0;
	if (n > QMP_LINE_MAX || rx->len > QMP_LINE_MAX - n)
		return err_set(e, "qmp: a message is longer than %d bytes", QMP_LINE_MAX);
	p = realloc(rx->buf, rx->len + n);
	if (p == NULL)
		return err_set(e, "qmp: out of memory");
	(void)memcpy(p + rx->len, data, n);
	rx->buf = p;
	rx->len += n;
	return 0;
}

static bool is_blank(const char *s, size_t n)
{
	return n == 0 || (n == 1 && s[0] == '\r');
}

int qmp_rx_next(struct qmp_rx *rx, json_t **msg, struct err *e)
{
	json_error_t why;
	size_t line;
	char *end;

	while (rx->len > rx->scanned) {
		end = memchr(rx->buf + rx->scanned, '\n', rx->len - rx->scanned);
		if (end == NULL) {
			rx->scanned = rx->len;
			return 0;
		}
		line = (size_t)(end - rx->buf);
		*msg = is_blank(rx->buf, line) ? NULL : json_loadb(rx->buf, line, 0, &why);
		if (*msg == NULL && !is_blank(rx->buf, line))
			return err_set(e, "qmp: not a message: %s", why.text);
		rx->len -= line + 1;
		rx->scanned = 0;
		(void)memmove(rx->buf, end + 1, rx->len);
		if (*msg == NULL)
			continue;
		if (json_is_object(*msg))
			return 1;
		json_decref(*msg);
		return err_set(e, "qmp: not a message: no object");
	}
	return 0;
}

void qmp_rx_free(struct qmp_rx *rx)
{
	free(rx->buf);
	*rx = (struct qmp_rx){ 0 };
}

enum qmp_kind qmp_kind_of(const json_t *msg)
{
	if (json_is_string(json_object_get(msg, "event")))
		return QMP_EVENT;
	if (json_is_object(json_object_get(msg, "QMP")))
		return QMP_GREETING;
	if (json_is_string(json_object_get(json_object_get(msg, "error"), "desc")))
		return QMP_ERROR;
	return json_object_get(msg, "return") != NULL ? QMP_RETURN : QMP_UNKNOWN;
}
