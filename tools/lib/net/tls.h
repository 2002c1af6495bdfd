/* Whom to trust, and who we are: certificates of registries (containers-certs.d(5)). */
#ifndef KS_NET_TLS_H
#define KS_NET_TLS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Start with zeros. */
struct regtls {
	bool insecure;      /* certificates are not verified, and http is allowed */
	char *ca_;          /* certificates, in PEM, beside those of the system */
	size_t n_;          /* their bytes */
	char *cert_, *key_; /* files of a client certificate, or NULL */
};

/*
 * Reads *.crt (authorities) and NAME.cert with NAME.key (our own) of DIR. NULL: of the registry HOST's directory in
 * ~/.config/containers/certs.d, /etc/containers/certs.d or /etc/docker/certs.d, if there is one. Returns 0 or -1.
 */
int regtls_load(struct regtls *t, const char *dir, const char *host, struct err *e);

/* Sets a handle up. OURS: it speaks to the registry itself, which alone gets the client certificate. Returns 0 or 1. */
unsigned regtls_apply(const struct regtls *t, CURL *curl, bool ours);

void regtls_free(struct regtls *t);

#endif
