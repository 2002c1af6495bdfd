#include "net/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The beginning of the authority: after "://", or the beginning of URL if there is no scheme. */
static const char *authority(const char *url)
{
	const char *p = strstr(url, "://");

	return p != NULL ? p + 3 : url;
}

char *url_shown(const char *url)
{
	const char *host = authority(url), *end, *p;
	size_t scheme = (size_t)(host - url), rest;
	char *shown;

	/* The last "@" ends the user and password, so that no part of a password with an unescaped "@" is shown. */
	end = host + strcspn(host, "/?#");
	for (p = host; p < end; p++)
		if (*p == '@')
			host = p + 1;
	rest = strcspn(host, "?#");
	shown = malloc(scheme + rest + 1);
	if (shown == NULL)
		return NULL;
	(void)memcpy(shown, url, scheme);
	(void)memcpy(shown + scheme, host, rest);
	shown[scheme + rest] = '\0';
	return shown;
}

char *url_file_name(const char *url)
{
	const char *path = authority(url), *end, *name;

	end = path + strcspn(path, "?#");
	path += strcspn(path, "/?#");
	for (name = end; name > path && name[-1] != '/'; name--)
		continue;
	if (name == end || (end - name == 1 && name[0] == '.') || (end - name == 2 && name[0] == '.' && name[1] == '.'))
		return NULL;
	return strndup(name, (size_t)(end - name));
}

bool url_supported(const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "file:///" };
	size_t i;

	for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0 && url[strlen(schemes[i])] != '\0')
			return true;
	return false;
}

int url_content_range(const char *line, size_t n, uint64_t *first)
{
	static const char name[] = "content-range:", unit[] = "bytes ";
	uint64_t v = 0;
	size_t i = sizeof name - 1, digits;

	if (n < i || strncasecmp(line, name, i) != 0)
		return -1;
	while (i < n && (line[i] == ' ' || line[i] == '\t'))
		i++;
	if (n - i < sizeof unit - 1 || strncasecmp(line + i, unit, sizeof unit - 1) != 0)
		return -1;
	i += sizeof unit - 1;
	for (digits = 0; i < n && isdigit((unsigned char)line[i]); i++, digits++) {
		if (v > (UINT64_MAX - 9) / 10)
			return -1;
		v = v * 10 + (uint64_t)(line[i] - '0');
	}
	if (digits == 0 || i == n || line[i] != '-')
		return -1;
	*first = v;
	return 0;
}
