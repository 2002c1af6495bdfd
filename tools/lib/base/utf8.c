#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the character at S, or 0 if it is not valid. Never reads past a NUL. */
static size_t character(const unsigned char *s)
{
	uint32_t code, least;
	size_t len, i;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2;
		code = s[0] & 0x1fU;
		least = 0xa0; /* U+0080 to U+009F are control characters too */
	} else if ((s[0] & 0xf0) == 0xe0) {
		len = 3;
		code = s[0] & 0x0fU;
		least = 0x800;
	} else if ((s[0] & 0xf8) == 0xf0) {
		len = 4;
		code = s[0] & 0x07U;
		least = 0x10000;
	} else {
		return 0;
	}
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fU);
	}
	return code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

bool utf8_is_line(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	for (; *s != '\0'; s += len) {
		len = character(s);
		if (len == 0)
			return false;
	}
	return true;
}
