/* Text of another host that is shown to the user. */
#ifndef KS_NET_PRINTABLE_H
#define KS_NET_PRINTABLE_H

/* Makes TEXT safe to print on a terminal: everything but printable ASCII becomes '?'. */
void printable(char *text);

#endif
