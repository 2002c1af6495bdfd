/* The symbolic links of an archive, so that no entry is put below one: it would be written where that leads. */
#ifndef KS_OCI_HARDLINKS_H
#define KS_OCI_HARDLINKS_H

#include <stdbool.h>

/* Start with zeros. */
struct links {
	void *root_;
};

/* PATH (as tree_path makes it) is a symbolic link from now on, or none any more. Returns 0, or -1 when out of memory.
 */
int links_set(struct links *l, const char *path, bool link);

/* Is one of the directories that lead to PATH a link? */
bool links_above(const struct links *l, const char *path);

void links_free(struct links *l);

#endif
