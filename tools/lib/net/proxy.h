/* Which requests may use the proxies that the environment names (http_proxy and so on; libcurl-env(3)). */
#ifndef KS_NET_PROXY_H
#define KS_NET_PROXY_H

#include <curl/curl.h>
#include <stdbool.h>

/* Is HOST, as URLs have it, this machine itself: localhost, 127.0.0.0/8 or [::1]? */
bool proxy_is_loopback(const char *host);

/*
 * Sets the URL of a transfer. A request to this machine itself uses no proxy, which could not reach it: the same as
 * Go's programs do (net/http, ProxyFromEnvironment), and curl does not.
 */
CURLcode proxy_set_url(CURL *c, const char *url);

#endif
