/* Which requests may use the proxies that the environment names (http_proxy and so on; libcurl-env(3)). */
#ifndef KS_NET_PROXY_H
#define KS_NET_PROXY_H

#include <curl/curl.h>

/*
 * Keeps requests of C to this machine itself, redirected ones too, from a proxy, which could not reach it; hosts of the
 * environment's no_proxy as ever. Go's programs do the same (net/http, ProxyFromEnvironment), curl does not.
 */
CURLcode proxy_except_loopback(CURL *c);

#endif
