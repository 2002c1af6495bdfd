#include "kube/image_name.h"

#include <string.h>

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static bool is_component(const char *s, size_t n)
{
	return n > 0 && strchr("._-", *s) == NULL && strspn(s, name_chars) >= n;
}

/* distribution-spec 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
static bool is_tag(const char *s, size_t n)
{
	return n > 0 && n <= 128 && strchr(".-", *s) == NULL && strspn(s, name_chars) >= n;
}

/* The tag of TEXT, of which NAME bytes are left for the name; NULL: it has none. */
static const char *find_tag(const char *text, size_t *name)
{
	size_t i;

	for (i = *name; i > 0 && text[i - 1] != '/' && text[i - 1] != ':'; i--)
		continue;
	if (i == 0 || text[i - 1] == '/')
		return NULL;
	*name = i - 1;
	return text + i;
}

static bool is_digest(const char *s)
{
	return strncmp(s, "@sha256:", 8) == 0 && strlen(s) == 8 + 64 && strspn(s + 8, "0123456789abcdef") == 64;
}

bool imagename_is(const char *text)
{
	size_t name = strcspn(text, "@"), part, port;
	const char *at = text + name, *tag, *s;

	if (*at != '\0' && !is_digest(at))
		return false;
	tag = find_tag(text, &name);
	if (tag != NULL && !is_tag(tag, (size_t)(at - tag)))
		return false;
	for (s = text;; s += part + 1) {
		part = strcspn(s, "/");
		if (s + part > text + name)
			part = (size_t)(text + name - s);
		port = s == text ? strcspn(s, ":") : part;
		/* A port is of a registry, and a registry is not all. */
		if (port < part &&
		    (s[part] != '/' || part - port < 2 || strspn(s + port + 1, "0123456789") != part - port - 1))
			return false;
		if (!is_component(s, port < part ? port : part))
			return false;
		if (s + part == text + name)
			return true;
	}
}

bool imagename_is_latest(const char *image)
{
	size_t name = strlen(image);
	const char *tag;

	if (strchr(image, '@') != NULL)
		return false;
	tag = find_tag(image, &name);
	return tag == NULL || strcmp(tag, "latest") == 0;
}
