#include "base/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int read_fd(int fd, const char *name, size_t max, char **data, size_t *n, struct err *e)
{
	AUTO_FREE char *p = NULL;
	size_t room = 0, len = 0;
	ssize_t got;
	char *more;

	for (;;) {
		if (len == room) {
			/* One byte more than MAX, to tell a file of MAX bytes from a longer one. */
			room = room == 0 ? (size_t)32 << 10 : room * 2;
			if (room > max)
				room = max + 1;
			more = realloc(p, room + 1);
			if (more == NULL)
				return err_no_memory(e);
			p = more;
		}
		got = read(fd, p + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "%s", name);
		if (got == 0)
			break;
		len += (size_t)got;
		if (len > max)
			return err_set(e, "%s: more than %zu bytes", name, max);
	}
	p[len] = '\0';
	*data = p;
	*n = len;
	p = NULL;
	return 0;
}

int read_file(const char *path, size_t max, char **data, size_t *n, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", path);
	return read_fd(fd, path, max, data, n, e);
}

int read_fd_lines(int fd, const char *name, int (*each)(char *line, void *arg, struct err *e), void *arg, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char *rest, *line;
	size_t n, number = 0;

	if (read_fd(fd, name, READ_FILE_MAX, &text, &n, e) < 0)
		return -1;
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		number++;
		if (*line != '\0' && each(line, arg, e) < 0)
			return err_prefix(e, "%s:%zu", name, number);
	}
	return 0;
}

int read_file_lines(const char *path, int (*each)(char *line, void *arg, struct err *e), void *arg, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", path);
	return read_fd_lines(fd, path, each, arg, e);
}

static int add_word(char *line, void *words, struct err *e)
{
	return words_add(words, line) < 0 ? err_no_memory(e) : 0;
}

int read_file_words(const char *path, struct words *lines, struct err *e)
{
	return read_file_lines(path, add_word, lines, e);
}

void read_file_head(const char *path, char *text, size_t n)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, n - 1);

	text[got < 0 ? 0 : got] = '\0';
}
