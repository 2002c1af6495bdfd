#include "net/hostport.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* Is S an IPv6 address, with or without a zone? */
static bool is_address6(const char *s)
{
	struct addrinfo hints = { .ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found = NULL;

	if (getaddrinfo(s, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

/* Sets the host to the N bytes at HOST. Returns 0, or -1 if they are no host name or address. */
static int take_host(struct hostport *hp, const char *host, size_t n)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%";

	if (n == 0 || n >= sizeof hp->host || strspn(host, chars) < n || host[0] == '-')
		return -1;
	(void)snprintf(hp->host, sizeof hp->host, "%.*s", (int)n, host);
	return 0;
}

int hostport_parse(struct hostport *hp, const char *spec, const char *port, struct err *e)
{
	const char *colon = strrchr(spec, ':');
	size_t n = colon == NULL ? strlen(spec) : (size_t)(colon - spec);
	bool six = false;
	int64_t value;

	if (spec[0] == '[') {
		const char *end = strchr(spec, ']');

		if (end == NULL || (end[1] != '\0' && end + 1 != colon))
			return err_set(e, "'%s' is not [ADDRESS]:PORT", spec);
		six = true;
		n = (size_t)(end - ++spec);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon != NULL && strchr(spec, ':') != colon) {
		six = true;
		n = strlen(spec);
		colon = NULL;
	}
	if (take_host(hp, spec, n) < 0)
		return err_set(e, "'%s' has no valid host name", spec);
	if (six && !is_address6(hp->host))
		return err_set(e, "'%s' is not an IPv6 address", hp->host);
	if (colon == NULL) {
		(void)snprintf(hp->port, sizeof hp->port, "%s", port);
		return 0;
	}
	if (num_parse(colon + 1, 1, 65535, &value) < 0)
		return err_set(e, "'%s' is not a port (1 to 65535)", colon + 1);
	(void)snprintf(hp->port, sizeof hp->port, "%d", (int)value);
	return 0;
}
