/* Inventories: accepted names and addresses mean the same to dnsmasq. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "provider/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A label of RFC 1123, implemented in the simplest way. */
static int is_label(const char *s)
{
	size_t i, n = strlen(s);

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return 0;
	return n > 0 && n < 64 && s[0] != '-' && s[n - 1] != '-';
}

static int is_domain(const char *s)
{
	char *text = strdup(s), *rest = text, *label;
	int good = 1;

	while (rest != NULL && (label = strsep(&rest, ".")) != NULL)
		good = good && is_label(label);
	free(text);
	return good;
}

/* Are the first BITS bits of A and B equal? Compared one by one. */
static int same_net(const void *a, const void *b, unsigned bits)
{
	const unsigned char *x = a, *y = b;
	unsigned i;

	for (i = 0; i < bits; i++)
		if (((x[i / 8] ^ y[i / 8]) & (0x80U >> i % 8)) != 0)
			return 0;
	return 1;
}

static void check_node(const struct inventory *inv, const struct inv_host *h)
{
	const struct inv_host *o;

	if (strlen(h->mac) != 17 || strspn(h->mac, "0123456789abcdef:") != 17)
		abort();
	if (h->has_v4 && (!same_net(&h->v4, &inv->v4, inv->prefix4) || h->v4.s_addr == inv->v4.s_addr))
		abort();
	if (h->has_v6 && (inv->prefix6 == 0 || !same_net(&h->v6, &inv->v6, inv->prefix6)))
		abort();
	for (o = inv->hosts; o < h; o++)
		if (o->node &&
		    (strcmp(o->mac, h->mac) == 0 || (o->has_v4 && h->has_v4 && o->v4.s_addr == h->v4.s_addr) ||
			(o->has_v6 && h->has_v6 && memcmp(&o->v6, &h->v6, sizeof h->v6) == 0)))
			abort();
}

static void check(const struct inventory *inv)
{
	size_t i, j;

	if (inv->bridge[0] == '\0' || strpbrk(inv->bridge, ", \t\r\n\"\\#/*:") != NULL)
		abort();
	if (inv->prefix4 < 1 || inv->prefix4 > 30 || (inv->prefix6 != 0 && inv->prefix6 != 64))
		abort();
	if (inv->domain[0] != '\0' && !is_domain(inv->domain))
		abort();
	if (inv->leasefile[0] != '\0' && (inv->leasefile[0] != '/' || strpbrk(inv->leasefile, ", \t\r\n\"\\#") != NULL))
		abort();
	for (i = 0; i < inv->n; i++) {
		/* Digits alone would be a time. */
		if (!is_label(inv->hosts[i].name) ||
		    strspn(inv->hosts[i].name, "0123456789") == strlen(inv->hosts[i].name))
			abort();
		if (!inv->hosts[i].has_v4 && !inv->hosts[i].has_v6)
			abort();
		if (inv->hosts[i].node)
			check_node(inv, &inv->hosts[i]);
		else if (inv->hosts[i].mac[0] != '\0')
			abort();
		for (j = 0; j < i; j++)
			if (strcasecmp(inv->hosts[i].name, inv->hosts[j].name) == 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct inventory inv = { 0 };
	struct err e = { 0 };
	const char *s;

	if (inventory_parse(&inv, data, n, &e) == 0) {
		check(&inv);
	} else if (strncmp(e.msg, "inventory:", 10) != 0) {
		abort();
	}
	/* An error is one line of printable ASCII. */
	for (s = e.msg; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			abort();
	inventory_free(&inv);
	return 0;
}
