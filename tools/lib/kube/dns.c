#include "kube/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/objects.h"

enum { KEY_SIZE = 2 * KUBEOBJ_LABEL };

/* An object being added or removed. */
struct object {
	struct kubedns *k;
	enum kubedns_kind kind;
	char key[KEY_SIZE]; /* "NAMESPACE/NAME", valid labels: safe to print */
};

static void tell(const struct object *o, bool warning, const char *text)
{
	static const char *const kinds[KUBEDNS_KINDS] = { "service", "endpoints" };
	char line[256];

	(void)snprintf(line, sizeof line, "%s %s: %s", kinds[o->kind], o->key, text);
	o->k->tell(o->k->arg, warning, line);
}

static void warn(void *arg, const char *text)
{
	tell(arg, true, text);
}

/* Sets O's key. Returns 0, or -1 if the names are not valid. */
static int find_key(struct object *o, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	const char *ns = kubeobj_text(meta, "namespace"), *name = kubeobj_text(meta, "name");

	if (!kubeobj_is_label(ns) || !kubeobj_is_label(name)) {
		(void)strcpy(o->key, "?");
		/* Endpoints may have dots in their names; they belong to no Service then. */
		tell(o, o->kind == KUBEDNS_SERVICES, "its name is not a label: left out");
		return -1;
	}
	(void)snprintf(o->key, sizeof o->key, "%s/%s", ns, name);
	return 0;
}

/* Updates O's entry in ALL from OBJECT (NULL: deleted). Returns 1 if this changed something, 0, or -1. */
static int put(struct object *o, json_t *all, const json_t *object, struct err *e)
{
	const struct kubeobj_warn w = { warn, o };
	const json_t *old = json_object_get(all, o->key);
	KUBEOBJ_AUTO json_t *kept = NULL;

	if (object == NULL)
		return json_object_del(all, o->key) == 0;
	kept = o->kind == KUBEDNS_SERVICES ? kubeobj_service(&w, object) : kubeobj_endpoints(&w, object);
	if (kept == NULL)
		return err_no_memory(e);
	if (old != NULL && json_equal(old, kept))
		return 0;
	return json_object_set(all, o->key, kept) == 0 ? 1 : err_no_memory(e);
}

/* Reads the resourceVersion of an object or a list. Returns 0 or -1. */
static int get_version(const json_t *object, char version[KUBEDNS_VERSION], struct err *e)
{
	const char *text = kubeobj_text(json_object_get(object, "metadata"), "resourceVersion");
	size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (n == 0 || n >= KUBEDNS_VERSION || text[n] != '\0')
		return err_set(e, "no resourceVersion");
	(void)strcpy(version, text);
	return 0;
}

static json_t *load(const char *text, size_t n, struct err *e)
{
	json_error_t je;
	/* A NUL in one object's annotation must not make the whole list invalid. */
	json_t *j = json_loadb(text, n, JSON_ALLOW_NUL, &je);

	if (j == NULL)
		(void)err_set(e, "not JSON at byte %d", je.position);
	return j;
}

int kubedns_list(
    struct kubedns *k, enum kubedns_kind kind, const char *text, size_t n, char version[KUBEDNS_VERSION], struct err *e)
{
	KUBEOBJ_AUTO json_t *list = load(text, n, e), *all = json_object();
	struct object o = { .k = k, .kind = kind };
	json_t *items = json_object_get(list, "items"), *item, *old = k->objects_[kind];
	char found[KUBEDNS_VERSION];
	size_t i;
	int rc;

	if (list == NULL)
		return -1;
	/* Go writes an empty list as null. */
	if (!json_is_array(items) && !json_is_null(items))
		return err_set(e, "not a list");
	if (all == NULL || get_version(list, found, e) < 0)
		return all == NULL ? err_no_memory(e) : -1;
	json_array_foreach (items, i, item)
		if (find_key(&o, item) == 0 && put(&o, all, item, e) < 0)
			return -1;
	(void)strcpy(version, found);
	rc = old == NULL || !json_equal(old, all);
	json_decref(old);
	k->objects_[kind] = json_incref(all);
	return rc;
}

static int gone(const json_t *status, struct err *e)
{
	json_int_t code = json_integer_value(json_object_get(status, "code"));

	(void)err_set(e, "the server ended the watch with code %lld", (long long)code);
	return code == 410 ? KUBEDNS_GONE : -1;
}

int kubedns_event(
    struct kubedns *k, enum kubedns_kind kind, const char *line, size_t n, char version[KUBEDNS_VERSION], struct err *e)
{
	KUBEOBJ_AUTO json_t *event = load(line, n, e);
	const json_t *object = json_object_get(event, "object");
	const char *type = kubeobj_text(event, "type");
	bool deleted = strcmp(type, "DELETED") == 0;
	struct object o = { .k = k, .kind = kind };
	char found[KUBEDNS_VERSION];
	int rc = 0;

	if (event == NULL)
		return -1;
	if (strcmp(type, "ERROR") == 0)
		return gone(object, e);
	if (!deleted && strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0 && strcmp(type, "BOOKMARK") != 0)
		return err_set(e, "not an event of a watch");
	if (k->objects_[kind] == NULL)
		return err_set(e, "an event before the list");
	if (get_version(object, found, e) < 0)
		return -1;
	if (*type != 'B' && find_key(&o, object) == 0)
		rc = put(&o, k->objects_[kind], deleted ? NULL : object, e);
	if (rc < 0)
		return -1;
	if (rc > 0)
		tell(&o, false, deleted ? "deleted" : "changed");
	(void)strcpy(version, found);
	return rc;
}

/* The output: the lines of the two files, and the service that they are written for. */
struct sheet {
	const struct kubedns *k;
	struct words *hosts, *conf;
	const char *key;
	char fqdn[KUBEOBJ_DOMAIN];
	bool no_memory;
};

static __attribute__((format(printf, 3, 4))) void add(struct sheet *s, struct words *to, const char *fmt, ...)
{
	char line[4 * KUBEOBJ_DOMAIN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (words_add(to, line) < 0)
		s->no_memory = true;
}

/* Writes labels and the service's name to NAME. Returns false if it is too long: dnsmasq would exit. */
static __attribute__((format(printf, 3, 4))) bool under(
    const struct sheet *s, char name[KUBEOBJ_DOMAIN], const char *fmt, ...)
{
	char labels[KUBEOBJ_DOMAIN];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(labels, sizeof labels, fmt, ap);
	va_end(ap);
	return n < KUBEOBJ_DOMAIN && snprintf(name, KUBEOBJ_DOMAIN, "%s.%s", labels, s->fqdn) < KUBEOBJ_DOMAIN;
}

static void add_srv(struct sheet *s, json_t *ports, const char *target)
{
	char name[KUBEOBJ_DOMAIN];
	const char *port, *proto;
	json_int_t number;
	json_t *item;
	size_t i;

	json_array_foreach (ports, i, item)
		if (json_unpack(item, "[ssI]", &port, &proto, &number) == 0 && under(s, name, "_%s._%s", port, proto))
			add(s, s->conf, "srv-host=%s,%s,%lld", name, target, (long long)number);
}

/* In a hosts file the first name of a line is the one that the address resolves to. */
static void add_endpoints(struct sheet *s, bool unready, json_t *subsets)
{
	json_t *subset, *item;
	char target[KUBEOBJ_DOMAIN];
	const char *ip, *name;
	size_t i, j;
	int ready;

	json_array_foreach (subsets, i, subset)
		json_array_foreach (json_object_get(subset, "ips"), j, item) {
			if (json_unpack(item, "[ssb]", &ip, &name, &ready) < 0 || !(ready || unready) ||
			    !under(s, target, "%s", name))
				continue;
			add(s, s->hosts, "%s %s %s", ip, target, s->fqdn);
			add_srv(s, json_object_get(subset, "ports"), target);
		}
}

/*
 * Is NAME the name of a service that is itself an alias? dnsmasq refuses to start if aliases form a loop, so whoever
 * can create two services could stop it. Therefore no alias refers to another.
 */
static bool is_alias(const struct kubedns *k, const char *name)
{
	char key[KEY_SIZE];
	size_t n = strcspn(name, "."), m;
	const char *ns = name + n + (name[n] == '.');

	m = strcspn(ns, ".");
	if (n >= KUBEOBJ_LABEL || m >= KUBEOBJ_LABEL || strncmp(ns + m, ".svc.", 5) != 0 ||
	    strcmp(ns + m + 5, k->domain) != 0)
		return false;
	(void)snprintf(key, sizeof key, "%.*s/%.*s", (int)m, ns, (int)n, name);
	return *kubeobj_text(json_object_get(k->objects_[KUBEDNS_SERVICES], key), "cname") != '\0';
}

static void add_service(struct sheet *s, json_t *service)
{
	const char *cname = kubeobj_text(service, "cname"), *slash = strchr(s->key, '/');
	json_t *ip;
	size_t i;

	if (slash == NULL || snprintf(s->fqdn, sizeof s->fqdn, "%s.%.*s.svc.%s", slash + 1, (int)(slash - s->key),
				 s->key, s->k->domain) >= (int)sizeof s->fqdn)
		return;
	if (*cname != '\0' && !is_alias(s->k, cname))
		add(s, s->conf, "cname=%s,%s", s->fqdn, cname);
	if (json_is_true(json_object_get(service, "headless"))) {
		add_endpoints(s, json_is_true(json_object_get(service, "unready")),
		    json_object_get(s->k->objects_[KUBEDNS_ENDPOINTS], s->key));
		return;
	}
	json_array_foreach (json_object_get(service, "ips"), i, ip)
		add(s, s->hosts, "%s %s", json_string_value(ip), s->fqdn);
	if (json_array_size(json_object_get(service, "ips")) > 0)
		add_srv(s, json_object_get(service, "ports"), s->fqdn);
}

int kubedns_render(const struct kubedns *k, struct words *hosts, struct words *conf, struct err *e)
{
	struct sheet s = { .k = k, .hosts = hosts, .conf = conf };
	json_t *service;

	json_object_foreach (k->objects_[KUBEDNS_SERVICES], s.key, service)
		add_service(&s, service);
	words_sort(hosts);
	words_sort(conf);
	return s.no_memory ? err_no_memory(e) : 0;
}

void kubedns_free(struct kubedns *k)
{
	size_t i;

	for (i = 0; i < KUBEDNS_KINDS; i++)
		json_decref(k->objects_[i]);
	*k = (struct kubedns){ 0 };
}
