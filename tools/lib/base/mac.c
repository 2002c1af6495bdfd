#include "base/mac.h"

#include <ctype.h>
#include <string.h>

int mac_parse(char mac[MAC_TEXT], const char *text, struct err *e)
{
	static const char form[MAC_TEXT] = "xx:xx:xx:xx:xx:xx";
	size_t i;

	if (strlen(text) != sizeof form - 1)
		return err_set(e, "'%s' is not a MAC address", text);
	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != ':')
			return err_set(e, "'%s' is not a MAC address", text);
	/* A group address has the lowest bit of its first byte set. */
	if (strchr("13579bdfBDF", text[1]) != NULL || strcmp(text, "00:00:00:00:00:00") == 0)
		return err_set(e, "MAC address '%s' is not a unicast address", text);
	for (i = 0; i < sizeof form; i++)
		mac[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}
