/* Parsing HOST, HOST:PORT and [ADDRESS6]:PORT. */
#include "net/hostport.h"

#include "tap.h"

static void takes(const char *spec, const char *host, const char *port)
{
	struct hostport hp = { .host = "" };
	struct err e = { .msg = "" };

	ok(hostport_parse(&hp, spec, "22", &e) == 0 && strcmp(hp.host, host) == 0 && strcmp(hp.port, port) == 0,
	    "'%.40s' is host '%.40s', port %s", spec, host, port);
	if (e.msg[0] != '\0')
		(void)printf("# %.80s\n", e.msg);
}

static void refuses(const char *spec, const char *why)
{
	struct hostport hp = { .host = "" };
	struct err e = { .msg = "" };

	ok(hostport_parse(&hp, spec, "22", &e) == -1, "'%.40s' is refused", spec);
	same(e.msg, why, "the reason");
}

static void test_length(void)
{
	char name[300], spec[310], why[400];

	(void)memset(name, 'a', sizeof name);
	name[255] = '\0';
	takes(name, name, "22");
	(void)snprintf(spec, sizeof spec, "%s:1", name);
	takes(spec, name, "1");
	name[255] = 'a';
	name[256] = '\0';
	(void)snprintf(why, sizeof why, "'%s' has no valid host name", name);
	refuses(name, why);
}

static void test_names(void)
{
	takes("node01", "node01", "22");
	takes("node01:2201", "node01", "2201");
	takes("a.b-c_d", "a.b-c_d", "22");
	takes("127.0.0.1:1", "127.0.0.1", "1");
	takes("127.0.0.1:65535", "127.0.0.1", "65535");
	takes("h:00022", "h", "22");
	takes("9:9", "9", "9");
	refuses("", "'' has no valid host name");
	refuses(":", "':' has no valid host name");
	refuses(":22", "':22' has no valid host name");
	refuses("-a", "'-a' has no valid host name");
	refuses("-oProxyCommand=x:22", "'-oProxyCommand=x:22' has no valid host name");
	refuses("root@h", "'root@h' has no valid host name");
	refuses("a b", "'a b' has no valid host name");
	refuses("a\n", "'a\n' has no valid host name");
	refuses("a]", "'a]' has no valid host name");
	refuses("\xc3\xa4", "'\xc3\xa4' has no valid host name");
}

static void test_ports(void)
{
	refuses("h:", "'' is not a port (1 to 65535)");
	refuses("h:0", "'0' is not a port (1 to 65535)");
	refuses("h:65536", "'65536' is not a port (1 to 65535)");
	refuses("h:-1", "'-1' is not a port (1 to 65535)");
	refuses("h:+1", "'+1' is not a port (1 to 65535)");
	refuses("h: 1", "' 1' is not a port (1 to 65535)");
	refuses("h:1x", "'1x' is not a port (1 to 65535)");
	refuses("h:ssh", "'ssh' is not a port (1 to 65535)");
	refuses("h:18446744073709551638", "'18446744073709551638' is not a port (1 to 65535)");
}

static void test_ipv6(void)
{
	takes("::1", "::1", "22");
	takes("fd00::101", "fd00::101", "22");
	takes("::ffff:192.0.2.1", "::ffff:192.0.2.1", "22");
	takes("[::1]", "::1", "22");
	takes("[::1]:2203", "::1", "2203");
	takes("[1:2:3:4:5:6:7:8]:9", "1:2:3:4:5:6:7:8", "9");
	takes("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "22");
	takes("[fe80::1%1]:22", "fe80::1%1", "22");
	refuses("[::1", "'[::1' is not [ADDRESS]:PORT");
	refuses("[::1]22", "'[::1]22' is not [ADDRESS]:PORT");
	refuses("[::1]x:22", "'[::1]x:22' is not [ADDRESS]:PORT");
	refuses("[::1]:22:33", "'[::1]:22:33' is not [ADDRESS]:PORT");
	refuses("[::1]]:22", "'[::1]]:22' is not [ADDRESS]:PORT");
	refuses("[::1]:", "'' is not a port (1 to 65535)");
	refuses("[::1]:0", "'0' is not a port (1 to 65535)");
	refuses("[127.0.0.1]:22", "'127.0.0.1' is not an IPv6 address");
	refuses("[localhost]:22", "'localhost' is not an IPv6 address");
	refuses("::g", "'::g' is not an IPv6 address");
	refuses(":::", "':::' is not an IPv6 address");
	refuses("1:2:3:4:5:6:7:8:9", "'1:2:3:4:5:6:7:8:9' is not an IPv6 address");
	refuses("host:22:33", "'host:22:33' is not an IPv6 address");
}

static void test_empty_brackets(void)
{
	struct hostport hp = { .host = "" };
	struct err e = { .msg = "" };

	ok(hostport_parse(&hp, "[]:22", "22", &e) == -1 && strstr(e.msg, "no valid host name") != NULL,
	    "'[]:22' has no host");
	ok(hostport_parse(&hp, "[", "22", &e) == -1 && hostport_parse(&hp, "[]", "22", &e) == -1,
	    "neither have '[' and '[]'");
}

int main(void)
{
	test_names();
	test_ports();
	test_ipv6();
	test_empty_brackets();
	test_length();
	return tap_end();
}
