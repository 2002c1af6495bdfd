/*
 * Turns Kubernetes Services and Endpoints into dnsmasq records. The input is JSON of the API's lists and watches
 * (Kubernetes API reference, core/v1), the output follows Kubernetes' "DNS-Based Service Discovery" (1.1.0). The input
 * is not trusted: all of it is checked (see objects.h), and what is left out is reported.
 */
#ifndef KS_KUBE_DNS_H
#define KS_KUBE_DNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

enum kubedns_kind { KUBEDNS_SERVICES, KUBEDNS_ENDPOINTS, KUBEDNS_KINDS };

#define KUBEDNS_VERSION 65 /* a resourceVersion and its NUL; opaque to clients, we accept letters and digits */

/* Set DOMAIN (valid for kubeobj_is_domain), TELL and ARG; initialize the rest to zero. */
struct kubedns {
	const char *domain;
	/* Called with one line of text: what was left out of an object (WARNING), or which object changed. */
	void (*tell)(void *arg, bool warning, const char *text);
	void *arg;
	json_t *objects_[KUBEDNS_KINDS];
};

/*
 * Replaces all objects of KIND by those of a ServiceList or an EndpointsList of N bytes; VERSION is its
 * resourceVersion. Returns 1 if this changed something, 0 if not, or -1 if it is not such a list; then nothing is
 * changed.
 */
int kubedns_list(struct kubedns *k, enum kubedns_kind kind, const char *text, size_t n, char version[KUBEDNS_VERSION],
    struct err *e);

#define KUBEDNS_GONE 2 /* the server no longer has the requested version: list again */

/*
 * Applies one line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR. Returns as kubedns_list, or KUBEDNS_GONE
 * (and E) for an ERROR with code 410. Sets VERSION unless it returns -1 or KUBEDNS_GONE.
 */
int kubedns_event(struct kubedns *k, enum kubedns_kind kind, const char *line, size_t n, char version[KUBEDNS_VERSION],
    struct err *e);

/*
 * Adds the lines of a hosts file to HOSTS and those of a configuration file (srv-host=, cname=) to CONF, sorted and
 * without duplicates. Returns 0, or -1: out of memory.
 */
int kubedns_render(const struct kubedns *k, struct words *hosts, struct words *conf, struct err *e);

void kubedns_free(struct kubedns *k);

#endif
