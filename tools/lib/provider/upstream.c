#include "provider/upstream.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "provider/template.h"

#define DIGITS "0123456789"

#define KUBERNETES "https://dl.k8s.io"
#define CRI_TOOLS "https://github.com/kubernetes-sigs/cri-tools/releases/download"

/* The value of a setting; "" if it is not set. It lives as long as the settings. */
static const char *get(const struct upstream *u, const char *name)
{
	size_t len = strlen(name), i;

	for (i = u->values->n; i > 0; i--) {
		const char *v = u->values->v[i - 1];

		if (strncmp(v, name, len) == 0 && v[len] == '=')
			return v + len + 1;
	}
	return "";
}

/* The same for one that is needed: NULL with E set if it is not set. */
static const char *need(const struct upstream *u, const char *name, struct err *e)
{
	const char *value = get(u, name), *key = strchr(name, '_');

	if (*value != '\0')
		return value;
	(void)err_set(e, "%s: [%.*s] %s is not set", u->provider, (int)(key - name), name, key + 1);
	return NULL;
}

static const char *at(const char *mirror, const char *upstream)
{
	return mirror != NULL && *mirror != '\0' ? mirror : upstream;
}

/* The layout of the URLs: kubernetes.io/releases/download. */
static int add_programs(struct upstream *u, const char *mirror, struct err *e)
{
	static const char *const names[] = { "kubeadm", "kubelet", "kubectl" };
	const char *version = need(u, "kubernetes_version", e);
	size_t i;

	if (version == NULL)
		return -1;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		struct upstream_file *f = &u->files[u->nfiles++];

		*f = (struct upstream_file){ .name = names[i], .key = "path" };
		if (asprintf(&f->value, "release/v%s/bin/linux/amd64/%s", version, names[i]) < 0) {
			f->value = NULL;
			return err_no_memory(e);
		}
		if (asprintf(&f->url, "%s/%s", mirror, f->value) < 0) {
			f->url = NULL;
			return err_no_memory(e);
		}
	}
	return 0;
}

static int add_crictl(struct upstream *u, const char *mirror, struct err *e)
{
	const char *version = get(u, "kubernetes_crictl");
	struct upstream_file *f = &u->files[u->nfiles];

	if (*version == '\0')
		return 0;
	*f = (struct upstream_file){ .name = "crictl", .key = "url" };
	u->nfiles++;
	if (asprintf(&f->value, CRI_TOOLS "/v%s/crictl-v%s-linux-amd64.tar.gz", version, version) < 0) {
		f->value = NULL;
		return err_no_memory(e);
	}
	if (asprintf(&f->url, "%s%s", mirror, f->value + strlen(CRI_TOOLS)) < 0) {
		f->url = NULL;
		return err_no_memory(e);
	}
	return 0;
}

static int add_image(
    struct words *list, const char *repository, const char *name, const char *mark, const char *tag, struct err *e)
{
	if (tag == NULL)
		return -1;
	return words_addf(list, "%s/%s:%s%s", repository, name, mark, tag) < 0 ? err_no_memory(e) : 0;
}

/* The names: registry.k8s.io/images in kubernetes/k8s.io. */
static int add_images(struct upstream *u, struct err *e)
{
	static const char *const names[] = { "kube-apiserver", "kube-controller-manager", "kube-scheduler",
		"kube-proxy" };
	const char *repository = need(u, "images_repository", e), *dns = need(u, "kubernetes_dns", e);
	size_t i;

	if (repository == NULL || dns == NULL)
		return -1;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (add_image(&u->images, repository, names[i], "v", get(u, "kubernetes_version"), e) < 0)
			return -1;
	if (strcmp(dns, "coredns") == 0 &&
	    add_image(&u->images, repository, "coredns/coredns", "", need(u, "images_coredns", e), e) < 0)
		return -1;
	if (add_image(&u->images, repository, "pause", "", need(u, "images_pause", e), e) < 0)
		return -1;
	return add_image(&u->images, repository, "etcd", "", need(u, "images_etcd", e), e);
}

/* HOST/NAME:TAG, without a digest */
static bool is_tagged(const char *name)
{
	const char *slash = strchr(name, '/'), *colon = slash != NULL ? strchr(slash, ':') : NULL;

	return slash != NULL && slash > name && colon != NULL && colon > slash + 1 && colon[1] != '\0' &&
	       strpbrk(colon + 1, "@:/") == NULL && strchr(name, '@') == NULL;
}

/* The tag of the tests' own image is the version (kubernetes/kubernetes, test/conformance/image/README.md). */
static int add_conformance(struct upstream *u, struct err *e)
{
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (words_split(&names, get(u, "conformance_images")) < 0)
		return err_no_memory(e);
	if (names.n == 0)
		return 0;
	if (add_image(
		&u->conformance, get(u, "images_repository"), "conformance", "v", get(u, "kubernetes_version"), e) < 0)
		return -1;
	for (i = 0; i < names.n; i++) {
		if (!is_tagged(names.v[i]))
			return err_set(
			    e, "[conformance] images: %s: not HOST/NAME:TAG; its digest is looked up", names.v[i]);
		if (words_add(&u->conformance, names.v[i]) < 0)
			return err_no_memory(e);
	}
	return 0;
}

int upstream_load(struct upstream *u, const char *provider, const struct words *values,
    const struct upstream_mirrors *mirrors, struct err *e)
{
	u->provider = provider;
	u->values = values;
	return add_programs(u, at(mirrors->kubernetes, KUBERNETES), e) < 0 ||
		       add_crictl(u, at(mirrors->cri_tools, CRI_TOOLS), e) < 0 || add_images(u, e) < 0 ||
		       add_conformance(u, e) < 0
		   ? -1
		   : 0;
}

/* The minor version of 1.MINOR.PATCH; -1: VERSION is not of this form. */
static int minor_of(const char *version)
{
	const char *minor = version + 2, *patch;
	size_t digits = strncmp(version, "1.", 2) == 0 ? strspn(minor, DIGITS) : 0;

	if (digits == 0 || digits > 4 || minor[digits] != '.')
		return -1;
	patch = minor + digits + 1;
	return *patch != '\0' && patch[strspn(patch, DIGITS)] == '\0' ? atoi(minor) : -1;
}

/* Is KEY a word of TEXT? */
static bool has_word(const char *text, const char *key)
{
	size_t len = strlen(key);
	const char *s;

	for (s = text; (s = strstr(s, key)) != NULL; s += len)
		if ((s == text || s[-1] == ' ') && (s[len] == ' ' || s[len] == '\0'))
			return true;
	return false;
}

/*
 * Kubelets from 1.26 on speak CRI v1 only, which containerd has since 1.6 (kubernetes.io/blog, 2022-11-18, "upcoming
 * changes in 1.26"); 1.35 is the last that works with containerd 1.x (end of support by SIG Node, in the sneak peek of
 * 1.35). containerd's table of tested pairs (containerd.io/releases) names newer patches of 1.6 from 1.29 on: 1.6.20
 * speaks the right protocol, but upstream has not tested the pair.
 */
static const char *containerd_of(int minor)
{
	return minor >= 36 ? "2.0.0" : minor >= 26 ? "1.6.0" : NULL;
}

/* Kubelets up to 1.22 speak CRI v1alpha2 only, which containerd 2.0 no longer has (its docs/containerd-2.0.md). */
static const char *containerd_before(int minor)
{
	return minor <= 22 ? "2.0.0" : NULL;
}

/* v1beta3 since 1.22, v1beta4 since 1.31 (kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4). */
static const char *api_of(int minor)
{
	return minor >= 31 ? "v1beta4" : minor >= 22 ? "v1beta3" : "v1beta2";
}

int upstream_supported(const struct upstream *u, struct err *e)
{
	const char *version = get(u, "kubernetes_version"), *api = get(u, "kubernetes_kubeadm_api");
	const char *has = get(u, "kubernetes_containerd"), *containerd;
	int minor = minor_of(version);

	if (minor < 0)
		return err_set(e, "%s: Kubernetes %s is not a release like 1.22.17", u->provider, version);
	containerd = containerd_of(minor);
	if (containerd != NULL && need(u, "kubernetes_containerd", e) == NULL)
		return -1;
	if (containerd != NULL && strverscmp(has, containerd) < 0)
		return err_set(e, "%s: Kubernetes 1.%d needs containerd %s or newer, but the node has %s", u->provider,
		    minor, containerd, has);
	containerd = containerd_before(minor);
	if (containerd != NULL && *has != '\0' && strverscmp(has, containerd) >= 0)
		return err_set(e, "%s: Kubernetes 1.%d needs a containerd before %s, but the node has %s", u->provider,
		    minor, containerd, has);
	/* From 1.35 on the kubelet does not start on cgroup v1 (KEP-5573). Debian 12 has v2, and a kernel of 6.1. */
	if (minor >= 35 && has_word(get(u, "node_append"), "systemd.unified_cgroup_hierarchy=0"))
		return err_set(e, "%s: Kubernetes 1.%d does not start on cgroup v1, which [node] append selects",
		    u->provider, minor);
	if (strcmp(api, api_of(minor)) != 0 && !(minor == 22 && strcmp(api, "v1beta2") == 0))
		return err_set(e, "%s: kubeadm 1.%d needs kubeadm_api = %s, not %s", u->provider, minor, api_of(minor),
		    *api != '\0' ? api : "nothing");
	return 0;
}

static int add_new(struct words *names, const struct words *more)
{
	size_t i;

	for (i = 0; i < more->n; i++)
		if (!words_has(names, more->v[i]) && words_add(names, more->v[i]) < 0)
			return -1;
	return 0;
}

int upstream_pinned(const struct upstream *u, struct words *names)
{
	return add_new(names, &u->images) < 0 || add_new(names, &u->conformance) < 0 ? -1 : 0;
}

/* Adds " MARK NAME" to DIFF for each of NAMES that is not in OTHERS. */
static int add_missing(
    struct words *diff, const char *mark, const struct words *names, const struct words *others, bool coredns)
{
	size_t i;

	for (i = 0; i < names->n; i++) {
		if (words_has(others, names->v[i]))
			continue;
		if (!coredns && (strstr(names->v[i], "/coredns:") != NULL || strstr(names->v[i], "/coredns/") != NULL))
			continue;
		if (words_addf(diff, "%s %s", mark, names->v[i]) < 0)
			return -1;
	}
	return 0;
}

int upstream_wanted(const struct upstream *u, const struct words *kubeadm, struct err *e)
{
	bool coredns = strcmp(get(u, "kubernetes_dns"), "coredns") == 0;
	AUTO_WORDS struct words diff = { 0 };
	char text[sizeof e->msg] = "";
	size_t i, n = 0;

	if (add_missing(&diff, "<", &u->images, kubeadm, true) < 0 ||
	    add_missing(&diff, ">", kubeadm, &u->images, coredns) < 0)
		return err_no_memory(e);
	if (diff.n == 0)
		return 0;
	for (i = 0; i < diff.n && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " %s", diff.v[i]);
	return err_set(e, "%s: the declared images (<) differ from those that kubeadm %s needs (>):%s; change [images]",
	    u->provider, get(u, "kubernetes_version"), text);
}

/* Sets E to "PATH: TEXT; to create it again: ...". Returns -1. */
static int unfit(const struct upstream *u, const char *path, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int unfit(const struct upstream *u, const char *path, struct err *e, const char *fmt, ...)
{
	char text[sizeof e->msg];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, "%s%s; to create it again: make pin PROVIDER=%s SOURCE=upstream", path, text, u->provider);
}

static int file_fits(
    const struct upstream *u, const struct lock *l, const struct upstream_file *f, const char *path, struct err *e)
{
	char section[64];
	const char *value;

	(void)snprintf(section, sizeof section, "file %s", f->name);
	if (!sha256_is_hex(lock_get(l, section, "sha256")))
		return unfit(u, path, e, ": [%s] has no sha256", section);
	value = lock_get(l, section, f->key);
	if (value == NULL || strcmp(value, f->value) != 0)
		return unfit(u, path, e, ": [%s] is not %s", section, f->value);
	return 0;
}

int upstream_fits(const struct upstream *u, const struct lock *l, const char *path, struct err *e)
{
	const char *version = lock_get(l, "lock", "version"), *own = get(u, "kubernetes_version");
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (version == NULL || strcmp(version, own) != 0)
		return unfit(u, path, e, " is for Kubernetes %s, %s has %s", version != NULL ? version : "(no version)",
		    u->provider, own);
	for (i = 0; i < u->nfiles; i++)
		if (file_fits(u, l, &u->files[i], path, e) < 0)
			return -1;
	if (upstream_pinned(u, &names) < 0)
		return err_no_memory(e);
	for (i = 0; i < names.n; i++)
		if (sha256_parse(lock_digest(l, names.v[i])) == NULL)
			return unfit(u, path, e, ": no digest of the image %s", names.v[i]);
	return 0;
}

int upstream_begin(const struct upstream *u, struct lock *l, struct err *e)
{
	return lock_add(l, "lock", "version", get(u, "kubernetes_version"), e);
}

static int add_section(struct lock *l, const char *kind, const char *name, const char *const values[4], struct err *e)
{
	AUTO_FREE char *section = NULL;

	if (asprintf(&section, "%s %s", kind, name) < 0) {
		section = NULL;
		return err_no_memory(e);
	}
	return lock_add(l, section, values[0], values[1], e) < 0 ? -1 : lock_add(l, section, values[2], values[3], e);
}

/* Is there a section [image NAME]? */
static bool has_image(const struct lock *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strncmp(l->v[i].section, "image ", 6) == 0 && strcmp(l->v[i].section + 6, name) == 0)
			return true;
	return false;
}

int upstream_add(struct lock *l, const char *name, const char *digest, const void *arg, struct err *e)
{
	const struct upstream *u = arg;
	const char *base = strrchr(name, '/');
	AUTO_FREE char *own = NULL;
	size_t i;

	for (i = 0; i < u->nfiles; i++)
		if (strcmp(u->files[i].name, name) == 0)
			return add_section(l, "file", name,
			    (const char *const[]){ u->files[i].key, u->files[i].value, "sha256", digest }, e);
	/* The conformance tests run several versions of one image, and pause too: the second has its whole name. */
	base = base != NULL ? base + 1 : name;
	own = strndup(base, strcspn(base, ":"));
	if (own == NULL)
		return err_no_memory(e);
	return add_section(
	    l, "image", has_image(l, own) ? name : own, (const char *const[]){ "name", name, "digest", digest }, e);
}

char *upstream_image_source(const char *mirrors, const char *image)
{
	AUTO_WORDS struct words list = { 0 };
	size_t host = strcspn(image, "/"), i;
	const char *place = NULL, *equals, *at = strchr(image, '@'), *path = image + host + (image[host] == '/');
	/* A tag begins with the last colon after the last slash. */
	const char *colon = at != NULL ? memrchr(image, ':', (size_t)(at - image)) : NULL;
	char *name = NULL;

	if (words_split(&list, mirrors) < 0)
		return NULL;
	for (i = 0; i < list.n; i++) {
		equals = strchr(list.v[i], '=');
		if (equals == NULL) {
			place = list.v[i];
		} else if ((size_t)(equals - list.v[i]) == host && strncmp(list.v[i], image, host) == 0) {
			place = equals + 1;
			break;
		}
	}
	if (colon == NULL || memchr(colon, '/', (size_t)(at - colon)) != NULL || colon < path)
		colon = at;
	if (place == NULL || *place == '\0')
		place = NULL;
	if (asprintf(&name, "%.*s/%.*s%s", place != NULL ? (int)strlen(place) : (int)host,
		place != NULL ? place : image, colon != NULL ? (int)(colon - path) : (int)strlen(path), path,
		at != NULL ? at : "") < 0)
		return NULL;
	return name;
}

void upstream_free(struct upstream *u)
{
	size_t i;

	for (i = 0; i < u->nfiles; i++) {
		free(u->files[i].value);
		free(u->files[i].url);
	}
	words_free(&u->images);
	words_free(&u->conformance);
	*u = (struct upstream){ 0 };
}
