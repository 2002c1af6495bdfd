/* MAC addresses of network interfaces: six pairs of hexadecimal digits with colons between them. */
#ifndef KS_BASE_MAC_H
#define KS_BASE_MAC_H

#include "base/err.h"

#define MAC_TEXT 18 /* bytes of the text with its NUL */

/*
 * Puts TEXT in lower case into MAC. Returns 0, or -1 with MAC unchanged: it is not a MAC address, or not that of one
 * interface, that is, a group address (IEEE 802) or all zeros.
 */
int mac_parse(char mac[MAC_TEXT], const char *text, struct err *e);

#endif
