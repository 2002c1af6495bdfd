#include "base/readfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

int slurp(const char *path, char **data, size_t *n, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	size_t room = 64U << 10;
	char *p = NULL, *more;

	*n = 0;
	if (f == NULL)
		return err_sys(e, "%s", path);
	do {
		more = realloc(p, (room *= 2) + 1);
		if (more == NULL) {
			free(p);
			return err_set(e, "out of memory");
		}
		p = more;
		*n += fread(p + *n, 1, room - *n, f);
	} while (*n == room && room <= SLURP_MAX);
	if (ferror(f) || *n > SLURP_MAX) {
		free(p);
		return ferror(f) ? err_sys(e, "%s", path) : err_set(e, "%s: more than %u bytes", path, SLURP_MAX);
	}
	p[*n] = '\0';
	*data = p;
	return 0;
}

void slurp_head(const char *path, char *text, size_t n)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, n - 1);

	text[got < 0 ? 0 : got] = '\0';
}
