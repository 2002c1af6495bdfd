/* Settings of a cluster: which source wins, and what is refused. */
#include "provider/settings.h"

#include "tap.h"

static void put(struct conf *c, const char *name, const char *value, const char *origin)
{
	struct err e = { 0 };

	if (conf_set(c, name, value, origin, &e) < 0)
		abort();
}

static const char *value(const struct conf *c, const char *name)
{
	const struct conf_line *l = conf_find(c, name);

	return l != NULL ? l->value : "none";
}

static const char *origin(const struct conf *c, const char *name)
{
	const struct conf_line *l = conf_find(c, name);

	return l != NULL && l->origin != NULL ? l->origin : "";
}

static void test_order(void)
{
	AUTO_CONF struct conf out = { 0 }, a = { 0 }, b = { 0 };
	const struct conf *const sources[] = { &a, &b };
	struct err e = { 0 };

	put(&a, "CLUSTER", "c", "a");
	put(&a, "MEMORY", "", "a");
	put(&b, "MEMORY", "2G", "b:3");
	put(&a, "NODES", "2", "a");
	put(&b, "NODES", "3", "b");
	put(&b, "OTHER", "x", "b");
	put(&b, "WITH", ",a, b,,c ", NULL);
	ok(settings_resolve(&out, sources, 2, &e) == 0, "resolved %s", e.msg);
	same(value(&out, "NODES"), "2", "the first source with a value wins");
	same(value(&out, "MEMORY"), "2G", "an empty value is none");
	same(origin(&out, "MEMORY"), "b:3", "with its origin");
	same(value(&out, "NICS"), "0", "the default");
	same(origin(&out, "NICS"), "default", "is said to be one");
	same(value(&out, "OTHER"), "none", "only settings");
	same(value(&out, "WITH"), "a b c", "a list");
	same(origin(&out, "WITH"), "", "an unknown origin");
	same(value(&out, "CPUS"), "", "a value that is not known yet");
	same(out.v[0].name, "CLUSTER", "the order of the table");
}

static void refused(const char *name, const char *text, const char *want)
{
	AUTO_CONF struct conf out = { 0 }, a = { 0 };
	const struct conf *const sources[] = { &a };
	struct err e = { 0 };

	put(&a, "CLUSTER", "c", NULL);
	put(&a, "NODES", "1", NULL);
	put(&a, name, text, NULL);
	ok(settings_resolve(&out, sources, 1, &e) < 0, "%s=%s", name, text);
	same(e.msg, want, "what it must be");
}

static void test_errors(void)
{
	refused("NODES", "", "NODES=: must be a number from 1 to 99");
	refused("NODES", "1\t", "NODES=1\t: must be a number from 1 to 99");
	refused("NODES", "11 1", "NODES=11 1: must be a number from 1 to 99");
	refused("ENGINE", "podmandocker", "ENGINE=podmandocker: must be podman or docker");
	refused("PUBLISH", "1:2:3", "PUBLISH=1:2:3: must be ports of node01, PORT or HOST-PORT:PORT");
	refused("MEMORY", "0", "MEMORY=0: must be a size such as 4096M or 4G");
	refused("WITH", "a/b", "WITH=a/b: must be names of add-ons");
}

/* A value that provider and image agree on has the provider's file as its origin; otherwise the image's value counts. */
static void test_provider(void)
{
	struct provider_value values[] = { { (char[]){ "node" }, (char[]){ "memory" }, (char[]){ "1G" }, "p.ini", 4 },
		{ (char[]){ "node" }, (char[]){ "cpus" }, (char[]){ "2" }, "p.ini", 5 } };
	const struct provider p = { .schema = &schema_provider, .values = values, .nvalues = 2 };
	AUTO_CONF struct conf image = { 0 }, both = { 0 }, checkout = { 0 };
	struct err e = { 0 };

	put(&image, "node_memory", "1G", NULL);
	put(&image, "node_cpus", "3", NULL);
	put(&image, "node_disk", "9G", NULL);
	put(&image, "kubernetes_version", "1.2", NULL);
	ok(settings_from_provider(&both, &image, &p, &e) == 0, "both");
	same(origin(&both, "MEMORY"), "p.ini:4", "the same in both");
	same(value(&both, "CPUS"), "3", "another in the image");
	same(origin(&both, "CPUS"), "image", "is the image's");
	same(value(&both, "DISK"), "9G", "only in the image");
	same(value(&both, "kubernetes_version"), "1.2", "the version");
	ok(settings_from_provider(&checkout, NULL, &p, &e) == 0, "no image");
	same(value(&checkout, "CPUS"), "2", "the checkout's");
	same(value(&checkout, "DISK"), "none", "which has none");
}

int main(void)
{
	test_order();
	test_errors();
	test_provider();
	return tap_end();
}
