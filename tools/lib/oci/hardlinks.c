#include "oci/hardlinks.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int links_set(struct links *l, const char *path, bool link)
{
	char **found = tfind(path, &l->root_, by_text);
	char *old = found != NULL ? *found : NULL, *copy;

	if (link == (old != NULL))
		return 0;
	if (!link) {
		(void)tdelete(path, &l->root_, by_text);
		free(old);
		return 0;
	}
	copy = strdup(path);
	if (copy != NULL && tsearch(copy, &l->root_, by_text) != NULL)
		return 0;
	free(copy);
	return -1;
}

bool links_above(const struct links *l, const char *path)
{
	AUTO_FREE char *dir = NULL;
	char *slash;
	bool found = false;

	if (l->root_ == NULL)
		return false;
	dir = strdup(path);
	/* Without memory nothing is known: then it counts as one. */
	if (dir == NULL)
		return true;
	for (slash = strchr(dir, '/'); slash != NULL && !found; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		found = tfind(dir, &l->root_, by_text) != NULL;
		*slash = '/';
	}
	return found;
}

void links_free(struct links *l)
{
	tdestroy(l->root_, free);
	l->root_ = NULL;
}
