/* Location and Range headers of a registry. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void location(const char *base, const char *text)
{
	struct err e = { .msg = "" };
	char *url = regurl_resolve(base, text, &e), *more;
	const char *end;

	if (url == NULL) {
		if (e.msg[0] == '\0')
			abort();
		return;
	}
	/* It never leads from https to http, and contains no user name. */
	if (strncmp(base, "https:", 6) == 0 && strncmp(url, "https:", 6) != 0)
		abort();
	end = url + strcspn(url, "/") + 2;
	if (memchr(end, '@', strcspn(end, "/?#")) != NULL)
		abort();
	more = regurl_add(url, "digest", "sha256:1&2");
	if (more != NULL && (strstr(more, "digest=sha256%3A1%262") == NULL || !regurl_same_origin(url, more)))
		abort();
	free(more);
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	uint64_t bytes;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, n);
	text[n] = '\0';
	(void)regurl_range(text, &bytes);
	location("https://registry.example:5000/v2/a/blobs/uploads/", text);
	location("http://127.0.0.1/v2/", text);
	(void)regurl_same_origin(text, "https://registry.example");
	free(text);
	return 0;
}
