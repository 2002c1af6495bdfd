/* URLs and headers of a registry's answers: where the next request goes, and who may see our credentials there. */
#ifndef KS_REGISTRY_URL_H
#define KS_REGISTRY_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The absolute URL (free it) that LOCATION, from an answer of BASE, means. NULL with the reason in E: it is no URL,
 * names a user, is neither http nor https, or goes from https to http.
 */
char *regurl_resolve(const char *base, const char *location, struct err *e);

/* Have both the same scheme, host and port? False for what is no URL. */
bool regurl_same_origin(const char *a, const char *b);

/* A copy of URL (free it) with "NAME=VALUE" added to its query, where VALUE is escaped. NULL when out of memory. */
char *regurl_add(const char *url, const char *name, const char *value);

/*
 * How many bytes an upload session has, from the value of its Range header: "0-LAST" or "bytes=0-LAST". "0-0" may mean
 * one byte or none, so it is 0. Returns 0, or -1 for another value (BYTES is untouched).
 */
int regurl_range(const char *value, uint64_t *bytes);

#endif
