/* The beginning of an NBD connection: fixed newstyle negotiation. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk/nbd.h"
#include "base/num.h"

#define MAGIC 0x4e42444d41474943U  /* "NBDMAGIC" */
#define OPTION 0x49484156454f5054U /* "IHAVEOPT" */
#define REPLY 0x3e889045565a9U
#define CONTEXT "base:allocation"

enum { FIXED_NEWSTYLE = 1, NO_ZEROES = 2 };
enum { OPT_GO = 7, OPT_STRUCTURED_REPLY = 8, OPT_SET_META_CONTEXT = 10 };
enum { REP_ACK = 1, REP_INFO = 3, REP_META_CONTEXT = 4, INFO_EXPORT = 0 };
#define REP_ERROR 0x80000000U
/* Replies to options are short; more of them than this are not waited for. */
enum { MAX_OPTION = 4096, MAX_REPLIES = 64 };

void nbd_put(unsigned char *to, uint64_t value, size_t bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		to[bytes - 1] = (unsigned char)value;
}

uint64_t nbd_get(const unsigned char *from, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes > 0; bytes--)
		value = value << 8 | *from++;
	return value;
}

/* Waits until FD is ready for EVENTS. Returns 0 or -1. */
static int ready(const struct nbd *n, short events, struct err *e)
{
	struct pollfd p = { .fd = n->fd_, .events = events };
	int64_t deadline = now_ms() + n->stall_;
	int some;

	do
		some = poll(&p, 1, ms_left(deadline));
	while (some < 0 && errno == EINTR);
	if (some < 0)
		return err_sys(e, "poll");
	return some > 0 ? 0
			: err_set(e, "nothing came from the NBD server for %lld seconds", (long long)n->stall_ / 1000);
}

int nbd_send(struct nbd *n, const void *data, size_t len, struct err *e)
{
	size_t done = 0;
	ssize_t some;

	while (done < len) {
		if (ready(n, POLLOUT, e) < 0)
			return -1;
		some = send(n->fd_, (const char *)data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (some < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(e, "NBD server");
		if (some > 0)
			done += (size_t)some;
	}
	return 0;
}

int nbd_recv(struct nbd *n, void *data, size_t len, struct err *e)
{
	size_t done = 0;
	ssize_t some;

	while (done < len) {
		if (ready(n, POLLIN, e) < 0)
			return -1;
		some = recv(n->fd_, (char *)data + done, len - done, MSG_DONTWAIT);
		if (some < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(e, "NBD server");
		if (some == 0)
			return err_set(e, "the NBD server has closed the connection");
		if (some > 0)
			done += (size_t)some;
	}
	return 0;
}

static int send_option(struct nbd *n, uint32_t option, const unsigned char *data, size_t len, struct err *e)
{
	unsigned char head[16];

	nbd_put(head, OPTION, 8);
	nbd_put(head + 8, option, 4);
	nbd_put(head + 12, len, 4);
	return nbd_send(n, head, sizeof head, e) < 0 ? -1 : nbd_send(n, data, len, e);
}

/* What one reply to OPTION tells us. */
static void take_reply(struct nbd *n, uint64_t type, const unsigned char *data, size_t len, unsigned *got)
{
	if (type == REP_INFO && len >= 12 && nbd_get(data, 2) == INFO_EXPORT) {
		n->size = nbd_get(data + 2, 8);
		++*got;
	}
	if (type == REP_META_CONTEXT && len == 4 + strlen(CONTEXT) && memcmp(data + 4, CONTEXT, strlen(CONTEXT)) == 0) {
		n->context_ = (uint32_t)nbd_get(data, 4);
		++*got;
	}
}

/* Reads the replies to OPTION up to the last one. GOT counts those that said something. Returns 0 or -1. */
static int replies(struct nbd *n, uint32_t option, unsigned *got, struct err *e)
{
	unsigned char head[20], data[MAX_OPTION];
	uint64_t type, len;
	int count;

	*got = 0;
	for (count = 0; count < MAX_REPLIES; count++) {
		if (nbd_recv(n, head, sizeof head, e) < 0)
			return -1;
		type = nbd_get(head + 12, 4);
		len = nbd_get(head + 16, 4);
		if (nbd_get(head, 8) != REPLY || nbd_get(head + 8, 4) != option || len > sizeof data)
			return err_set(e, "the NBD server does not answer as one");
		if (nbd_recv(n, data, len, e) < 0)
			return -1;
		if (type >= REP_ERROR)
			return err_set(e, "the NBD server refuses option %u", option);
		if (type == REP_ACK)
			return 0;
		take_reply(n, type, data, len, got);
	}
	return err_set(e, "the NBD server does not come to an end");
}

static int ask(struct nbd *n, uint32_t option, const unsigned char *data, size_t len, unsigned *got, struct err *e)
{
	return send_option(n, option, data, len, e) < 0 ? -1 : replies(n, option, got, e);
}

int nbd_start(struct nbd *n, int fd, int64_t stall, struct err *e)
{
	/* The export's name is empty: it is the default one. */
	unsigned char hello[18], flags[4], go[6] = { 0 }, context[12 + sizeof CONTEXT - 1] = { 0 };
	unsigned got;

	*n = (struct nbd){ .fd_ = fd, .stall_ = stall, .extents_ = malloc(NBD_MAX_REPLY) };
	if (n->extents_ == NULL)
		return err_no_memory(e);
	if (nbd_recv(n, hello, sizeof hello, e) < 0)
		return -1;
	if (nbd_get(hello, 8) != MAGIC || nbd_get(hello + 8, 8) != OPTION || (hello[17] & FIXED_NEWSTYLE) == 0)
		return err_set(e, "not an NBD server of the fixed newstyle");
	nbd_put(flags, FIXED_NEWSTYLE | (hello[17] & NO_ZEROES), 4);
	nbd_put(context + 4, 1, 4);
	nbd_put(context + 8, strlen(CONTEXT), 4);
	(void)memcpy(context + 12, CONTEXT, strlen(CONTEXT));
	if (nbd_send(n, flags, sizeof flags, e) < 0 || ask(n, OPT_STRUCTURED_REPLY, go, 0, &got, e) < 0 ||
	    ask(n, OPT_SET_META_CONTEXT, context, sizeof context, &got, e) < 0)
		return -1;
	if (got != 1)
		return err_set(e, "the NBD server does not say what is allocated");
	if (ask(n, OPT_GO, go, sizeof go, &got, e) < 0)
		return -1;
	return got == 1 && n->size <= INT64_MAX ? 0 : err_set(e, "the NBD server does not say how large the disk is");
}
