#include "net/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Networks are understood by libcurl 7.86 and later. */
#define LOOPBACK "localhost,127.0.0.1,127.0.0.0/8,::1"

CURLcode proxy_except_loopback(CURL *c)
{
	const char *own = getenv("no_proxy");
	AUTO_FREE char *all = NULL;

	if (own == NULL)
		own = getenv("NO_PROXY");
	/* "*" counts only if it is alone. */
	if (own == NULL || *own == '\0' || strcmp(own, "*") == 0)
		return curl_easy_setopt(c, CURLOPT_NOPROXY, own != NULL && *own == '*' ? own : LOOPBACK);
	if (asprintf(&all, "%s," LOOPBACK, own) < 0) {
		all = NULL;
		return CURLE_OUT_OF_MEMORY;
	}
	return curl_easy_setopt(c, CURLOPT_NOPROXY, all);
}
