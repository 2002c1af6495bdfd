/* Records from a few services and endpoints, and the return values for lists and events. */
#include "kube/dns.h"
#include "kube/objects.h"

#include "tap.h"

#define META(name, version) \
	"\"metadata\":{\"namespace\":\"ns\",\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}"
#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":{" object "}}"
#define WEB META("web", "5") ",\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"name\":\"http\",\"port\":80}]}"
#define DB META("db", "5") ",\"spec\":{\"clusterIP\":\"None\"}"

static int warnings, notes;

static void on_tell(void *arg, bool warning, const char *text)
{
	(void)arg;
	(void)text;
	warnings += warning;
	notes += !warning;
}

static int list(struct kubedns *k, enum kubedns_kind kind, const char *text, char version[KUBEDNS_VERSION])
{
	struct err e;

	return kubedns_list(k, kind, text, strlen(text), version, &e);
}

static int event(struct kubedns *k, enum kubedns_kind kind, const char *text, char version[KUBEDNS_VERSION])
{
	struct err e;

	return kubedns_event(k, kind, text, strlen(text), version, &e);
}

static void join(const struct words *w, char *to, size_t size)
{
	size_t i;

	to[0] = '\0';
	for (i = 0; i < w->n; i++) {
		(void)strncat(to, w->v[i], size - strlen(to) - 1);
		(void)strncat(to, "|", size - strlen(to) - 1);
	}
}

/* Compares the rendered files, with | after each line. */
static void check(const struct kubedns *k, const char *hosts, const char *conf, const char *name)
{
	AUTO_WORDS struct words h = { 0 }, c = { 0 };
	char text[2048];
	struct err e;

	ok(kubedns_render(k, &h, &c, &e) == 0, "%s", name);
	join(&h, text, sizeof text);
	same(text, hosts, "these hosts");
	join(&c, text, sizeof text);
	same(text, conf, "these options");
}

static void test_names(void)
{
	static const struct {
		const char *text;
		bool label, domain;
	} names[] = { { "a", true, true }, { "a-b", true, true }, { "0", true, true }, { "", false, false },
		{ "-a", false, false }, { "a-", false, false }, { "A", false, false }, { "_a", false, false },
		{ "a.b", false, true }, { "a.", false, false }, { ".a", false, false }, { "a..b", false, false },
		{ "a b", false, false }, { "a\n", false, false }, { "\xc3\xa4", false, false } };
	char label[65] = "", name[256] = "";
	size_t i;

	for (i = 0; i < TAP_COUNT(names); i++) {
		ok(kubeobj_is_label(names[i].text) == names[i].label, "'%s': a label", names[i].text);
		ok(kubeobj_is_domain(names[i].text) == names[i].domain, "'%s': a domain", names[i].text);
	}
	ok(!kubeobj_is_label(NULL), "NULL is not a label");
	(void)memset(label, 'a', 63);
	ok(kubeobj_is_label(label), "63 bytes are a label");
	label[63] = 'a';
	ok(!kubeobj_is_label(label) && !kubeobj_is_domain(label), "64 bytes are not");
	for (i = 0; i < 252; i += 2)
		(void)memcpy(name + i, "a.", 2);
	(void)strcpy(name + 252, "a");
	ok(kubeobj_is_domain(name), "253 bytes are a domain");
	(void)strcpy(name + 252, "ab");
	ok(!kubeobj_is_domain(name), "254 bytes are not");
}

static void test_lists(struct kubedns *k)
{
	char version[KUBEDNS_VERSION] = "";

	check(k, "", "", "nothing at first");
	ok(event(k, KUBEDNS_SERVICES, EVENT("ADDED", WEB), version) == -1, "no event before the list");
	ok(list(k, KUBEDNS_SERVICES, LIST(""), version) == 1, "the first list, even an empty one");
	same(version, "7", "its version");
	ok(list(k, KUBEDNS_SERVICES, LIST(""), version) == 0, "the same again");
	ok(list(k, KUBEDNS_SERVICES, LIST("{" WEB "},{" DB "}"), version) == 1, "another one");
	ok(list(k, KUBEDNS_SERVICES, LIST("{" DB "},{" WEB "}"), version) == 0, "in another order");
	ok(list(k, KUBEDNS_SERVICES, "{\"items\":[]}", version) == -1, "no version");
	ok(list(k, KUBEDNS_SERVICES, "{\"metadata\":{\"resourceVersion\":\"8\"}}", version) == -1, "no items");
	ok(list(k, KUBEDNS_SERVICES, "", version) == -1, "nothing at all");
	same(version, "7", "the version is that of the last good one");
	check(k, "10.0.0.1 web.ns.svc.cluster.local|",
	    "srv-host=_http._tcp.web.ns.svc.cluster.local,web.ns.svc.cluster.local,80|", "so are the records");
}

static void test_events(struct kubedns *k)
{
	char version[KUBEDNS_VERSION] = "";

	ok(list(k, KUBEDNS_ENDPOINTS, LIST(""), version) == 1, "endpoints");
	notes = warnings = 0;
	ok(event(k, KUBEDNS_ENDPOINTS,
	       EVENT("ADDED", META("db", "8") ",\"subsets\":[{\"addresses\":[{\"ip\":\"10.1.0.1\"},{\"ip\":\"::1\"}],"
					      "\"notReadyAddresses\":[{\"ip\":\"10.1.0.2\"}]}]"),
	       version) == 1,
	    "come");
	same(version, "8", "with a version");
	ok(notes == 1 && warnings == 0, "and are reported");
	ok(event(k, KUBEDNS_SERVICES, EVENT("DELETED", WEB), version) == 1, "a service goes");
	ok(event(k, KUBEDNS_SERVICES, EVENT("DELETED", WEB), version) == 0, "once");
	ok(event(k, KUBEDNS_SERVICES, EVENT("MODIFIED", DB), version) == 0, "nothing has changed");
	check(k,
	    "10.1.0.1 10-1-0-1.db.ns.svc.cluster.local db.ns.svc.cluster.local|"
	    "::1 0--1.db.ns.svc.cluster.local db.ns.svc.cluster.local|",
	    "", "what is left");
	ok(event(k, KUBEDNS_SERVICES, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"99\"}}}",
	       version) == 0,
	    "a bookmark");
	same(version, "99", "has a version");
	ok(event(k, KUBEDNS_SERVICES, EVENT("ERROR", "\"code\":410"), version) == KUBEDNS_GONE, "410");
	ok(event(k, KUBEDNS_SERVICES, EVENT("ERROR", "\"code\":500"), version) == -1, "500");
	ok(event(k, KUBEDNS_SERVICES, EVENT("OTHER", WEB), version) == -1, "an unknown type");
	ok(event(k, KUBEDNS_SERVICES, "garbage", version) == -1, "not JSON");
	same(version, "99", "errors leave the version");
}

static void test_hostile(struct kubedns *k)
{
	char version[KUBEDNS_VERSION] = "";

	warnings = 0;
	ok(list(k, KUBEDNS_SERVICES, LIST("{" META("a\\nb", "1") "},{" META("a\\u0000", "1") "}"), version) == 1,
	    "invalid names");
	ok(warnings == 2, "are reported");
	ok(list(k, KUBEDNS_SERVICES,
	       LIST("{" META("x", "1") ",\"spec\":{\"note\":\"\\u0000\",\"clusterIP\":\"10.0.0.1\"}}"), version) == 1,
	    "a NUL elsewhere");
	check(k, "10.0.0.1 x.ns.svc.cluster.local|", "", "does not matter");
	ok(list(k, KUBEDNS_SERVICES,
	       LIST("{" META("a",
		   "1") ",\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"b.ns.svc.cluster.local\"}},"
			"{" META("b",
			    "1") ",\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"a.ns.svc.cluster.local\"}},"
				 "{" META("c",
				     "1") ",\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.org.\"}}"),
	       version) == 1,
	    "aliases in a circle");
	check(k, "", "cname=c.ns.svc.cluster.local,example.org|", "are left out");
}

int main(void)
{
	struct kubedns k = { .domain = "cluster.local", .tell = on_tell };

	test_names();
	test_lists(&k);
	test_events(&k);
	test_hostile(&k);
	kubedns_free(&k);
	return tap_end();
}
