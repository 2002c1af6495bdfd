#include "provider/inventory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/cleanup.h"
#include "base/mac.h"
#include "provider/ini.h"

struct reading {
	struct inventory *inv;
	struct inv_host *host; /* of the current section; NULL: [network] */
};

static int bad(const struct iniline *l, struct err *e, const char *what)
{
	return err_set(e, "%s:%d: key '%s': '%.80s' %s", l->file, l->line, l->key, l->value, what);
}

/* Is S a label of a host name (RFC 1123, 2.1), or with DOTS one or more of them? */
static bool is_name(const char *s, bool dots)
{
	size_t label = 0;
	char before = '.';

	for (; *s != '\0'; before = *s++) {
		if (*s == '.') {
			if (!dots || label == 0 || before == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)*s) && (*s != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0 && before != '-';
}

/* Is S a label that can be a host's name: not every machine's own (RFC 6761, 6.3), and not what dnsmasq takes for the time
 * of a lease or a record? */
static bool is_label(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (!is_name(s, false) || strcasecmp(s, "localhost") == 0 || s[digits] == '\0' || strcmp(s, "infinite") == 0 || strcmp(s, "ignore") == 0)
		return false;
	return digits == 0 || s[digits + 1] != '\0' || strchr("sSmMhHdDwW", s[digits]) == NULL;
}

/* Parses ADDRESS/LENGTH of FAMILY, with a length from MIN to MAX. Returns 0 or -1. */
static int parse_prefix(struct cidr *c, const char *s, int family, unsigned min, unsigned max)
{
	if (cidr_parse(c, s, strlen(s)) < 0 || c->family != family)
		return -1;
	return c->length >= min && c->length <= max ? 0 : -1;
}

static int copy(char *to, size_t size, const struct iniline *l, struct err *e)
{
	if (strlen(l->value) >= size)
		return bad(l, e, "is too long");
	(void)strcpy(to, l->value);
	return 0;
}

static int take_network(struct inventory *inv, const struct iniline *l, struct err *e)
{
	struct cidr c;
	const char *s;

	if (strcmp(l->key, "bridge") == 0) {
		for (s = l->value; isalnum((unsigned char)*s) || *s == '-' || *s == '_' || *s == '.'; s++)
			continue;
		/* Linux, net/core/dev.c: dev_valid_name. */
		if (*s != '\0' || s == l->value || (size_t)(s - l->value) >= IF_NAMESIZE || strcmp(l->value, ".") == 0 ||
		    strcmp(l->value, "..") == 0)
			return bad(l, e, "is not an interface name");
		if (strcmp(l->value, "lo") == 0)
			return bad(l, e, "is the loopback interface");
		return copy(inv->bridge, sizeof inv->bridge, l, e);
	}
	if (strcmp(l->key, "address") == 0) {
		if (parse_prefix(&c, l->value, AF_INET, 1, 30) < 0)
			return bad(l, e, "is not ADDRESS/BITS");
		inv->v4 = c.address.v4;
		inv->prefix4 = c.length;
		return cidr_is_edge(inv->v4, inv->prefix4) ? bad(l, e, "is not a host address in its network") : 0;
	}
	if (strcmp(l->key, "address6") == 0) {
		/* dnsmasq only advertises IPv6 networks of 64 bits. */
		if (parse_prefix(&c, l->value, AF_INET6, 64, 64) < 0)
			return bad(l, e, "is not an IPv6 ADDRESS/64");
		inv->v6 = c.address.v6;
		inv->prefix6 = c.length;
		return 0;
	}
	if (strcmp(l->key, "domain") == 0)
		return is_name(l->value, true) ? copy(inv->domain, sizeof inv->domain, l, e)
					       : bad(l, e, "is not a domain name");
	if (strcmp(l->key, "leasefile") == 0) {
		/* Quotes, blanks and # have a meaning for dnsmasq. */
		for (s = l->value; isalnum((unsigned char)*s) || (*s != '\0' && strchr("/._+@-", *s) != NULL); s++)
			continue;
		if (*s != '\0' || l->value[0] != '/')
			return bad(l, e, "is not an absolute path of letters, digits and /._+@-");
		return copy(inv->leasefile, sizeof inv->leasefile, l, e);
	}
	if (strcmp(l->key, "upstream") == 0) {
		inv->upstream = strcmp(l->value, "yes") == 0;
		return inv->upstream || strcmp(l->value, "no") == 0 ? 0 : bad(l, e, "is neither yes nor no");
	}
	return err_set(e, "%s:%d: key '%s': unknown in [network]", l->file, l->line, l->key);
}

static int take_host(struct inv_host *h, const struct iniline *l, struct err *e)
{
	struct err ignored;

	if (h->node && strcmp(l->key, "mac") == 0)
		return mac_parse(h->mac, l->value, &ignored) == 0 ? 0 : bad(l, e, "is not a unicast MAC address");
	if (strcmp(l->key, "address") == 0) {
		h->has_v4 = true;
		return inet_pton(AF_INET, l->value, &h->v4) == 1 ? 0 : bad(l, e, "is not an IPv4 address");
	}
	if (strcmp(l->key, "address6") == 0) {
		h->has_v6 = true;
		return inet_pton(AF_INET6, l->value, &h->v6) == 1 ? 0 : bad(l, e, "is not an IPv6 address");
	}
	return err_set(e, "%s:%d: key '%s': unknown in [%s]", l->file, l->line, l->key, l->section);
}

/* The text may be shown in an error, and goes into dnsmasq's configuration. */
static int check_plain(const struct iniline *l, const char *s, struct err *e)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return err_set(e, "%s:%d: characters other than printable ASCII", l->file, l->line);
	return 0;
}

/* [network], or a new [node NAME] or [host NAME]. */
static int begin(const struct iniline *l, void *arg, struct err *e)
{
	struct reading *r = arg;
	const char *name = l->section + 5;
	struct inv_host *more;
	size_t i;

	r->host = NULL;
	if (check_plain(l, l->section, e) < 0)
		return -1;
	if (strcmp(l->section, "network") == 0)
		return 0;
	if (strncmp(l->section, "node ", 5) != 0 && strncmp(l->section, "host ", 5) != 0)
		return inifile_err(l, e, "unknown section; expected network, node NAME or host NAME");
	if (!is_label(name))
		return inifile_err(l, e, "'%s' is not a host name", name);
	for (i = 0; i < r->inv->n; i++)
		if (strcasecmp(r->inv->hosts[i].name, name) == 0)
			return inifile_err(l, e, "the name is already used in line %d", r->inv->hosts[i].line);
	more = reallocarray(r->inv->hosts, r->inv->n + 1, sizeof *more);
	if (more == NULL)
		return err_no_memory(e);
	r->inv->hosts = more;
	r->host = &more[r->inv->n++];
	*r->host = (struct inv_host){ .node = l->section[0] == 'n', .line = l->line };
	(void)snprintf(r->host->name, sizeof r->host->name, "%s", name);
	return 0;
}

static int take(const struct iniline *l, void *arg, struct err *e)
{
	struct reading *r = arg;

	if (check_plain(l, l->key, e) < 0 || check_plain(l, l->value, e) < 0)
		return -1;
	if (l->continuation)
		return err_set(e, "%s:%d: key '%s': cannot be continued on an indented line", l->file, l->line, l->key);
	if (l->section[0] == '\0')
		return err_set(e, "%s:%d: key '%s': is before the first section", l->file, l->line, l->key);
	return r->host == NULL ? take_network(r->inv, l, e) : take_host(r->host, l, e);
}

/* Is node H complete, and are its addresses in the network and not the bridge's? */
static int check_node(const struct inventory *inv, const struct inv_host *h, const char *file, struct err *e)
{
	if (h->mac[0] == '\0')
		return err_set(e, "%s:%d: [node %s] has no mac", file, h->line, h->name);
	if (h->has_v4 && (!cidr_same_prefix(&h->v4, &inv->v4, inv->prefix4) || cidr_is_edge(h->v4, inv->prefix4)))
		return err_set(e, "%s:%d: [node %s]: key 'address': not in the network", file, h->line, h->name);
	if (h->has_v6 && (inv->prefix6 == 0 || !cidr_same_prefix(&h->v6, &inv->v6, inv->prefix6)))
		return err_set(e, "%s:%d: [node %s]: key 'address6': not in the network", file, h->line, h->name);
	if ((h->has_v4 && h->v4.s_addr == inv->v4.s_addr) || (h->has_v6 && memcmp(&h->v6, &inv->v6, sizeof h->v6) == 0))
		return err_set(
		    e, "%s:%d: [node %s]: its address is already used by the bridge", file, h->line, h->name);
	return 0;
}

static int check_host(const struct inventory *inv, const struct inv_host *h, const char *file, struct err *e)
{
	const char *what = h->node ? "node" : "host";
	const struct inv_host *o;

	if (!h->has_v4 && !h->has_v6)
		return err_set(e, "%s:%d: [%s %s] has no address", file, h->line, what, h->name);
	if (!h->node)
		return 0;
	if (check_node(inv, h, file, e) < 0)
		return -1;
	for (o = inv->hosts; o < h; o++) {
		if (!o->node)
			continue;
		if (strcmp(o->mac, h->mac) == 0)
			return err_set(e, "%s:%d: [node %s]: its MAC address is already used by %s", file, h->line,
			    h->name, o->name);
		if ((h->has_v4 && o->has_v4 && h->v4.s_addr == o->v4.s_addr) ||
		    (h->has_v6 && o->has_v6 && memcmp(&h->v6, &o->v6, sizeof h->v6) == 0))
			return err_set(
			    e, "%s:%d: [node %s]: its address is already used by %s", file, h->line, h->name, o->name);
	}
	return 0;
}

static int check(const struct inventory *inv, const char *file, struct err *e)
{
	size_t i;

	if (inv->bridge[0] == '\0' || inv->prefix4 == 0)
		return err_set(e, "%s: [network] needs bridge and address", file);
	for (i = 0; i < inv->n; i++)
		if (check_host(inv, &inv->hosts[i], file, e) < 0)
			return -1;
	return 0;
}

static int read_from(struct inventory *inv, FILE *f, const char *name, struct err *e)
{
	struct reading r = { .inv = inv };
	struct inifile in = { .f = f, .name = name, .with = take, .section = begin, .arg = &r };

	return inifile_parse(&in, e) < 0 || check(inv, name, e) < 0 ? -1 : 0;
}

int inventory_read(struct inventory *inv, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");

	return f == NULL ? err_sys(e, "%s", path) : read_from(inv, f, path, e);
}

int inventory_parse(struct inventory *inv, const void *data, size_t n, struct err *e)
{
	AUTO_FCLOSE FILE *f = fmemopen((void *)(uintptr_t)data, n, "r");

	return f == NULL ? err_sys(e, "inventory") : read_from(inv, f, "inventory", e);
}

void inventory_free(struct inventory *inv)
{
	free(inv->hosts);
	*inv = (struct inventory){ .n = 0 };
}
