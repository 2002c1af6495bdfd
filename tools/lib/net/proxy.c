#include "net/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

bool proxy_is_loopback(const char *host)
{
	struct in_addr address;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

CURLcode proxy_set_url(CURL *c, const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;
	CURLcode code = curl_easy_setopt(c, CURLOPT_URL, url);

	/* libcurl itself finds what is wrong with a URL that has no host. */
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && proxy_is_loopback(host) && code == CURLE_OK)
		code = curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_free(host);
	curl_url_cleanup(parts);
	return code;
}
