/* Certificates for registries: the authorities to trust, and our client certificate (containers-certs.d(5)). */
#ifndef KS_NET_TLS_H
#define KS_NET_TLS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Initialize to zero. */
struct tls {
	bool insecure;      /* certificates are not verified, and http is allowed */
	char *ca_;          /* certificates in PEM, in addition to the system's */
	size_t n_;          /* bytes of CA_ */
	char *cert_, *key_; /* files of a client certificate, or NULL */
};

/*
 * Reads *.crt (authorities) and NAME.cert with NAME.key (client certificate) of DIR. NULL: of the registry HOST's
 * directory in ~/.config/containers/certs.d, /etc/containers/certs.d or /etc/docker/certs.d, if one exists. Returns 0
 * or -1.
 */
int tls_load(struct tls *t, const char *dir, const char *host, struct err *e);

/* Sets up CURL. OURS: it connects to the registry itself; no other host gets the client certificate. Returns 0 or 1. */
unsigned tls_apply(const struct tls *t, CURL *curl, bool ours);

void tls_free(struct tls *t);

#endif
