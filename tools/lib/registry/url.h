/* URLs and ranges in a registry's answers: where the next request goes, and whether it may carry our credentials. */
#ifndef KS_REGISTRY_URL_H
#define KS_REGISTRY_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Resolves LOCATION, from an answer of BASE, to an absolute URL (free it). NULL with the reason in E: it is not a URL,
 * contains a user name, is neither http nor https, or leads from https to http.
 */
char *regurl_resolve(const char *base, const char *location, struct err *e);

/* Do both URLs have the same scheme, host and port? False if one is not a URL. */
bool regurl_same_origin(const char *a, const char *b);

/* A copy of URL (free it) with "NAME=VALUE" added to its query, where VALUE is escaped. NULL if out of memory. */
char *regurl_add(const char *url, const char *name, const char *value);

/*
 * Sets BYTES to the number of bytes that an upload session has, from its Range header: "0-LAST" or "bytes=0-LAST".
 * "0-0" may mean one byte or none, so it is 0. Returns 0, or -1 for any other value (BYTES is not changed).
 */
int regurl_range(const char *value, uint64_t *bytes);

#endif
