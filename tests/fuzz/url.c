/* URLs from a command line, and header lines from a server. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1), *shown, *name;
	uint64_t first;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, n);
	text[n] = '\0';
	(void)url_supported(text);
	(void)url_content_range((const char *)data, n, &first);
	shown = url_shown(text);
	name = url_file_name(text);
	/* A URL that is printed has no query, and a file name is not a path. */
	if (shown != NULL && strncmp(text, "http://", 7) == 0 && strchr(shown, '?') != NULL)
		abort();
	if (name != NULL && (strchr(name, '/') != NULL || strcmp(name, "..") == 0))
		abort();
	free(shown);
	free(name);
	free(text);
	return 0;
}
