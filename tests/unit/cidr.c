/* ADDRESS/LENGTH of both families, and the limits of the length. */
#include "base/cidr.h"

#include <arpa/inet.h>

#include "tap.h"

static void takes(const char *text, const char *address, unsigned length)
{
	int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	char shown[INET6_ADDRSTRLEN] = "";
	struct cidr c;

	ok(cidr_parse(&c, text, strlen(text)) == 0, "'%s' is accepted", text);
	ok(c.family == family && c.length == length, "its family, and its length %u", length);
	(void)inet_ntop(family, &c.address, shown, sizeof shown);
	same(shown, address, "its address");
}

static void refuses(const char *text)
{
	struct cidr c;

	ok(cidr_parse(&c, text, strlen(text)) == -1, "'%.60s' is refused", text);
}

static void test_v4(void)
{
	takes("10.244.0.0/16", "10.244.0.0", 16);
	takes("192.168.66.1/24", "192.168.66.1", 24);
	takes("0.0.0.0/0", "0.0.0.0", 0);
	takes("255.255.255.255/32", "255.255.255.255", 32);
	refuses("10.244.0.0/33");
	refuses("10.244.0.0/128");
	refuses("10.244.0/16");
	refuses("10.244.0.256/16");
	refuses("10.244.0.0.0/16");
}

static void test_v6(void)
{
	takes("fd00::/64", "fd00::", 64);
	takes("FD00::1/0", "fd00::1", 0);
	takes("::1/128", "::1", 128);
	takes("::ffff:192.0.2.1/96", "::ffff:192.0.2.1", 96);
	takes("1234:1234:1234:1234:1234:1234:255.255.255.255/128", "1234:1234:1234:1234:1234:1234:ffff:ffff", 128);
	refuses("fd00::/129");
	refuses("fd00:/64");
	refuses("fe80::1%1/64");
	refuses("[fd00::1]/64");
}

static void test_form(void)
{
	refuses("");
	refuses("/");
	refuses("/16");
	refuses("10.244.0.0");
	refuses("10.244.0.0/");
	refuses("10.244.0.0/-0");
	refuses("10.244.0.0/-1");
	refuses("10.244.0.0/+16");
	refuses("10.244.0.0/ 16");
	refuses("10.244.0.0/16 ");
	refuses("10.244.0.0/16x");
	refuses("10.244.0.0/16/16");
	refuses("10.244.0.0/255.255.0.0");
	refuses("10.244.0.0/18446744073709551632");
	refuses(" 10.244.0.0/16");
	refuses("x10.244.0.0/16");
	refuses("10.244.0.0 /16");
	refuses("host/16");
	refuses("1234:1234:1234:1234:1234:1234:255.255.255.255/1280");
	refuses("123456789012345678901234567890123456789012345678901234567890/1");
}

/* Only the N bytes count. */
static void test_part(void)
{
	const char text[] = "10.0.0.0/8,fd00::/64";
	struct cidr c;

	ok(cidr_parse(&c, text, 10) == 0 && c.family == AF_INET && c.length == 8, "the first of two");
	ok(cidr_parse(&c, text + 11, 9) == 0 && c.family == AF_INET6 && c.length == 64, "the second");
	ok(cidr_parse(&c, text, sizeof text - 1) == -1, "both together are none");
	ok(cidr_parse(&c, "10.0.0.0/8\0x", 12) == 0, "the text ends at a NUL");
}

int main(void)
{
	test_v4();
	test_v6();
	test_form();
	test_part();
	return tap_end();
}
