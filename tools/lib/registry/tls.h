/* Certificates for registries: the authorities to trust and our own (containers-certs.d(5)). */
#ifndef KS_REGISTRY_TLS_H
#define KS_REGISTRY_TLS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Initialize to zero. */
struct regtls {
	bool insecure;      /* do not verify certificates, and allow http */
	char *ca_;          /* certificates in PEM, in addition to those of the system */
	size_t n_;          /* bytes of CA_ */
	char *cert_, *key_; /* file names of a client certificate and its key, or NULL */
};

/*
 * Reads *.crt (authorities) and NAME.cert with NAME.key (a client certificate) in DIR. If DIR is NULL, reads them in
 * the first directory HOST that exists in ~/.config/containers/certs.d, /etc/containers/certs.d and
 * /etc/docker/certs.d. Returns 0 or -1.
 */
int regtls_load(struct regtls *t, const char *dir, const char *host, struct err *e);

/* Configures CURL. Only the registry itself (OURS) gets the client certificate. Returns 0, or 1 if libcurl fails. */
unsigned regtls_apply(const struct regtls *t, CURL *curl, bool ours);

void regtls_free(struct regtls *t);

#endif
