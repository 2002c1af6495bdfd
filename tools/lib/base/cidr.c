#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

int cidr_parse(struct cidr *c, const char *text, size_t n)
{
	char s[INET6_ADDRSTRLEN + sizeof "/128" - 1];
	int64_t length;
	char *slash;

	if (n >= sizeof s)
		return -1;
	memcpy(s, text, n);
	s[n] = '\0';
	slash = strchr(s, '/');
	/* num_parse takes "-0". */
	if (slash == NULL || slash[1] == '-')
		return -1;
	*slash = '\0';
	c->family = strchr(s, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(c->family, s, &c->address) != 1 ||
	    num_parse(slash + 1, 0, c->family == AF_INET ? 32 : 128, &length) < 0)
		return -1;
	c->length = (unsigned)length;
	return 0;
}

bool cidr_same_prefix(const void *a, const void *b, unsigned bits)
{
	const unsigned char *x = a, *y = b;
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
}

bool cidr_is_edge(struct in_addr a, unsigned bits)
{
	uint32_t host = ntohl(a.s_addr) & (~0U >> bits);

	return host == 0 || host == ~0U >> bits;
}
