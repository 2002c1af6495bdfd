#include "disk/qemu_img.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/child.h"

void qemu_img_file(struct args *a, const char *path)
{
	args_add(a, "%s%s", path[0] == '/' ? "" : "./", path);
}

int qemu_img(struct args *a, const char *name, int64_t deadline, char **out, struct err *e)
{
	struct child_text text = { NULL, NULL };
	int status = 0, rc = a->failed ? err_no_memory(e) : child_run(a->v, -1, deadline, &text, &status, e);

	args_free(a);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		text.err[strcspn(text.err, "\n")] = '\0';
		rc = err_set(e, "%s: %s", name, text.err[0] != '\0' ? text.err : "qemu-img failed");
	}
	if (out != NULL) {
		*out = text.out;
		text.out = NULL;
	}
	free(text.out);
	free(text.err);
	return rc;
}
