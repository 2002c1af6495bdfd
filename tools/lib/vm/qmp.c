#include "vm/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

#define EVENTS_MAX 256
#define RETRY_MS 10 /* between two attempts to connect */
/* The longest message that is accepted. The longest one QEMU sends, the answer to query-qmp-schema, has 0.2 MB. */
#define LINE_MAX_BYTES (1024 * 1024)

int qmp_rx_feed(struct qmp_rx *rx, const void *data, size_t n, struct err *e)
{
	char *p;

	if (n == 0)
		return 0;
	if (n > LINE_MAX_BYTES || rx->len > LINE_MAX_BYTES - n)
		return err_set(e, "qmp: message longer than %d bytes", LINE_MAX_BYTES);
	p = realloc(rx->buf, rx->len + n);
	if (p == NULL)
		return err_no_memory(e);
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
			return err_set(e, "qmp: invalid message: %s", why.text);
		rx->len -= line + 1;
		rx->scanned = 0;
		(void)memmove(rx->buf, end + 1, rx->len);
		if (*msg == NULL)
			continue;
		if (json_is_object(*msg))
			return 1;
		json_decref(*msg);
		return err_set(e, "qmp: invalid message: not an object");
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

/*
 * Waits until the socket is ready for the poll events WHAT (0: waits for MS milliseconds). Returns 1, 0 when the time
 * is up, or -1.
 */
static int wait_io(const struct qmp *q, short what, int ms, struct err *e)
{
	struct pollfd p[3] = {
		{ .fd = what != 0 ? q->fd : -1, .events = what },
		{ .fd = q->cancel[0], .events = POLLIN },
		{ .fd = q->cancel[1], .events = POLLIN },
	};
	int n = poll(p, 3, ms);

	/* A signal ends the wait early; the callers check the clock again. */
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0)
		return err_sys(e, "qmp: poll");
	if (p[1].revents != 0 || p[2].revents != 0)
		return err_set(e, "qmp: interrupted");
	return n > 0;
}

/* Returns 1 and a message, 0 at the deadline, or -1. */
static int next_message(struct qmp *q, json_t **msg, int64_t deadline, struct err *e)
{
	char buf[4096];
	ssize_t n;
	int rc, left;

	for (;;) {
		rc = qmp_rx_next(&q->rx, msg, e);
		if (rc != 0)
			return rc;
		left = ms_left(deadline);
		if (left == 0)
			return 0;
		rc = wait_io(q, POLLIN, left, e);
		if (rc <= 0)
			return rc;
		n = recv(q->fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n == 0)
			return err_set(e, "qmp: connection closed");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(e, "qmp");
		if (n > 0 && qmp_rx_feed(&q->rx, buf, (size_t)n, e) < 0)
			return -1;
	}
}

/* Like next_message, but stores events in Q and treats the deadline as an error. Returns 0 or -1. */
static int next_reply(struct qmp *q, json_t **msg, int64_t deadline, struct err *e)
{
	for (;;) {
		int rc = next_message(q, msg, deadline, e);

		if (rc == 0)
			return err_set(e, "qmp: timed out waiting for an answer");
		if (rc < 0)
			return -1;
		if (qmp_kind_of(*msg) != QMP_EVENT)
			return 0;
		if (json_array_size(q->events) >= EVENTS_MAX)
			(void)json_array_remove(q->events, 0);
		if (json_array_append_new(q->events, *msg) < 0)
			return err_no_memory(e);
	}
}

/* Sends some bytes. FD (-1: none) is sent along with the first one. */
static ssize_t send_some(const struct qmp *q, const char *data, size_t n, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS } };
	char text[1] = { data[0] };
	struct msghdr m = { .msg_iov = &(struct iovec){ text, 1 }, .msg_iovlen = 1 };

	if (fd < 0)
		return send(q->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	m.msg_control = control.room;
	m.msg_controllen = sizeof control.room;
	(void)memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(q->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int send_all(struct qmp *q, const char *data, size_t n, int fd, int64_t deadline, struct err *e)
{
	while (n > 0) {
		ssize_t sent = send_some(q, data, n, fd);
		int rc = 1;

		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
			fd = -1;
		} else if (errno == EAGAIN) {
			rc = wait_io(q, POLLOUT, ms_left(deadline), e);
		} else if (errno != EINTR) {
			return err_sys(e, "qmp");
		}
		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(e, "qmp: timed out waiting for an answer");
	}
	return 0;
}

/* Waits for the reply to the last command. Late replies to earlier ones, which have timed out, are dropped. */
static int take_reply(struct qmp *q, const char *command, json_t **ret, int64_t deadline, struct err *e)
{
	json_t *msg;
	enum qmp_kind kind;

	for (;;) {
		if (next_reply(q, &msg, deadline, e) < 0)
			return -1;
		kind = qmp_kind_of(msg);
		if (kind == QMP_ERROR && json_integer_value(json_object_get(msg, "id")) == q->id) {
			(void)err_set(e, "qmp: %s: %s", command,
			    json_string_value(json_object_get(json_object_get(msg, "error"), "desc")));
			json_decref(msg);
			return -1;
		}
		if (kind == QMP_RETURN && json_integer_value(json_object_get(msg, "id")) == q->id)
			break;
		json_decref(msg);
	}
	if (ret != NULL)
		*ret = json_incref(json_object_get(msg, "return"));
	json_decref(msg);
	return 0;
}

static int execute(
    struct qmp *q, const char *command, json_t *args, int fd, json_t **ret, int64_t deadline, struct err *e)
{
	json_t *msg = json_pack("{s:s, s:I, s:o*}", "execute", command, "id", ++q->id, "arguments", args);
	AUTO_FREE char *text = json_dumps(msg, JSON_COMPACT);

	json_decref(msg);
	if (text == NULL)
		return err_no_memory(e);
	if (send_all(q, text, strlen(text), fd, deadline, e) < 0 || send_all(q, "\n", 1, -1, deadline, e) < 0)
		return -1;
	return take_reply(q, command, ret, deadline, e);
}

int qmp_execute(struct qmp *q, const char *command, json_t *args, json_t **ret, int64_t deadline, struct err *e)
{
	return execute(q, command, args, -1, ret, deadline, e);
}

int qmp_give_fd(struct qmp *q, const char *name, int fd, int64_t deadline, struct err *e)
{
	return execute(q, "getfd", json_pack("{s:s}", "fdname", name), fd, NULL, deadline, e);
}

int qmp_event(struct qmp *q, const char *name, json_t **event, int64_t deadline, struct err *e)
{
	size_t i;
	json_t *msg;
	int rc;

	for (i = 0; i < json_array_size(q->events); i++) {
		msg = json_incref(json_array_get(q->events, i));
		if (strcmp(json_string_value(json_object_get(msg, "event")), name) == 0) {
			(void)json_array_remove(q->events, i);
			goto found;
		}
		json_decref(msg);
	}
	for (;;) {
		rc = next_message(q, &msg, deadline, e);
		if (rc <= 0)
			return rc;
		if (qmp_kind_of(msg) == QMP_EVENT &&
		    strcmp(json_string_value(json_object_get(msg, "event")), name) == 0)
			goto found;
		json_decref(msg);
	}
found:
	if (event != NULL)
		*event = msg;
	else
		json_decref(msg);
	return 1;
}

static int open_socket(struct qmp *q, const char *path, int64_t deadline, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) > QMP_PATH_MAX)
		return err_set(e, "qmp: socket path longer than %d bytes", QMP_PATH_MAX);
	(void)memcpy(addr.sun_path, path, strlen(path) + 1);
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->fd < 0)
		return err_sys(e, "qmp");
	while (connect(q->fd, (const struct sockaddr *)&addr, sizeof addr) < 0) {
		/* EAGAIN: the queue of connections is full. ENOENT, ECONNREFUSED: QEMU does not listen yet. */
		if ((errno != EAGAIN && errno != ENOENT && errno != ECONNREFUSED && errno != EINTR) ||
		    ms_left(deadline) == 0)
			return err_sys(e, "qmp: %s", path);
		if (wait_io(q, 0, RETRY_MS, e) < 0)
			return -1;
	}
	return 0;
}

static int negotiate(struct qmp *q, int64_t deadline, struct err *e)
{
	json_t *msg;
	enum qmp_kind kind;

	if (next_reply(q, &msg, deadline, e) < 0)
		return -1;
	kind = qmp_kind_of(msg);
	json_decref(msg);
	if (kind != QMP_GREETING)
		return err_set(e, "qmp: no greeting");
	return qmp_execute(q, "qmp_capabilities", NULL, NULL, deadline, e);
}

int qmp_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e)
{
	*q = (struct qmp){ .fd = -1, .cancel = { cancel[0], cancel[1] }, .events = json_array() };
	if (q->events == NULL)
		return err_no_memory(e);
	if (open_socket(q, path, deadline, e) == 0)
		return 0;
	qmp_close(q);
	return -1;
}

int qmp_connect(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e)
{
	if (qmp_open(q, path, cancel, deadline, e) < 0)
		return -1;
	if (negotiate(q, deadline, e) == 0)
		return 0;
	qmp_close(q);
	return -1;
}

void qmp_close(struct qmp *q)
{
	if (q->fd >= 0)
		(void)close(q->fd);
	qmp_rx_free(&q->rx);
	json_decref(q->events);
	*q = (struct qmp){ .fd = -1, .cancel = { -1, -1 } };
}
