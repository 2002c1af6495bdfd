/* URLs and HTTP headers, as far as libcurl does not handle them. */
#ifndef KS_NET_URL_H
#define KS_NET_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns a copy of URL that is safe to print (the caller frees it), or NULL when out of memory. User and password are
 * left out, as are query and fragment, which hold the secret of a signed URL.
 */
char *url_shown(const char *url);

/* Returns the last component of the URL's path (the caller frees it), or NULL if it cannot be a file name. */
char *url_file_name(const char *url);

/* Is URL an http, https or file URL? */
bool url_supported(const char *url);

/*
 * Parses the header line "Content-Range: bytes FIRST-LAST/TOTAL" of N bytes (RFC 9110, section 14.4). Returns 0 and
 * sets FIRST, or returns -1 for any other line.
 */
int url_content_range(const char *line, size_t n, uint64_t *first);

#endif
