/*
 * Kubernetes' Services and Endpoints in, dnsmasq's records out. What comes in is JSON of the API's lists and
 * watches (Kubernetes API reference, core/v1); what goes out follows Kubernetes' "DNS-Based Service Discovery"
 * (1.1.0). Nothing foreign gets into a line unchecked (see kubeobj.h); what is left out is told.
 */
#ifndef KS_KUBE_DNS_H
#define KS_KUBE_DNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

enum kubedns_kind { KUBEDNS_SERVICES, KUBEDNS_ENDPOINTS, KUBEDNS_KINDS };

#define KUBEDNS_VERSION 65 /* a resourceVersion and its NUL; the API calls it opaque, we take letters and digits */

/* Start with zeros except DOMAIN (one that kubeobj_is_domain takes), TELL and ARG. */
struct kubedns {
	const char *domain;
	/* Called with one line: what was left out of an object (WARNING), or which object changed. */
	void (*tell)(void *arg, bool warning, const char *text);
	void *arg;
	json_t *objects_[KUBEDNS_KINDS];
};

/*
 * Takes a ServiceList or an EndpointsList of N bytes in place of all objects of KIND, and its resourceVersion.
 * Returns 1 when this changed something, 0 when not, or -1 when it is not such a list (nothing is changed).
 */
int kubedns_list(struct kubedns *k, enum kubedns_kind kind, const char *text, size_t n, char version[KUBEDNS_VERSION],
    struct err *e);

#define KUBEDNS_GONE 2 /* the API no longer has the version that was asked for: list again */

/*
 * Takes one line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR. Returns as kubedns_list, or KUBEDNS_GONE
 * (and E) for an ERROR of code 410. VERSION is set anew unless -1 or KUBEDNS_GONE is returned.
 */
int kubedns_event(struct kubedns *k, enum kubedns_kind kind, const char *line, size_t n, char version[KUBEDNS_VERSION],
    struct err *e);

/*
 * Adds the lines of a hosts file to HOSTS and those of a configuration file (srv-host=, cname=) to CONF, sorted,
 * no line twice. Returns 0, or -1 when out of memory.
 */
int kubedns_render(const struct kubedns *k, struct words *hosts, struct words *conf, struct err *e);

/* Frees what it holds. */
void kubedns_free(struct kubedns *k);

#endif
