/* What fetch has to know of URLs and of HTTP's headers; libcurl does the rest. */
#ifndef KS_NET_URL_H
#define KS_NET_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A copy of URL that may be shown (free it), or NULL when out of memory: without user and password, and without
 * query and fragment, as signed URLs carry their secret there.
 */
char *url_shown(const char *url);

/* The last component of the URL's path (free it), or NULL when there is none that can name a file. */
char *url_file_name(const char *url);

/* Is it an http, https or file URL? */
bool url_supported(const char *url);

/*
 * Reads the line "Content-Range: bytes FIRST-LAST/TOTAL" of N bytes (RFC 9110, 14.4). Returns 0 with FIRST, or -1
 * when the line is another one or says it differently.
 */
int url_content_range(const char *line, size_t n, uint64_t *first);

#endif
