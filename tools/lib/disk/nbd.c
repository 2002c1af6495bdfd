#include "disk/nbd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

/* Largest reply that is not data (the text of an error, the extents of a status), bytes. */
#define MAX_REPLY ((size_t)1 << 20)

/* Negotiation */
#define MAGIC 0x4e42444d41474943U  /* "NBDMAGIC" */
#define OPTION 0x49484156454f5054U /* "IHAVEOPT" */
#define OPTION_REPLY 0x3e889045565a9U
#define CONTEXT "base:allocation"
enum { FIXED_NEWSTYLE = 1, NO_ZEROES = 2 };
enum { OPT_GO = 7, OPT_STRUCTURED_REPLY = 8, OPT_SET_META_CONTEXT = 10 };
enum { REP_ACK = 1, REP_INFO = 3, REP_META_CONTEXT = 4, INFO_EXPORT = 0 };
#define REP_ERROR 0x80000000U
/* Limits on what a server may answer to an option: bytes of a reply, and replies. */
enum { MAX_OPTION = 4096, MAX_REPLIES = 64 };

/* Transmission */
#define REQUEST 0x25609513U
#define STRUCTURED_REPLY 0x668e33efU
enum { PIECE = 1 << 20 }; /* bytes per read request: the server buffers them, for each connection */
enum { CMD_READ = 0, CMD_DISC = 2, CMD_BLOCK_STATUS = 7 };
enum { FLAG_DONE = 1 };
enum { TYPE_NONE = 0, TYPE_DATA = 1, TYPE_HOLE = 2, TYPE_STATUS = 5, TYPE_ERROR = 0x8000 };
enum { STATE_ZERO = 2 }; /* of base:allocation: reads as zeros */
enum { EXTENT = 8, HEAD_OF_DATA = 8, HEAD_OF_STATUS = 4 };

/* Numbers of BYTES bytes, big-endian. */
static void put(unsigned char *to, uint64_t value, size_t bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		to[bytes - 1] = (unsigned char)value;
}

static uint64_t get(const unsigned char *from, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes > 0; bytes--)
		value = value << 8 | *from++;
	return value;
}

/* Waits until the socket is ready for EVENTS. Returns 0 or -1. */
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
	return some > 0 ? 0 : err_set(e, "no answer from the NBD server for %lld seconds", (long long)n->stall_ / 1000);
}

/* Sends or receives LEN bytes; each part has to come within the stall. Return 0 or -1. */
static int send_all(struct nbd *n, const void *data, size_t len, struct err *e)
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

static int recv_all(struct nbd *n, void *data, size_t len, struct err *e)
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
			return err_set(e, "the NBD server closed the connection");
		if (some > 0)
			done += (size_t)some;
	}
	return 0;
}

static int send_option(struct nbd *n, uint32_t option, const unsigned char *data, size_t len, struct err *e)
{
	unsigned char head[16];

	put(head, OPTION, 8);
	put(head + 8, option, 4);
	put(head + 12, len, 4);
	return send_all(n, head, sizeof head, e) < 0 ? -1 : send_all(n, data, len, e);
}

/* Takes what a reply to an option says; counts it in GOT if it is one that we need. */
static void take_reply(struct nbd *n, uint64_t type, const unsigned char *data, size_t len, unsigned *got)
{
	if (type == REP_INFO && len >= 12 && get(data, 2) == INFO_EXPORT) {
		n->size = get(data + 2, 8);
		++*got;
	}
	if (type == REP_META_CONTEXT && len == 4 + strlen(CONTEXT) && memcmp(data + 4, CONTEXT, strlen(CONTEXT)) == 0) {
		n->context_ = (uint32_t)get(data, 4);
		++*got;
	}
}

/* Reads the replies to OPTION up to the last one. GOT: see take_reply. Returns 0 or -1. */
static int replies(struct nbd *n, uint32_t option, unsigned *got, struct err *e)
{
	unsigned char head[20], data[MAX_OPTION];
	uint64_t type, len;
	int count;

	*got = 0;
	for (count = 0; count < MAX_REPLIES; count++) {
		if (recv_all(n, head, sizeof head, e) < 0)
			return -1;
		type = get(head + 12, 4);
		len = get(head + 16, 4);
		if (get(head, 8) != OPTION_REPLY || get(head + 8, 4) != option || len > sizeof data)
			return err_set(e, "invalid reply from the NBD server");
		if (recv_all(n, data, len, e) < 0)
			return -1;
		if (type >= REP_ERROR)
			return err_set(e, "the NBD server does not support option %u", option);
		if (type == REP_ACK)
			return 0;
		take_reply(n, type, data, len, got);
	}
	return err_set(e, "too many replies from the NBD server");
}

static int ask(struct nbd *n, uint32_t option, const unsigned char *data, size_t len, unsigned *got, struct err *e)
{
	return send_option(n, option, data, len, e) < 0 ? -1 : replies(n, option, got, e);
}

int nbd_start(struct nbd *n, int fd, int64_t stall, struct err *e)
{
	/* The name of the export is empty: the default export. */
	unsigned char hello[18], flags[4], go[6] = { 0 }, context[12 + sizeof CONTEXT - 1] = { 0 };
	unsigned got;

	*n = (struct nbd){ .fd_ = fd, .stall_ = stall, .buffer_ = malloc(MAX_REPLY) };
	if (n->buffer_ == NULL)
		return err_no_memory(e);
	if (recv_all(n, hello, sizeof hello, e) < 0)
		return -1;
	if (get(hello, 8) != MAGIC || get(hello + 8, 8) != OPTION || (hello[17] & FIXED_NEWSTYLE) == 0)
		return err_set(e, "not an NBD server with fixed newstyle negotiation");
	put(flags, FIXED_NEWSTYLE | (hello[17] & NO_ZEROES), 4);
	put(context + 4, 1, 4);
	put(context + 8, strlen(CONTEXT), 4);
	(void)memcpy(context + 12, CONTEXT, strlen(CONTEXT));
	if (send_all(n, flags, sizeof flags, e) < 0 || ask(n, OPT_STRUCTURED_REPLY, go, 0, &got, e) < 0 ||
	    ask(n, OPT_SET_META_CONTEXT, context, sizeof context, &got, e) < 0)
		return -1;
	if (got != 1)
		return err_set(e, "the NBD server does not report which parts are allocated");
	if (ask(n, OPT_GO, go, sizeof go, &got, e) < 0)
		return -1;
	return got == 1 && n->size <= INT64_MAX ? 0 : err_set(e, "the NBD server does not report the size of the disk");
}

/* The header of a message of a structured reply (a "chunk" in the protocol). */
struct message {
	unsigned flags, type;
	size_t len; /* bytes that follow */
};

/* A part of the disk, and where its bytes go. */
struct part {
	uint64_t from;
	unsigned char *data;
	size_t len;
};

static int request(struct nbd *n, unsigned command, uint64_t from, uint64_t len, struct err *e)
{
	unsigned char r[28] = { 0 };

	put(r, REQUEST, 4);
	put(r + 6, command, 2);
	put(r + 8, ++n->cookie_, 8);
	put(r + 16, from, 8);
	put(r + 24, len, 4);
	return send_all(n, r, sizeof r, e);
}

/* Reads the header of the next message; an error message is read whole. Returns 0 or -1. */
static int next_message(struct nbd *n, struct message *m, struct err *e)
{
	unsigned char h[20];
	char why[256];
	size_t len;

	if (recv_all(n, h, sizeof h, e) < 0)
		return -1;
	if (get(h, 4) != STRUCTURED_REPLY || get(h + 8, 8) != n->cookie_)
		return err_set(e, "invalid reply from the NBD server");
	*m = (struct message){ (unsigned)get(h + 4, 2), (unsigned)get(h + 6, 2), get(h + 16, 4) };
	if ((m->type & TYPE_ERROR) == 0)
		return 0;
	/* An error number (4 bytes), the length of the text (2 bytes), the text. */
	if (m->len < 6 || m->len > MAX_REPLY || recv_all(n, n->buffer_, m->len, e) < 0)
		return err_set(e, "invalid reply from the NBD server");
	len = get(n->buffer_ + 4, 2);
	len = len > m->len - 6 ? m->len - 6 : len;
	(void)snprintf(why, sizeof why, "%.*s", (int)len, (const char *)n->buffer_ + 6);
	return err_set(e, "cannot read the disk: error %llu %s", (unsigned long long)get(n->buffer_, 4), why);
}

/* Reads the content of a message into P. DONE counts the bytes. Returns 0 or -1. */
static int take_part(struct nbd *n, const struct message *m, const struct part *p, size_t *done, struct err *e)
{
	unsigned char head[HEAD_OF_DATA + 4];
	size_t head_len = m->type == TYPE_HOLE ? sizeof head : HEAD_OF_DATA, len;
	uint64_t at;

	if ((m->type != TYPE_DATA && m->type != TYPE_HOLE) || m->len < head_len)
		return err_set(e, "invalid reply from the NBD server");
	if (recv_all(n, head, head_len, e) < 0)
		return -1;
	at = get(head, 8);
	len = m->type == TYPE_HOLE ? get(head + 8, 4) : m->len - head_len;
	if (at < p->from || at - p->from > p->len || len > p->len - (at - p->from) || len > p->len - *done)
		return err_set(e, "the NBD server sent data that was not requested");
	*done += len;
	if (m->type == TYPE_DATA)
		return recv_all(n, p->data + (at - p->from), len, e);
	(void)memset(p->data + (at - p->from), 0, len);
	return 0;
}

static int read_piece(struct nbd *n, const struct part *p, struct err *e)
{
	struct message m = { 0 };
	size_t done = 0;

	if (request(n, CMD_READ, p->from, p->len, e) < 0)
		return -1;
	do {
		if (next_message(n, &m, e) < 0)
			return -1;
		if ((m.type != TYPE_NONE || m.len != 0) && take_part(n, &m, p, &done, e) < 0)
			return -1;
	} while ((m.flags & FLAG_DONE) == 0);
	return done == p->len ? 0 : err_set(e, "the NBD server sent too little data");
}

static int read_part(struct nbd *n, const struct part *p, struct err *e)
{
	size_t done, len;
	int rc = 0;

	for (done = 0; rc == 0 && done < p->len; done += len) {
		len = p->len - done < PIECE ? p->len - done : PIECE;
		rc = read_piece(n, &(struct part){ p->from + done, p->data + done, len }, e);
	}
	return rc;
}

/* Asks which parts of the LEN bytes at FROM are allocated: COUNT extents in N's memory. Returns 0 or -1. */
static int status(struct nbd *n, uint64_t from, size_t len, size_t *count, struct err *e)
{
	struct message m = { 0 };

	*count = 0;
	if (request(n, CMD_BLOCK_STATUS, from, len, e) < 0)
		return -1;
	do {
		if (next_message(n, &m, e) < 0)
			return -1;
		if (m.type == TYPE_NONE && m.len == 0)
			continue;
		if (m.type != TYPE_STATUS || m.len < HEAD_OF_STATUS + EXTENT || m.len > MAX_REPLY ||
		    (m.len - HEAD_OF_STATUS) % EXTENT != 0 || *count > 0)
			return err_set(e, "invalid reply from the NBD server");
		if (recv_all(n, n->buffer_, m.len, e) < 0)
			return -1;
		if (get(n->buffer_, 4) != n->context_)
			return err_set(e, "invalid reply from the NBD server");
		*count = (m.len - HEAD_OF_STATUS) / EXTENT;
	} while ((m.flags & FLAG_DONE) == 0);
	return *count > 0 ? 0 : err_set(e, "the NBD server does not report which parts are allocated");
}

/* Reads the allocated parts of P from *DONE on, as far as one status reports them, and advances *DONE. Returns 0 or -1.
 */
static int read_some(struct nbd *n, const struct part *p, size_t *done, bool *zero, struct err *e)
{
	size_t count, i, len;
	const unsigned char *x;
	bool empty;

	if (status(n, p->from + *done, p->len - *done, &count, e) < 0)
		return -1;
	for (i = 0; i < count && *done < p->len; i++, *done += len) {
		x = n->buffer_ + HEAD_OF_STATUS + i * EXTENT;
		len = get(x, 4);
		empty = (x[7] & STATE_ZERO) != 0;
		if (len == 0)
			return err_set(e, "the NBD server sent an empty extent");
		/* The last extent may be longer than what was asked for. */
		if (len > p->len - *done)
			len = p->len - *done;
		/* Everything before was zero and has not been filled in: do it now. */
		if (!empty && *zero)
			(void)memset(p->data, 0, *done);
		*zero = *zero && empty;
		if (empty && !*zero)
			(void)memset(p->data + *done, 0, len);
		if (!empty && read_part(n, &(struct part){ p->from + *done, p->data + *done, len }, e) < 0)
			return -1;
	}
	return 0;
}

int nbd_read(struct nbd *n, uint64_t from, void *data, size_t len, bool *zero, struct err *e)
{
	const struct part all = { from, data, len };
	size_t done = 0;

	*zero = true;
	while (done < len)
		if (read_some(n, &all, &done, zero, e) < 0)
			return -1;
	return 0;
}

void nbd_close(struct nbd *n)
{
	struct err ignored;

	if (n->fd_ >= 0) {
		(void)request(n, CMD_DISC, 0, 0, &ignored);
		(void)close(n->fd_);
	}
	free(n->buffer_);
	*n = (struct nbd){ .fd_ = -1 };
}
