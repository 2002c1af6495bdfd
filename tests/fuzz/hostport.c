/* HOST:PORT, as given on a command line. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/hostport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct hostport *hp)
{
	struct hostport again = { .host = "" };
	struct err e = { 0 };
	char text[sizeof hp->host + sizeof hp->port + 8], port[16];
	long value = strtol(hp->port, NULL, 10);

	(void)snprintf(port, sizeof port, "%ld", value);
	if (value < 1 || value > 65535 || strcmp(port, hp->port) != 0)
		abort();
	/* The host has no characters that are special to a shell, a URL or an option parser. */
	if (hp->host[0] == '\0' || hp->host[0] == '-' || strpbrk(hp->host, "[]/@ ,;'\"\\$\n\t") != NULL)
		abort();
	(void)snprintf(text, sizeof text, strchr(hp->host, ':') != NULL ? "[%s]:%s" : "%s:%s", hp->host, hp->port);
	if (hostport_parse(&again, text, "1", &e) < 0 || strcmp(again.host, hp->host) != 0 ||
	    strcmp(again.port, hp->port) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hostport hp = { .host = "" };
	struct err e = { 0 };
	char *text = malloc(n + 1);

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, n);
	text[n] = '\0';
	if (hostport_parse(&hp, text, "22", &e) == 0)
		check(&hp);
	else if (e.msg[0] == '\0')
		abort();
	free(text);
	return 0;
}
