#include "provider/network.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/cidr.h"

/* Addresses that no host of a network has (RFC 6890; RFC 4291, 2.4). */
static const struct {
	const char *network, *what;
} special[] = {
	{ "0.0.0.0/8", "not the address of a host" },
	{ "127.0.0.0/8", "a loopback address" },
	{ "169.254.0.0/16", "a link-local address" },
	{ "224.0.0.0/4", "a multicast address" },
	{ "240.0.0.0/4", "not the address of a host" },
	{ "::/127", "not the address of a host" },
	{ "fe80::/10", "a link-local address" },
	{ "ff00::/8", "a multicast address" },
};

static struct cidr parse(const char *text, size_t n)
{
	struct cidr c = { 0 };

	/* The caller has checked it. */
	(void)cidr_parse(&c, text, n);
	return c;
}

/* TEXT, an address, as a network of one. */
static struct cidr host(const char *text)
{
	struct cidr c = { .family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET };

	c.length = c.family == AF_INET ? 32 : 128;
	(void)inet_pton(c.family, text, &c.address);
	return c;
}

static bool overlap(const struct cidr *a, const struct cidr *b)
{
	return a->family == b->family &&
	       cidr_same_prefix(&a->address, &b->address, a->length < b->length ? a->length : b->length);
}

/* Is the host A, an address of NETWORK, the network itself, or IPv4's broadcast? */
static bool is_edge(const struct cidr *a, const struct cidr *network)
{
	return a->family == AF_INET && network->length > 0 && network->length < 31 &&
	       cidr_is_edge(a->address.v4, network->length);
}

/* Can A be the address of a host in NETWORK? */
static int check_host(const struct cidr *a, const struct cidr *network, const char *value, struct err *e)
{
	struct cidr kind;
	size_t i;

	for (i = 0; i < sizeof special / sizeof *special; i++) {
		kind = parse(special[i].network, strlen(special[i].network));
		if (overlap(a, &kind))
			return err_set(e, "%s is %s", value, special[i].what);
	}
	if (!overlap(a, network))
		return err_set(e, "%s is not in the nodes' network", value);
	return is_edge(a, network) ? err_set(e, "%s is the address of its network, not of a host", value) : 0;
}

/* ADDRESS/LENGTH of the bridge, of FAMILY, and at most LENGTH bits. */
static int check_bridge(struct cidr *c, const char *value, int family, unsigned length, struct err *e)
{
	struct cidr address;

	*c = parse(value, strlen(value));
	if (c->family != family || c->length > length)
		return err_set(e, "%s is not an IPv%c address with a length of at most %u", value,
		    family == AF_INET ? '4' : '6', length);
	address = *c;
	address.length = family == AF_INET ? 32 : 128;
	return check_host(&address, c, value, e);
}

/* Is one of the networks in A, with commas between them, in conflict with one of those in B? NAME: what B is. */
static int check_apart(const char *a, const char *b, const char *name, struct err *e)
{
	const char *second;
	struct cidr x, y;
	size_t n, m;

	for (; a != NULL && *a != '\0'; a += n + (a[n] == ',')) {
		n = strcspn(a, ",");
		x = parse(a, n);
		for (second = b; second != NULL && *second != '\0'; second += m + (second[m] == ',')) {
			m = strcspn(second, ",");
			y = parse(second, m);
			if (overlap(&x, &y))
				return err_set(e, "%.*s overlaps %s, %.*s", (int)n, a, name, (int)m, second);
		}
	}
	return 0;
}

/* Is the address VALUE in the first of NETWORKS, where kubeadm looks for it, and neither the network's own nor the one after
 * it, which is that of the API's Service (Kubernetes, "kubernetes.default")? */
static int check_dns(const char *value, const char *networks, struct err *e)
{
	struct cidr a = host(value), network = parse(networks, strcspn(networks, ","));
	unsigned char *bytes = (unsigned char *)&a.address;
	unsigned last = a.length / 8 - 1;
	bool edge = is_edge(&a, &network);
	size_t i;

	if (!overlap(&a, &network))
		return err_set(e, "%s is not in the first network of service_cidr", value);
	/* Are all bits of the host 0, but perhaps the last one? */
	bytes[last] &= 0xfe;
	for (i = 0; i <= last; i++)
		if (i * 8 + 8 > network.length &&
		    (bytes[i] & (i * 8 < network.length ? 0xff >> (network.length % 8) : 0xff)) != 0)
			break;
	if (i > last || edge)
		return err_set(e, "%s cannot be used: it is the network's or the API's", value);
	return 0;
}

static bool is_set(const char *value)
{
	return value != NULL && *value != '\0';
}

/* The bridge and the nodes. */
static int check_nodes(const struct network *n, const char **key, struct err *e)
{
	char node01[INET_ADDRSTRLEN] = "";
	struct cidr v4, v6, first;

	*key = "address";
	if (is_set(n->address) && check_bridge(&v4, n->address, AF_INET, 30, e) < 0)
		return -1;
	*key = "address6";
	if (is_set(n->address6) && check_bridge(&v6, n->address6, AF_INET6, 64, e) < 0)
		return -1;
	*key = "first_node";
	if (!is_set(n->first_node) || !is_set(n->address))
		return 0;
	first = host(n->first_node);
	if (first.family != AF_INET)
		return err_set(e, "%s is not an IPv4 address", n->first_node);
	first.address.v4.s_addr = htonl(ntohl(first.address.v4.s_addr) + 1);
	(void)inet_ntop(AF_INET, &first.address, node01, sizeof node01);
	if (check_host(&first, &v4, node01, e) < 0)
		return err_prefix(e, "node01");
	return first.address.v4.s_addr == v4.address.v4.s_addr
		   ? err_set(e, "node01: %s is the bridge's address", node01)
		   : 0;
}

int network_check(const struct network *n, const char **key, struct err *e)
{
	if (check_nodes(n, key, e) < 0)
		return -1;
	*key = "pod_cidr";
	if (check_apart(n->pod_cidr, n->address, "the nodes' network", e) < 0 ||
	    check_apart(n->pod_cidr, n->address6, "the nodes' network", e) < 0)
		return -1;
	*key = "service_cidr";
	if (check_apart(n->service_cidr, n->pod_cidr, "pod_cidr", e) < 0 ||
	    check_apart(n->service_cidr, n->address, "the nodes' network", e) < 0 ||
	    check_apart(n->service_cidr, n->address6, "the nodes' network", e) < 0)
		return -1;
	*key = "dns_address";
	return is_set(n->dns_address) && is_set(n->service_cidr) ? check_dns(n->dns_address, n->service_cidr, e) : 0;
}
