/* The raw form of a saved file from its packed one, also into another directory. */
#ifndef KS_VMPACK_H
#define KS_VMPACK_H

#include "vmhold.h"

/* Unpacks F, a file of FROM, into TO (which may be FROM). Returns 0, or -1: then there is nothing new in TO. */
int vmpack_expand(struct vmhold *from, struct vmhold *to, const struct vmfile *f, struct err *e);

#endif
