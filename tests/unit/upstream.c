/* The files and images of Kubernetes that a provider downloads, and the lock for them. */
#include "provider/upstream.h"

#include "tap.h"

#include "provider/template.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const settings[] = { "kubernetes_version=1.30.2", "kubernetes_dns=coredns",
	"kubernetes_containerd=1.6.20", "kubernetes_kubeadm_api=v1beta3", "images_repository=r.example",
	"images_pause=3.9", "images_etcd=3.5.12-0", "images_coredns=v1.11.1", NULL };

static const struct upstream_mirrors none;

/* The settings above, and MORE, which ends with NULL. */
static void define(struct words *values, const char *const *more)
{
	struct err e = { 0 };
	size_t i;

	for (i = 0; settings[i] != NULL; i++)
		ok(template_define(values, settings[i], &e) == 0, "%s", settings[i]);
	for (i = 0; more[i] != NULL; i++)
		ok(template_define(values, more[i], &e) == 0, "%s", more[i]);
}

#define MORE(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void supported(const char *const *more, const char *want)
{
	AUTO_WORDS struct words values = { 0 };
	AUTO_UPSTREAM struct upstream u = { 0 };
	struct err e = { 0 };

	define(&values, more);
	ok(upstream_load(&u, "p", &values, &none, &e) == 0, "loaded");
	ok((upstream_supported(&u, &e) == 0) == (*want == '\0'), "supported or not");
	same(e.msg, want, "the reason");
}

static void test_supported(void)
{
	supported(MORE("kubernetes_version=1.30.2"), "");
	supported(
	    MORE("kubernetes_version=1.20.2", "kubernetes_kubeadm_api=v1beta2", "kubernetes_containerd=1.4.13"), "");
	supported(MORE("kubernetes_version=1.22.17", "kubernetes_kubeadm_api=v1beta2"), "");
	supported(MORE("kubernetes_version=1.22.17"), "");
	supported(MORE("kubernetes_version=1.22.17", "kubernetes_containerd="), "");
	supported(MORE("kubernetes_version=1.22.17", "kubernetes_containerd=2.3.7"),
	    "p: Kubernetes 1.22 needs a containerd before 2.0.0, but the node has 2.3.7");
	supported(MORE("kubernetes_version=1.23.1", "kubernetes_containerd=2.3.7"), "");
	supported(MORE("kubernetes_version=1.23.1", "kubernetes_kubeadm_api=v1beta2"),
	    "p: kubeadm 1.23 needs kubeadm_api = v1beta3, not v1beta2");
	supported(MORE("kubernetes_kubeadm_api="), "p: kubeadm 1.30 needs kubeadm_api = v1beta3, not nothing");
	supported(MORE("kubernetes_containerd=1.6.0"), "");
	supported(MORE("kubernetes_containerd=1.10.0"), "");
	supported(MORE("kubernetes_containerd=1.5.9"),
	    "p: Kubernetes 1.30 needs containerd 1.6.0 or newer, but the node has 1.5.9");
	supported(MORE("kubernetes_version=1.36.0", "kubernetes_kubeadm_api=v1beta4"),
	    "p: Kubernetes 1.36 needs containerd 2.0.0 or newer, but the node has 1.6.20");
	supported(MORE("kubernetes_containerd="), "p: [kubernetes] containerd is not set");
	supported(MORE("node_append=systemd.unified_cgroup_hierarchy=0"), "");
	supported(MORE("kubernetes_version=1.35.0", "kubernetes_kubeadm_api=v1beta4",
		      "node_append=a systemd.unified_cgroup_hierarchy=0"),
	    "p: Kubernetes 1.35 does not start on cgroup v1, which [node] append selects");
	supported(MORE("kubernetes_version=1.35.0", "kubernetes_kubeadm_api=v1beta4",
		      "node_append=systemd.unified_cgroup_hierarchy=01"),
	    "");
	supported(MORE("kubernetes_version=1.30"), "p: Kubernetes 1.30 is not a release like 1.22.17");
	supported(MORE("kubernetes_version=1.30.x"), "p: Kubernetes 1.30.x is not a release like 1.22.17");
	supported(MORE("kubernetes_version=2.0.1"), "p: Kubernetes 2.0.1 is not a release like 1.22.17");
}

static void test_load(void)
{
	static const struct upstream_mirrors mirrors = { "http://m", "http://c" };
	AUTO_WORDS struct words values = { 0 };
	AUTO_UPSTREAM struct upstream u = { 0 };
	AUTO_UPSTREAM struct upstream bare = { 0 };
	struct err e = { 0 };

	ok(upstream_load(&bare, "p", &values, &none, &e) < 0, "without settings");
	same(e.msg, "p: [kubernetes] version is not set", "the first that is missing");
	define(&values, MORE("kubernetes_crictl=1.30.0", "conformance_images=r.example/a:1 r.example/pause:3.9"));
	ok(upstream_load(&u, "p", &values, &mirrors, &e) == 0 && u.nfiles == 4, "four files");
	same(u.files[2].value, "release/v1.30.2/bin/linux/amd64/kubectl", "a path");
	same(u.files[2].url, "http://m/release/v1.30.2/bin/linux/amd64/kubectl", "at the mirror");
	same(u.files[3].value,
	    "https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.30.0/crictl-v1.30.0-linux-amd64.tar.gz",
	    "a URL");
	same(u.files[3].url, "http://c/v1.30.0/crictl-v1.30.0-linux-amd64.tar.gz", "at the mirror");
	ok(u.images.n == 7 && u.conformance.n == 3, "seven images, and three of the conformance tests");
	same(u.images.v[3], "r.example/kube-proxy:v1.30.2", "an image with the version of Kubernetes");
	same(u.images.v[4], "r.example/coredns/coredns:v1.11.1", "an image with its own version");
	same(u.conformance.v[0], "r.example/conformance:v1.30.2", "the conformance image");
}

static void test_bad_image(const char *name)
{
	AUTO_WORDS struct words values = { 0 };
	AUTO_UPSTREAM struct upstream u = { 0 };
	struct err e = { 0 };

	define(&values, MORE("images_pause=3.9"));
	ok(words_addf(&values, "conformance_images=%s", name) == 0, "%s", name);
	ok(upstream_load(&u, "p", &values, &none, &e) < 0 && strstr(e.msg, "not HOST/NAME:TAG") != NULL, "is refused");
}

static void test_wanted(void)
{
	AUTO_WORDS struct words values = { 0 }, kubeadm = { 0 };
	AUTO_UPSTREAM struct upstream u = { 0 };
	struct err e = { 0 };

	define(&values, MORE("kubernetes_dns=manifest"));
	ok(upstream_load(&u, "p", &values, &none, &e) == 0 && u.images.n == 6, "no CoreDNS");
	ok(words_split(&kubeadm,
	       "r.example/etcd:3.5.12-0 r.example/kube-apiserver:v1.30.2 r.example/kube-controller-manager:v1.30.2 "
	       "r.example/kube-scheduler:v1.30.2 r.example/kube-proxy:v1.30.2 r.example/coredns/coredns:v1") == 0,
	    "kubeadm's");
	ok(upstream_wanted(&u, &kubeadm, &e) < 0, "one is missing");
	same(e.msg,
	    "p: the declared images (<) differ from those that kubeadm 1.30.2 needs (>): < r.example/pause:3.9; change "
	    "[images]",
	    "it is named");
	ok(words_add(&kubeadm, "r.example/pause:3.9") == 0 && upstream_wanted(&u, &kubeadm, &e) == 0, "all of them");
	ok(words_add(&kubeadm, "r.example/x:1") == 0 && upstream_wanted(&u, &kubeadm, &e) < 0, "one more");
	same(e.msg,
	    "p: the declared images (<) differ from those that kubeadm 1.30.2 needs (>): > r.example/x:1; change "
	    "[images]",
	    "it is named");
}

static void test_lock(void)
{
	AUTO_WORDS struct words values = { 0 }, names = { 0 };
	AUTO_UPSTREAM struct upstream u = { 0 };
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };
	size_t i;

	define(&values, MORE("conformance_images=r.example/pause:3.1 r.example/pause:3.9"));
	ok(upstream_load(&u, "p", &values, &none, &e) == 0, "loaded");
	ok(upstream_fits(&u, &l, "l", &e) < 0, "an empty lock does not fit");
	same(e.msg, "l is for Kubernetes (no version), p has 1.30.2; to create it again: make pin PROVIDER=p SOURCE=upstream",
	    "the version");
	ok(upstream_begin(&u, &l, &e) == 0 && upstream_fits(&u, &l, "l", &e) < 0,
	    "a lock with only the version does not fit");
	same(e.msg, "l: [file kubeadm] has no sha256; to create it again: make pin PROVIDER=p SOURCE=upstream", "a file");
	for (i = 0; i < u.nfiles; i++)
		ok(upstream_add(&l, u.files[i].name, HEX, &u, &e) == 0, "%s", u.files[i].name);
	ok(upstream_pinned(&u, &names) == 0 && names.n == 9, "nine images, pause:3.9 once");
	for (i = 0; i < names.n; i++) {
		ok(upstream_fits(&u, &l, "l", &e) < 0 && strstr(e.msg, names.v[i]) != NULL, "%s is missing",
		    names.v[i]);
		ok(upstream_add(&l, names.v[i], "sha256:" HEX, &u, &e) == 0, "and is added");
	}
	ok(upstream_fits(&u, &l, "l", &e) == 0, "the complete lock fits");
	same(lock_get(&l, "image pause", "name"), "r.example/pause:3.9", "the first of a name");
	same(lock_get(&l, "image r.example/pause:3.1", "name"), "r.example/pause:3.1", "the second");
	ok(upstream_add(&l, "kubeadm", HEX, &u, &e) < 0, "a name can be added only once");
	free(l.v[1].value);
	l.v[1].value = strdup("elsewhere");
	ok(upstream_fits(&u, &l, "l", &e) < 0, "a lock with another path does not fit");
	same(e.msg,
	    "l: [file kubeadm] is not release/v1.30.2/bin/linux/amd64/kubeadm; to create it again: make pin PROVIDER=p SOURCE=upstream",
	    "both paths are named");
}

static void source(const char *mirrors, const char *image, const char *want)
{
	char *name = upstream_image_source(mirrors, image);

	same(name, want, mirrors);
	free(name);
}

static void test_source(void)
{
	source("", "a.example/b/c:1", "a.example/b/c:1");
	source("a.example=127.0.0.1:5/a other.example/x", "a.example/b/c:1", "127.0.0.1:5/a/b/c:1");
	source("other.example/x a.example=127.0.0.1:5/a", "a.example/b/c:1", "127.0.0.1:5/a/b/c:1");
	source("a.example=127.0.0.1:5/a other.example/x", "d.example/b/c:1", "other.example/x/b/c:1");
	source("a.example=127.0.0.1:5/a", "a.example.org/b:1", "a.example.org/b:1");
	source("a.example=127.0.0.1:5/a", "a.exam/b:1", "a.exam/b:1");
	source("", "a.example:5/b/c:1@sha256:" HEX, "a.example:5/b/c@sha256:" HEX);
	source("", "a.example:5/b/c@sha256:" HEX, "a.example:5/b/c@sha256:" HEX);
	source("a.example:5=127.0.0.1:5/a", "a.example:5/c:1@sha256:" HEX, "127.0.0.1:5/a/c@sha256:" HEX);
}

int main(void)
{
	test_supported();
	test_load();
	test_bad_image("r.example/a");
	test_bad_image("a:1");
	test_bad_image("r.example/a:1@sha256:" HEX);
	test_bad_image("r.example/:1");
	test_bad_image("r.example/a:");
	test_bad_image("r.example:5/a:1/b");
	test_wanted();
	test_lock();
	test_source();
	return tap_end();
}
