#include "snapshot/fitness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "base/num.h"
#include "base/readfile.h"

/* Clocks of two machines may differ by CLOCK_S; certificates must be valid for at least VALID_S more. In seconds. */
enum { CLOCK_S = 300, VALID_S = 3600, DEPTH_MAX = 16 };

#define CONF_MAX ((size_t)64 << 10)
#define TIME_MAX ((int64_t)1 << 40)

struct times {
	int64_t saved, expires; /* seconds since 1970; -1: none */
};

/* Parses the value of NAME; T is -1 if it has none. Returns 0 or -1. */
static int parse_time(const struct conf *c, const char *name, int64_t *t)
{
	const struct conf_line *l = conf_find(c, name);

	*t = -1;
	return l == NULL || *l->value == '\0' ? 0 : num_parse(l->value, 0, TIME_MAX, t);
}

/* Returns 1, 0 if there is no usable conf in DIR, or -1. */
static int read_times(struct times *t, const char *dir, struct err *e)
{
	AUTO_FREE char *path = NULL, *text = NULL;
	AUTO_CONF struct conf c = { 0 };
	size_t n;

	if (asprintf(&path, "%s/conf", dir) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	errno = 0;
	if (read_file(path, CONF_MAX, &text, &n, e) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return -1;
		return err_set(e, "no saved state found"), 0;
	}
	if (conf_parse(&c, text, n, path, e) < 0)
		return 0;
	if (parse_time(&c, "saved_at", &t->saved) < 0 || parse_time(&c, "expires_at", &t->expires) < 0 || t->saved < 0)
		return err_set(e, "%s: a time in it is missing or invalid", path), 0;
	return 1;
}

/* T in local time. Returns TEXT. */
static const char *show(char text[32], int64_t t)
{
	struct tm tm;
	time_t seconds = (time_t)t;

	if (localtime_r(&seconds, &tm) == NULL || strftime(text, 32, "%F %T", &tm) == 0)
		(void)snprintf(text, 32, "%lld", (long long)t);
	return text;
}

int fitness_check(const char *dir, time_t now, struct err *e)
{
	char then[32], saved[32];
	struct times t;
	int rc = read_times(&t, dir, e);

	if (rc <= 0)
		return rc;
	if (now < t.saved - CLOCK_S)
		return err_set(e, "this machine's clock (%s) is before the time at which it was saved (%s)",
			   show(then, now), show(saved, t.saved)),
		       0;
	if (t.expires >= 0 && now >= t.expires - VALID_S)
		return err_set(e, "its certificates %s at %s (it was saved at %s)",
			   now < t.expires ? "expire" : "expired", show(then, t.expires), show(saved, t.saved)),
		       0;
	return 1;
}

/* The earliest time found so far. */
struct earliest {
	bool found;
	time_t t;
};

static int add_certificate(struct earliest *first, const X509 *cert)
{
	struct tm tm;
	time_t t;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return -1;
	t = timegm(&tm);
	if (!first->found || t < first->t)
		*first = (struct earliest){ true, t };
	return 0;
}

/* All certificates of the file NAME in the directory FD. Returns 0 or -1. */
static int add_file(struct earliest *first, int fd, const char *name, struct err *e)
{
	int file = openat(fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), n = 0, rc = 0;
	AUTO_FCLOSE FILE *f = file < 0 ? NULL : fdopen(file, "r");
	X509 *cert;

	if (f == NULL) {
		(void)err_sys(e, "%s", name);
		if (file >= 0)
			(void)close(file);
		return -1;
	}
	ERR_clear_error();
	while (rc == 0 && (cert = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		rc = add_certificate(first, cert);
		X509_free(cert);
		n++;
	}
	/* At the end of the file there is no further start line. */
	if (rc == 0 && (n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		rc = -1;
	ERR_clear_error();
	return rc == 0 ? 0 : err_set(e, "%s: not a file of valid certificates", name);
}

static int add_directory(struct earliest *first, int fd, int depth, struct err *e);

/* One entry of the directory FD. Returns 0 or -1. */
static int add_entry(struct earliest *first, int fd, const char *name, int depth, struct err *e)
{
	const char *dot = strrchr(name, '.');
	struct stat st;
	int sub;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", name);
	if (!S_ISDIR(st.st_mode))
		return dot != NULL && strcmp(dot, ".crt") == 0 ? add_file(first, fd, name, e) : 0;
	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return err_sys(e, "%s", name);
	return add_directory(first, sub, depth + 1, e) < 0 ? err_prefix(e, "%s", name) : 0;
}

/* All entries of the directory FD, which is closed. Returns 0 or -1. */
static int add_directory(struct earliest *first, int fd, int depth, struct err *e)
{
	DIR *list = fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (list == NULL) {
		(void)err_sys(e, "read");
		(void)close(fd);
		return -1;
	}
	if (depth == DEPTH_MAX)
		rc = err_set(e, "more than %d levels of directories", DEPTH_MAX);
	while (rc == 0 && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = add_entry(first, dirfd(list), entry->d_name, depth, e);
	(void)closedir(list);
	return rc;
}

int fitness_expires(const char *dir, time_t *expires, struct err *e)
{
	struct earliest first = { false, 0 };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", dir);
	if (add_directory(&first, fd, 0, e) < 0)
		return err_prefix(e, "%s", dir);
	*expires = first.t;
	return first.found ? 1 : 0;
}
