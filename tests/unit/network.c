/* Which networks and addresses of provider.ini can be together. */
#include "provider/network.h"

#include "tap.h"

static const struct network good = { "192.168.66.2/24", "fd00::1/64", "192.168.66.100", "10.244.0.0/16", "10.96.0.0/12",
	"10.96.0.10" };

static void takes(struct network n, const char *name)
{
	const char *key;
	struct err e = { 0 };

	ok(network_check(&n, &key, &e) == 0, "%s%s%s", name, *e.msg != '\0' ? ": " : "", e.msg);
}

static void refuses(struct network n, const char *key, const char *message)
{
	const char *got = "";
	struct err e = { 0 };

	ok(network_check(&n, &got, &e) < 0, "%s is refused", key);
	same(got, key, "its key");
	same(e.msg, message, "the reason");
}

static struct network with(const char *address, const char *first_node)
{
	struct network n = good;

	n.address = address;
	n.first_node = first_node;
	return n;
}

static struct network services(const char *pods, const char *services, const char *dns)
{
	struct network n = good;

	n.pod_cidr = pods;
	n.service_cidr = services;
	n.dns_address = dns;
	return n;
}

static void test_nodes(void)
{
	struct network n = good;

	takes(with("10.0.0.1/30", "10.0.0.1"), "a small network");
	takes(with("192.168.66.2/24", "192.168.66.0"), "node01 is the first host");
	takes(with("172.17.255.255/12", "172.18.0.0"), "hosts of a large network");
	refuses(
	    with("192.168.66.0/24", NULL), "address", "192.168.66.0/24 is the address of its network, not of a host");
	refuses(with("192.168.66.255/24", NULL), "address",
	    "192.168.66.255/24 is the address of its network, not of a host");
	refuses(with("192.168.66.1/31", NULL), "address",
	    "192.168.66.1/31 is not an IPv4 address with a length of at most 30");
	refuses(with("fd00::1/64", NULL), "address", "fd00::1/64 is not an IPv4 address with a length of at most 30");
	refuses(with("224.0.0.5/24", NULL), "address", "224.0.0.5/24 is a multicast address");
	refuses(with("127.0.0.5/24", NULL), "address", "127.0.0.5/24 is a loopback address");
	refuses(with("169.254.3.5/24", NULL), "address", "169.254.3.5/24 is a link-local address");
	refuses(with("0.1.2.3/24", NULL), "address", "0.1.2.3/24 is not the address of a host");
	refuses(with("255.1.2.3/24", NULL), "address", "255.1.2.3/24 is not the address of a host");
	refuses(with(good.address, "192.168.67.1"), "first_node", "node01: 192.168.67.2 is not in the nodes' network");
	refuses(with(good.address, "fd00::5"), "first_node", "fd00::5 is not an IPv4 address");
	refuses(with(good.address, "192.168.66.254"), "first_node",
	    "node01: 192.168.66.255 is the address of its network, not of a host");
	refuses(with(good.address, "192.168.66.1"), "first_node", "node01: 192.168.66.2 is the bridge's address");
	refuses(with("10.0.0.1/30", "10.0.0.2"), "first_node",
	    "node01: 10.0.0.3 is the address of its network, not of a host");
	n.address6 = "fe80::1/64";
	refuses(n, "address6", "fe80::1/64 is a link-local address");
	n.address6 = "ff02::1/64";
	refuses(n, "address6", "ff02::1/64 is a multicast address");
	n.address6 = "::1/64";
	refuses(n, "address6", "::1/64 is not the address of a host");
	n.address6 = "fd00::1/65";
	refuses(n, "address6", "fd00::1/65 is not an IPv6 address with a length of at most 64");
}

static void test_services(void)
{
	const struct network none = { 0 };

	takes(good, "the default");
	takes(none, "nothing is set");
	takes(services("10.244.0.0/16,fd01::/56", "10.96.0.0/12,fd02::/112", "10.96.0.10"), "both families");
	takes(services("fd01::/56", "fd02::/112", "fd02::a"), "IPv6");
	takes(services("10.0.0.0/16", "10.1.0.0/16", "10.1.255.254"), "neighbours");
	refuses(services("10.96.0.0/12", "10.96.0.0/12", "10.96.0.10"), "service_cidr",
	    "10.96.0.0/12 overlaps pod_cidr, 10.96.0.0/12");
	refuses(services("10.100.0.0/16", "10.96.0.0/12", "10.96.0.10"), "service_cidr",
	    "10.96.0.0/12 overlaps pod_cidr, 10.100.0.0/16");
	refuses(services("fd01::/48,10.244.0.0/16", "10.96.0.0/12,fd01::/112", "10.96.0.10"), "service_cidr",
	    "fd01::/112 overlaps pod_cidr, fd01::/48");
	refuses(services("192.168.0.0/16", "10.96.0.0/12", "10.96.0.10"), "pod_cidr",
	    "192.168.0.0/16 overlaps the nodes' network, 192.168.66.2/24");
	refuses(services("fd00::/64", "fd02::/112", "fd02::a"), "pod_cidr",
	    "fd00::/64 overlaps the nodes' network, fd00::1/64");
	refuses(services("10.244.0.0/16", "192.168.66.0/25", "192.168.66.10"), "service_cidr",
	    "192.168.66.0/25 overlaps the nodes' network, 192.168.66.2/24");
	refuses(services("10.244.0.0/16", "0.0.0.0/0", "10.96.0.10"), "service_cidr",
	    "0.0.0.0/0 overlaps pod_cidr, 10.244.0.0/16");
}

static void test_dns(void)
{
	refuses(services("10.244.0.0/16", "10.96.0.0/12", "10.95.0.10"), "dns_address",
	    "10.95.0.10 is not in the first network of service_cidr");
	refuses(services("10.244.0.0/16", "10.96.0.0/12", "fd02::a"), "dns_address",
	    "fd02::a is not in the first network of service_cidr");
	refuses(services("10.244.0.0/16", "10.96.0.0/12", "10.96.0.0"), "dns_address",
	    "10.96.0.0 cannot be used: it is the network's or the API's");
	refuses(services("10.244.0.0/16", "10.96.0.0/12", "10.96.0.1"), "dns_address",
	    "10.96.0.1 cannot be used: it is the network's or the API's");
	refuses(services("fd01::/56", "fd02::/112", "fd02::1"), "dns_address",
	    "fd02::1 cannot be used: it is the network's or the API's");
	refuses(services("fd01::/56", "fd02::/112", "fd02::"), "dns_address",
	    "fd02:: cannot be used: it is the network's or the API's");
	refuses(services("fd01::/56", "fd02::/108", "fd02::1:0:1"), "dns_address",
	    "fd02::1:0:1 is not in the first network of service_cidr");
	refuses(services("10.244.0.0/16", "10.96.0.0/12,fd02::/112", "fd02::a"), "dns_address",
	    "fd02::a is not in the first network of service_cidr");
	refuses(services("10.244.0.0/16", "10.96.0.4/12", "10.96.0.1"), "dns_address",
	    "10.96.0.1 cannot be used: it is the network's or the API's");
	refuses(services("10.244.0.0/16", "10.96.0.0/12", "10.111.255.255"), "dns_address",
	    "10.111.255.255 cannot be used: it is the network's or the API's");
	takes(services("10.244.0.0/16", "10.96.0.4/12", "10.96.0.5"), "bits after the prefix do not count");
	takes(services("10.244.0.0/16", "10.96.0.0/12", "10.97.0.0"), "an address in the middle");
}

int main(void)
{
	test_nodes();
	test_services();
	test_dns();
	return tap_end();
}
