/* The raw form of a saved file from its packed one, also into another directory. */
#ifndef KS_SNAPSHOT_PACK_H
#define KS_SNAPSHOT_PACK_H

#include "snapshot/hold.h"

/* Unpacks F, a file of FROM, into TO (which may be FROM). Returns 0, or -1: then there is nothing new in TO. */
int vmpack_expand(struct vmhold *from, struct vmhold *to, const struct vmfile *f, struct err *e);

#endif
