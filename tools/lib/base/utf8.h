/* Checking text for use in a line of a file or in JSON. */
#ifndef KS_BASE_UTF8_H
#define KS_BASE_UTF8_H

#include <stdbool.h>

/* Is TEXT well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without control characters? */
bool utf8_is_line(const char *text);

#endif
