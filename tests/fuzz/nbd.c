/* What an NBD server sends: its part of the negotiation, and the replies to two reads. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk/nbd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LEN = 1 << 16, STALL_MS = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Exactly this size, so that a sanitizer detects writes beyond its end. */
	unsigned char *to = malloc(LEN);
	struct nbd nbd;
	struct err e = { 0 };
	bool zero;
	int pair[2];

	/* All of it must fit into the socket buffer. */
	if (to == NULL || n > 100000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(to);
		return 0;
	}
	if (send(pair[1], data, n, MSG_DONTWAIT) != (ssize_t)n || shutdown(pair[1], SHUT_WR) < 0)
		abort();
	if (nbd_start(&nbd, pair[0], STALL_MS, &e) < 0 || nbd_read(&nbd, 0, to, LEN, &zero, &e) < 0 ||
	    nbd_read(&nbd, LEN, to, 3, &zero, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
	}
	nbd_close(&nbd);
	(void)close(pair[1]);
	free(to);
	return 0;
}
