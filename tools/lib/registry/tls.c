#include "registry/tls.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/readfile.h"

enum { CA_MAX = 4 << 20 }; /* bytes of all authorities together */

/* Appends the certificates in the file PATH to the authorities. */
static int add_ca(struct regtls *t, const char *path, struct err *e)
{
	/* One byte is for the newline. */
	size_t room = t->n_ < CA_MAX ? CA_MAX - t->n_ - 1 : 0, n;
	AUTO_FREE char *data = NULL;
	char *p;

	if (read_file(path, room, &data, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	p = realloc(t->ca_, t->n_ + n + 1);
	if (p == NULL)
		return err_no_memory(e);
	t->ca_ = p;
	(void)memcpy(p + t->n_, data, n);
	t->n_ += n;
	/* The next certificate must begin on a new line. */
	t->ca_[t->n_++] = '\n';
	return 0;
}

/* Uses PATH, which is NAME.cert, and NAME.key. Of several pairs the first in alphabetical order is used. */
static int take_pair(struct regtls *t, char *path, struct err *e)
{
	size_t n = strlen(path) - strlen(".cert");
	char *key;

	if (t->cert_ != NULL)
		return 0;
	if (asprintf(&key, "%.*s.key", (int)n, path) < 0)
		return err_no_memory(e);
	t->key_ = key;
	t->cert_ = strdup(path);
	if (access(key, R_OK) < 0)
		return err_sys(e, "%s", key);
	return t->cert_ != NULL ? 0 : err_no_memory(e);
}

static bool ends(const char *name, const char *tail)
{
	size_t n = strlen(name), m = strlen(tail);

	return n > m && strcmp(name + n - m, tail) == 0;
}

/* Reads the directory DIR. Returns 0, 1 if it does not exist or is not accessible, or -1. */
static int read_dir(struct regtls *t, const char *dir, struct err *e)
{
	struct dirent **names;
	int i, n = scandir(dir, &names, NULL, alphasort), rc = 0;

	if (n < 0) {
		(void)err_sys(e, "%s", dir);
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 1 : -1;
	}
	for (i = 0; i < n; i++) {
		AUTO_FREE char *path = NULL;

		if (rc == 0 && asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0) {
			path = NULL;
			rc = err_no_memory(e);
		}
		if (rc == 0 && ends(names[i]->d_name, ".crt"))
			rc = add_ca(t, path, e);
		else if (rc == 0 && ends(names[i]->d_name, ".cert"))
			rc = take_pair(t, path, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

int regtls_load(struct regtls *t, const char *dir, const char *host, struct err *e)
{
	static const char *const usual[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };
	const char *home = getenv("HOME");
	AUTO_FREE char *own = NULL;
	size_t i;
	int rc = 1;

	if (dir != NULL)
		return read_dir(t, dir, e) == 0 ? 0 : -1;
	if (home != NULL && asprintf(&own, "%s/.config/containers/certs.d/%s", home, host) < 0) {
		own = NULL;
		return err_no_memory(e);
	}
	if (own != NULL)
		rc = read_dir(t, own, e);
	for (i = 0; i < sizeof usual / sizeof *usual && rc == 1; i++) {
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "%s/%s", usual[i], host) < 0) {
			path = NULL;
			return err_no_memory(e);
		}
		rc = read_dir(t, path, e);
	}
	return rc < 0 ? -1 : 0;
}

unsigned regtls_apply(const struct regtls *t, CURL *curl, bool ours)
{
	struct curl_blob ca = { .data = t->ca_, .len = t->n_, .flags = CURL_BLOB_COPY };
	unsigned bad = 0;

	if (t->insecure) {
		bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (t->ca_ != NULL) {
		/* The authorities of the system remain in use, as libcurl also reads CURLOPT_CAPATH. */
		bad |= curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	}
	if (ours && t->cert_ != NULL) {
		bad |= curl_easy_setopt(curl, CURLOPT_SSLCERT, t->cert_);
		bad |= curl_easy_setopt(curl, CURLOPT_SSLKEY, t->key_);
	}
	return bad != 0;
}

void regtls_free(struct regtls *t)
{
	free(t->ca_);
	free(t->cert_);
	free(t->key_);
	*t = (struct regtls){ 0 };
}
