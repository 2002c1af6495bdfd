/* Images that are named together with their layout: "[LAYOUT:]TAG". */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/layout.h"

int layout_open_from(struct layout *from, const char **tag, int64_t deadline, struct err *e)
{
	AUTO_FREE char *dir = strdup(*tag);
	AUTO_FREE char *mark = NULL;
	char *colon;
	int rc;

	*from = (struct layout){ .index_lock = -1, .blobs_lock = -1 };
	if (dir == NULL || (mark = malloc(strlen(dir) + sizeof "/oci-layout")) == NULL)
		return err_no_memory(e);
	/* Both may have colons in them: it is where the text before one is a layout. */
	for (colon = strchr(dir, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		*colon = '\0';
		(void)sprintf(mark, "%s/oci-layout", dir);
		if (access(mark, F_OK) == 0) {
			*tag += colon + 1 - dir;
			rc = layout_open(from, dir, false, deadline, e);
			return rc == 0 ? layout_hold_blobs(from, e) : rc;
		}
		*colon = ':';
	}
	return 0;
}
