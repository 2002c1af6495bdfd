/* What one entry of a layer's archive says, in canonical form; see layer.h. Contents are layer.c's. */
#ifndef KS_OCI_ENTRY_H
#define KS_OCI_ENTRY_H

#include <archive_entry.h>

#include "base/err.h"
#include "oci/layer.h"
#include "oci/tree.h"

/* Fills TO (which is empty) with what is known of a file of a tree. Returns 0 or -1. */
int entry_of_item(struct archive_entry *to, const struct tree_item *i, const struct layer_spec *spec, struct err *e);

/*
 * Fills TO (which is empty) with what is kept of an entry of another archive. Returns 0, 1 when there is nothing to
 * keep of it (the root, a socket), or -1: its path is absolute or leads out of the image, or it is a link that does, or
 * a device that is refused.
 */
int entry_of_entry(struct archive_entry *to, struct archive_entry *from, const struct layer_spec *spec, struct err *e);

#endif
