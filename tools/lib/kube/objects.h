/*
 * Extracts from a Service and from Endpoints what DNS needs (Kubernetes API reference, core/v1). Names and addresses
 * are not trusted: only lower-case RFC 1123 labels and addresses that inet_pton(3) accepts are kept.
 */
#ifndef KS_KUBE_OBJECTS_H
#define KS_KUBE_OBJECTS_H

#include <jansson.h>
#include <stdbool.h>

#define KUBEOBJ_LABEL 64   /* a label and its NUL */
#define KUBEOBJ_DOMAIN 254 /* a domain name and its NUL */

/* Called with one line for each thing left out. The line has no text from the object. */
struct kubeobj_warn {
	void (*call)(void *arg, const char *text);
	void *arg;
};

/* Is TEXT such a label? NULL is not. */
bool kubeobj_is_label(const char *text);

/* Is TEXT a domain name: such labels, 253 bytes at most, no dot at its end? */
bool kubeobj_is_domain(const char *text);

/* The string FIELD of OBJECT; "" if missing, or if it has a NUL in it. */
const char *kubeobj_text(const json_t *object, const char *field);

/*
 * Returns {"headless": bool, "unready": bool, "cname": name or "", "ips": [ip], "ports": [[name, proto, number]]},
 * or NULL: out of memory. UNREADY: endpoints that are not ready get records too; PROTO: tcp, udp or sctp.
 */
json_t *kubeobj_service(const struct kubeobj_warn *w, const json_t *object);

/* Returns [{"ips": [[ip, name, ready]], "ports": as above}], one for each subset, or NULL: out of memory. */
json_t *kubeobj_endpoints(const struct kubeobj_warn *w, const json_t *object);

#define KUBEOBJ_AUTO \
	__attribute__((cleanup(kubeobj_auto_))) /* for json_t *j = NULL, which is released at the end of its scope */

static inline void kubeobj_auto_(json_t **j)
{
	json_decref(*j);
}

#endif
