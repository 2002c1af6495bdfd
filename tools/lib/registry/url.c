#include "registry/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/num.h"

/* The part WHAT of the URL in H; without a port the scheme's default (curl_free it). NULL: no such part. */
static char *part(CURLU *h, CURLUPart what)
{
	char *text = NULL;

	return curl_url_get(h, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static bool is_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

char *regurl_resolve(const char *base, const char *location, struct err *e)
{
	CURLU *h = curl_url();
	char *found = NULL, *copy = NULL;
	CURLUcode rc = CURLUE_OUT_OF_MEMORY;

	if (h != NULL)
		rc = curl_url_set(h, CURLUPART_URL, base, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_set(h, CURLUPART_URL, location, CURLU_DISALLOW_USER);
	if (rc == CURLUE_OK)
		rc = curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(h, CURLUPART_URL, &found, 0);
	curl_url_cleanup(h);
	if (rc != CURLUE_OK)
		(void)err_set(e, "bad URL in the answer: %s", curl_url_strerror(rc));
	else if (!is_https(found) && strncasecmp(found, "http:", 5) != 0)
		(void)err_set(e, "redirected to a URL that is neither http nor https");
	else if (is_https(base) && !is_https(found))
		(void)err_set(e, "redirected from https to http");
	else if ((copy = strdup(found)) == NULL)
		(void)err_no_memory(e);
	curl_free(found);
	return copy;
}

bool regurl_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	CURLU *x = curl_url(), *y = curl_url();
	bool same = x != NULL && y != NULL && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK;
	char *p, *q;
	size_t i;

	for (i = 0; same && i < sizeof parts / sizeof *parts; i++) {
		p = part(x, parts[i]);
		q = part(y, parts[i]);
		same = p != NULL && q != NULL && strcasecmp(p, q) == 0;
		curl_free(p);
		curl_free(q);
	}
	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

char *regurl_add(const char *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0), *more = NULL;

	if (escaped != NULL &&
	    asprintf(&more, "%s%c%s=%s", url, strchr(url, '?') != NULL ? '&' : '?', name, escaped) < 0)
		more = NULL;
	curl_free(escaped);
	return more;
}

int regurl_range(const char *value, uint64_t *bytes)
{
	int64_t last;

	if (strncasecmp(value, "bytes=", 6) == 0)
		value += 6;
	if (strncmp(value, "0-", 2) != 0 || num_parse(value + 2, 0, INT64_MAX - 1, &last) < 0)
		return -1;
	*bytes = last > 0 ? (uint64_t)last + 1 : 0;
	return 0;
}
