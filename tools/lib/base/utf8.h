/* Is a text what a line of a file or of JSON may hold? */
#ifndef KS_BASE_UTF8_H
#define KS_BASE_UTF8_H

#include <stdbool.h>

/* Is TEXT well-formed UTF-8 (RFC 3629: no surrogates, nothing too long) without control characters? */
bool utf8_is_line(const char *text);

#endif
