/* MAC addresses: only those of one interface. */
#include "base/mac.h"

#include "tap.h"

static void takes(const char *text, const char *want)
{
	char mac[MAC_TEXT] = "";
	struct err e = { 0 };

	ok(mac_parse(mac, text, &e) == 0, "'%s' is accepted: %s", text, e.msg);
	same(mac, want, "in lower case");
}

static void refuses(const char *text, const char *why)
{
	char mac[MAC_TEXT] = "before";
	struct err e = { 0 };

	ok(mac_parse(mac, text, &e) == -1 && strcmp(mac, "before") == 0, "'%s' is refused", text);
	ok(strstr(e.msg, why) != NULL, "%s: %s", why, e.msg);
}

int main(void)
{
	static const char *const no[] = { "", "52", "52:55:00:d1:55", "52:55:00:d1:55:0", "52:55:00:d1:55:011",
		"52:55:00:d1:55:01:", " 52:55:00:d1:55:01", "52:55:00:d1:55:01\n", "52:55:00:d1:55:0g",
		"52-55-00-d1-55-01", "525:5:00:d1:55:01", "5255.00d1.5501xxx", "0x:55:00:d1:55:01" };
	static const char *const group[] = { "01:00:5e:00:00:01", "33:33:00:00:00:01", "53:55:00:d1:55:01",
		"5b:55:00:d1:55:01", "5D:55:00:d1:55:01", "ff:ff:ff:ff:ff:ff", "FF:FF:FF:FF:FF:FF" };
	size_t i;

	takes("52:55:00:d1:55:01", "52:55:00:d1:55:01");
	takes("52:55:00:D1:55:AF", "52:55:00:d1:55:af");
	takes("00:00:00:00:00:01", "00:00:00:00:00:01");
	takes("fe:ff:ff:ff:ff:ff", "fe:ff:ff:ff:ff:ff");
	takes("0A:00:00:00:00:00", "0a:00:00:00:00:00");
	for (i = 0; i < TAP_COUNT(no); i++)
		refuses(no[i], "is not a MAC address");
	for (i = 0; i < TAP_COUNT(group); i++)
		refuses(group[i], "is not a unicast address");
	refuses("00:00:00:00:00:00", "is not a unicast address");
	return tap_end();
}
