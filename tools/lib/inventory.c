#include "inventory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "inifile.h"
#include "num.h"

struct reading {
	struct inventory *inv;
	struct inv_host *host; /* of the current section; NULL: [network] */
	char section[64];
};

static int bad(const struct iniline *l, struct err *e, const char *what)
{
	return err_set(e, "%s:%d: key '%s': '%.80s' %s", l->file, l->line, l->key, l->value, what);
}

/* A host name's label, RFC 1123 section 2.1; DOTS allows several. */
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

/* Six pairs of hexadecimal digits; a group address is no machine's. */
static bool is_mac(const char *s)
{
	unsigned i, digit;

	if (strlen(s) != 17)
		return false;
	for (i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
	digit = (unsigned)(isdigit((unsigned char)s[1]) ? s[1] - '0' : tolower((unsigned char)s[1]) - 'a' + 10);
	return (digit & 1U) == 0;
}

/* ADDRESS/BITS of family AF into TO. */
static int parse_prefix(const char *s, int af, void *to, unsigned *bits)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	int64_t n;

	if (slash == NULL || (size_t)(slash - s) >= sizeof text ||
	    num_parse(slash + 1, 1, af == AF_INET ? 30 : 126, &n) < 0)
		return -1;
	(void)memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	*bits = (unsigned)n;
	return inet_pton(af, text, to) == 1 ? 0 : -1;
}

static bool same_prefix(const void *a, const void *b, unsigned bits)
{
	const unsigned char *x = a, *y = b;
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
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
	const char *s;

	if (strcmp(l->key, "bridge") == 0) {
		for (s = l->value; isalnum((unsigned char)*s) || *s == '-' || *s == '_' || *s == '.'; s++)
			continue;
		if (*s != '\0' || s == l->value || (size_t)(s - l->value) >= IF_NAMESIZE)
			return bad(l, e, "is no interface's name");
		return copy(inv->bridge, sizeof inv->bridge, l, e);
	}
	if (strcmp(l->key, "address") == 0)
		return parse_prefix(l->value, AF_INET, &inv->v4, &inv->prefix4) < 0 ? bad(l, e, "is not ADDRESS/BITS")
										    : 0;
	if (strcmp(l->key, "address6") == 0)
		return parse_prefix(l->value, AF_INET6, &inv->v6, &inv->prefix6) < 0
			   ? bad(l, e, "is not an IPv6 ADDRESS/BITS")
			   : 0;
	if (strcmp(l->key, "domain") == 0)
		return is_name(l->value, true) ? copy(inv->domain, sizeof inv->domain, l, e)
					       : bad(l, e, "is no domain's name");
	if (strcmp(l->key, "leasefile") == 0)
		return l->value[0] == '/' ? copy(inv->leasefile, sizeof inv->leasefile, l, e)
					  : bad(l, e, "is not an absolute path");
	if (strcmp(l->key, "upstream") == 0) {
		inv->upstream = strcmp(l->value, "yes") == 0;
		return inv->upstream || strcmp(l->value, "no") == 0 ? 0 : bad(l, e, "is neither yes nor no");
	}
	return err_set(e, "%s:%d: key '%s': unknown in [network]", l->file, l->line, l->key);
}

static int take_host(struct inv_host *h, bool node, const struct iniline *l, struct err *e)
{
	size_t i;

	if (node && strcmp(l->key, "mac") == 0) {
		if (!is_mac(l->value))
			return bad(l, e, "is no machine's MAC address");
		for (i = 0; i < sizeof h->mac; i++)
			h->mac[i] = (char)tolower((unsigned char)l->value[i]);
		return 0;
	}
	if (strcmp(l->key, "address") == 0) {
		h->has_v4 = true;
		return inet_pton(AF_INET, l->value, &h->v4) == 1 ? 0 : bad(l, e, "is no IPv4 address");
	}
	if (strcmp(l->key, "address6") == 0) {
		h->has_v6 = true;
		return inet_pton(AF_INET6, l->value, &h->v6) == 1 ? 0 : bad(l, e, "is no IPv6 address");
	}
	return err_set(e, "%s:%d: key '%s': unknown in [%s]", l->file, l->line, l->key, l->section);
}

/* A new [node NAME] or [host NAME]. */
static int begin_host(struct reading *r, const struct iniline *l, struct err *e)
{
	const char *name = l->section + 5;
	struct inv_host *more;
	size_t i;

	if (strncmp(l->section, "node ", 5) != 0 && strncmp(l->section, "host ", 5) != 0)
		return err_set(e, "%s:%d: section [%s]: unknown; there are network, node NAME, host NAME", l->file,
		    l->line, l->section);
	if (!is_name(name, false))
		return err_set(e, "%s:%d: section [%s]: '%s' is no host's name", l->file, l->line, l->section, name);
	for (i = 0; i < r->inv->n; i++)
		if (strcasecmp(r->inv->hosts[i].name, name) == 0)
			return err_set(e, "%s:%d: section [%s]: the name is in line %d already", l->file, l->line,
			    l->section, r->inv->hosts[i].line);
	more = reallocarray(r->inv->hosts, r->inv->n + 1, sizeof *more);
	if (more == NULL)
		return err_set(e, "%s: out of memory", l->file);
	r->inv->hosts = more;
	r->host = &more[r->inv->n++];
	*r->host = (struct inv_host){ .line = l->line };
	(void)snprintf(r->host->name, sizeof r->host->name, "%s", name);
	return 0;
}

static int take(const struct iniline *l, void *arg, struct err *e)
{
	struct reading *r = arg;

	if (l->continuation)
		return err_set(e, "%s:%d: key '%s': goes on in an indented line", l->file, l->line, l->key);
	if (strcmp(l->section, r->section) != 0) {
		(void)snprintf(r->section, sizeof r->section, "%s", l->section);
		r->host = NULL;
		if (strcmp(l->section, "network") != 0 && begin_host(r, l, e) < 0)
			return -1;
	}
	if (r->host == NULL)
		return take_network(r->inv, l, e);
	return take_host(r->host, strncmp(l->section, "node ", 5) == 0, l, e);
}

static int check_host(const struct inventory *inv, const struct inv_host *h, const char *file, struct err *e)
{
	const struct inv_host *o;

	if (!h->has_v4 && !h->has_v6)
		return err_set(e, "%s:%d: [%s] has no address", file, h->line, h->name);
	if (h->has_v4 && h->mac[0] != '\0' && !same_prefix(&h->v4, &inv->v4, inv->prefix4))
		return err_set(e, "%s:%d: [%s]: key 'address': not in the network", file, h->line, h->name);
	if (h->has_v6 && h->mac[0] != '\0' && (inv->prefix6 == 0 || !same_prefix(&h->v6, &inv->v6, inv->prefix6)))
		return err_set(e, "%s:%d: [%s]: key 'address6': not in the network", file, h->line, h->name);
	for (o = inv->hosts; o < h; o++) {
		if (h->mac[0] != '\0' && strcmp(o->mac, h->mac) == 0)
			return err_set(e, "%s:%d: [%s]: key 'mac': is %s's already", file, h->line, h->name, o->name);
		if (h->mac[0] == '\0' || o->mac[0] == '\0')
			continue;
		if ((h->has_v4 && o->has_v4 && h->v4.s_addr == o->v4.s_addr) ||
		    (h->has_v6 && o->has_v6 && memcmp(&h->v6, &o->v6, sizeof h->v6) == 0))
			return err_set(e, "%s:%d: [%s]: its address is %s's already", file, h->line, h->name, o->name);
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

int inventory_read(struct inventory *inv, const char *path, struct err *e)
{
	struct reading r = { .inv = inv };

	return inifile_read(path, take, &r, e) < 0 || check(inv, path, e) < 0 ? -1 : 0;
}

int inventory_parse(struct inventory *inv, const void *data, size_t n, struct err *e)
{
	struct reading r = { .inv = inv };
	struct inifile in = { .name = "inventory", .with = take, .arg = &r };
	AUTO_FCLOSE FILE *f = fmemopen((void *)(uintptr_t)data, n, "r");

	if (f == NULL)
		return err_sys(e, "inventory");
	in.f = f;
	return inifile_parse(&in, e) < 0 || check(inv, "inventory", e) < 0 ? -1 : 0;
}

void inventory_free(struct inventory *inv)
{
	free(inv->hosts);
	*inv = (struct inventory){ .n = 0 };
}
