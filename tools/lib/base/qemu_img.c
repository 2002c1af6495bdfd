#include "base/qemu_img.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/child.h"

void qemu_img_file(struct args *a, const char *path)
{
	args_add(a, "%s%s", path[0] == '/' ? "" : "./", path);
}

/* Sets E to the first line of WORDS, the standard error, which is changed. Returns -1. */
static int failed(char *words, const char *name, struct err *e)
{
	static const char self[] = "qemu-img: ";

	words[strcspn(words, "\n")] = '\0';
	if (strncmp(words, self, sizeof self - 1) == 0)
		words += sizeof self - 1;
	(void)err_set(e, "qemu-img: %s", words[0] != '\0' ? words : "failed");
	return name != NULL ? err_prefix(e, "%s", name) : -1;
}

int qemu_img(struct args *a, const char *name, int cancel_fd, int64_t deadline, char **out, struct err *e)
{
	struct child_text text = { NULL, NULL };
	int status = 0, rc = a->failed ? err_no_memory(e) : child_run(a->v, cancel_fd, deadline, &text, &status, e);

	args_free(a);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = failed(text.err, name, e);
	if (out != NULL) {
		*out = text.out;
		text.out = NULL;
	}
	free(text.out);
	free(text.err);
	return rc;
}
