#include "net/tls.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { CA_MAX = 4 << 20 };

/* Appends the file PATH to the authorities. Returns 0 or -1. */
static int add_ca(struct tls *t, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char buf[8192], *p;
	size_t n;

	if (f == NULL)
		return err_sys(e, "%s", path);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
		if (n > CA_MAX - t->n_)
			return err_set(e, "%s: too many certificates", path);
		p = realloc(t->ca_, t->n_ + n + 1);
		if (p == NULL)
			return err_no_memory(e);
		t->ca_ = p;
		(void)memcpy(p + t->n_, buf, n);
		t->n_ += n;
	}
	if (ferror(f))
		return err_sys(e, "%s", path);
	/* The next file must begin on a new line. */
	if (t->n_ > 0)
		t->ca_[t->n_++] = '\n';
	return 0;
}

/* Takes PATH, NAME.cert, and NAME.key. Of several pairs the first in alphabetical order counts. Returns 0 or -1. */
static int take_pair(struct tls *t, char *path, struct err *e)
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

/* Reads the directory DIR. Returns 0, 1 if it does not exist, or -1. */
static int read_dir(struct tls *t, const char *dir, struct err *e)
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

int tls_load(struct tls *t, const char *dir, const char *host, struct err *e)
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

unsigned tls_apply(const struct tls *t, CURL *curl, bool ours)
{
	struct curl_blob ca = { .data = t->ca_, .len = t->n_, .flags = CURL_BLOB_COPY };
	unsigned bad = 0;

	if (t->insecure) {
		bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (t->ca_ != NULL) {
		/* This replaces CURLOPT_CAINFO; the system's certificates stay in use by CURLOPT_CAPATH. */
		bad |= curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	}
	if (ours && t->cert_ != NULL) {
		bad |= curl_easy_setopt(curl, CURLOPT_SSLCERT, t->cert_);
		bad |= curl_easy_setopt(curl, CURLOPT_SSLKEY, t->key_);
	}
	return bad != 0;
}

void tls_free(struct tls *t)
{
	free(t->ca_);
	free(t->cert_);
	free(t->key_);
	*t = (struct tls){ 0 };
}
