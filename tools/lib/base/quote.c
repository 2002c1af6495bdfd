#include "base/quote.h"

#include <string.h>

void quote_sh(FILE *f, const char *text)
{
	(void)fputc('\'', f);
	for (; *text != '\0'; text++)
		if (*text == '\'')
			(void)fputs("'\\''", f);
		else
			(void)fputc(*text, f);
	(void)fputc('\'', f);
}

void quote_make(FILE *f, const char *text)
{
	size_t slashes, i;

	while (*text != '\0') {
		slashes = strspn(text, "\\");
		text += slashes;
		/* make reads \\ as \ only before #; a \ at the end of a line would join it with the next one. */
		for (i = 0; i < slashes; i++)
			if (*text == '#')
				(void)fputs("\\\\", f);
			else
				(void)fputs(*text == '\0' ? "$(strip \\)" : "\\", f);
		if (*text == '\0')
			break;
		if (*text == '$')
			(void)fputc('$', f);
		else if (*text == '#')
			(void)fputc('\\', f);
		(void)fputc(*text++, f);
	}
}
