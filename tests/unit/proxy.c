/* Which hosts are this machine itself, so that no proxy is asked for them. */
#include "net/proxy.h"

#include "tap.h"

int main(void)
{
	static const char *const own[] = { "localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "[::1]" };
	static const char *const other[] = { "localhost.example.org", "128.0.0.1", "10.127.0.1", "127.0.0.1.example.org",
		"[::2]", "registry", "" };
	size_t i;

	for (i = 0; i < TAP_COUNT(own); i++)
		ok(proxy_is_loopback(own[i]), "%s", own[i]);
	for (i = 0; i < TAP_COUNT(other); i++)
		ok(!proxy_is_loopback(other[i]), "not %s", other[i]);
	return tap_end();
}
