/* Ports of a cluster: planned from settings, and read from what engines and earlier versions write. */
#include "provider/ports.h"

#include "tap.h"

static void put(struct conf *c, const char *name, const char *value)
{
	struct err e = { 0 };

	if (conf_set(c, name, value, NULL, &e) < 0)
		abort();
}

static void is(const struct port *got, struct port want, const char *name)
{
	ok(got != NULL && got->port == want.port && got->host == want.host && got->node == want.node &&
		got->target == want.target,
	    "%s", name);
}

static void test_plan(void)
{
	AUTO_CONF struct conf c = { 0 };
	AUTO_PORTS struct ports p = { 0 }, none = { 0 }, last = { 0 };
	struct err e = { 0 };

	ok(ports_plan(&none, &c, &e) == 0 && none.n == 2, "no settings: one node and the registry");
	put(&c, "NODES", "99");
	put(&c, "SSH_PORT", "3001");
	put(&c, "kubernetes_version", "1.20.2");
	put(&c, "PUBLISH", "80 8443:443 x 1:y 70000");
	ok(ports_plan(&p, &c, &e) == 0 && p.n == 99 + 1 + 1 + 2,
	    "99 nodes, the registry, the API, two published ports");
	is(&p.v[98], (struct port){ 2299, 3099, 99, 22 }, "SSH of node99");
	is(ports_find(&p, 5000), (struct port){ 5000, 0, 0, 0 }, "the registry");
	is(ports_find(&p, 6443), (struct port){ 6443, 0, 1, 6443 }, "the API");
	is(ports_find(&p, 80), (struct port){ 80, 0, 1, 80 }, "a published port at any host port");
	is(ports_find(&p, 443), (struct port){ 443, 8443, 1, 443 }, "a published port at the given host port");
	ok(ports_find(&p, 81) == NULL, "a port that is not published");
	put(&c, "NODES", "100");
	put(&c, "SSH_PORT", "0");
	ok(ports_plan(&last, &c, &e) == 0, "invalid values");
	is(&last.v[0], (struct port){ 2201, 0, 1, 22 }, "count as empty");
}

static void test_check(void)
{
	static const struct {
		struct port v[3];
		const char *what;
	} wrong[] = {
		{ { { 80, 0, 1, 80 }, { 81, 0, 1, 81 }, { 80, 0, 1, 80 } }, "one port twice" },
		{ { { 80, 9, 1, 80 }, { 81, 8, 1, 81 }, { 82, 9, 1, 82 } }, "two at one port of this machine" },
		{ { { 2201, 65535, 1, 22 }, { 2202, 65536, 2, 22 }, { 5000, 0, 0, 0 } }, "a port that is too high" },
	};
	struct port right[] = { { 2201, 65535, 1, 22 }, { 5000, 0, 0, 0 }, { 80, 0, 1, 80 } };
	struct err e = { 0 };
	size_t i;

	ok(ports_check(&(struct ports){ right, 3 }, &e) == 0, "different ports, two of them anywhere");
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct port v[3];

		memcpy(v, wrong[i].v, sizeof v);
		ok(ports_check(&(struct ports){ v, 3 }, &e) < 0, "%s: %s", wrong[i].what, e.msg);
	}
}

static void test_read(void)
{
	char text[] = "5000/tcp -> 0.0.0.0:40000\n5000/tcp -> [::]:40000\n80/udp -> 127.0.0.1:9\nx/tcp -> y:1\n"
		      "/tcp -> 1:1\n443/tcp -> 127.0.0.1:0\n22/tcp -> 127.0.0.1:22\ngarbage";
	AUTO_PORTS struct ports p = { 0 };
	struct err e = { 0 };
	FILE *f = fmemopen(text, strlen(text), "r");

	ok(f != NULL && ports_read(&p, f, &e) == 0 && p.n == 3, "three ports");
	ports_sort(&p);
	ok(p.n == 2, "two after duplicates are removed");
	is(&p.v[0], (struct port){ 22, 22, 0, 0 }, "the first");
	is(&p.v[1], (struct port){ 5000, 40000, 0, 0 }, "the second");
	(void)fclose(f);
}

static void test_load(void)
{
	static const char text[] = "port_2201=1\n5000 2\n# c\nport_x=1\nport_1=x\n\n99999=1\nlast";
	char path[] = "/tmp/ports.XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	AUTO_PORTS struct ports p = { 0 };
	struct err e = { 0 };

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	ok(ports_load(&p, path, &e) == 0 && p.n == 2, "two ports");
	is(ports_find(&p, 2201), (struct port){ 2201, 1, 0, 0 }, "the current form");
	is(ports_find(&p, 5000), (struct port){ 5000, 2, 0, 0 }, "an earlier form");
	(void)remove(path);
	ok(ports_load(&p, path, &e) < 0, "no file: %s", e.msg);
}

static void test_names(void)
{
	char text[32];

	same(ports_name(text, 5000), "registry", "the registry");
	same(ports_name(text, 6443), "k8s", "the API");
	same(ports_name(text, 2209), "ssh-node09", "SSH");
	same(ports_name(text, 2299), "ssh-node99", "SSH of the last node");
	same(ports_name(text, 2300), "node01:2300", "a port beyond those of the nodes");
}

int main(void)
{
	test_plan();
	test_check();
	test_read();
	test_load();
	test_names();
	return tap_end();
}
