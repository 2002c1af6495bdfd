#include "provider/ports.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/readfile.h"
#include "base/words.h"

enum { NODES_MAX = 99, PORT_MAX = 65535, SSH_FIRST = 2200, REGISTRY = 5000, API = 6443 };

static int add(struct ports *p, struct port port, struct err *e)
{
	struct port *v = reallocarray(p->v, p->n + 1, sizeof *v);

	if (v == NULL)
		return err_no_memory(e);
	p->v = v;
	p->v[p->n++] = port;
	return 0;
}

/* 0: it is no port. */
static unsigned parse(const char *text)
{
	int64_t port = 0;

	return num_parse(text, 1, PORT_MAX, &port) == 0 ? (unsigned)port : 0;
}

static const char *value(const struct conf *settings, const char *name)
{
	const struct conf_line *l = conf_find(settings, name);

	return l != NULL ? l->value : "";
}

static int add_ssh(struct ports *p, const struct conf *settings, struct err *e)
{
	unsigned first = parse(value(settings, "SSH_PORT")), host, n;
	int64_t nodes = 1;

	(void)num_parse(value(settings, "NODES"), 1, NODES_MAX, &nodes);
	for (n = 1; n <= (unsigned)nodes; n++) {
		host = first != 0 ? first + n - 1 : 0;
		if (add(p, (struct port){ SSH_FIRST + n, host, n, 22 }, e) < 0)
			return -1;
	}
	return 0;
}

/* PORT or HOST:PORT of node01. */
static int add_published(struct ports *p, const char *text, struct err *e)
{
	AUTO_WORDS struct words words = { 0 };
	char *colon;
	unsigned port;
	size_t i;

	if (words_split(&words, text) < 0)
		return err_no_memory(e);
	for (i = 0; i < words.n; i++) {
		colon = strchr(words.v[i], ':');
		if (colon != NULL)
			*colon = '\0';
		port = parse(colon != NULL ? colon + 1 : words.v[i]);
		if (port != 0 && add(p, (struct port){ port, colon != NULL ? parse(words.v[i]) : 0, 1, port }, e) < 0)
			return -1;
	}
	return 0;
}

int ports_plan(struct ports *p, const struct conf *settings, struct err *e)
{
	if (add_ssh(p, settings, e) < 0 ||
	    add(p, (struct port){ REGISTRY, parse(value(settings, "REGISTRY_PORT")), 0, 0 }, e) < 0)
		return -1;
	if ((*value(settings, "kubernetes_version") != '\0' || *value(settings, "API_PORT") != '\0') &&
	    add(p, (struct port){ API, parse(value(settings, "API_PORT")), 1, API }, e) < 0)
		return -1;
	return add_published(p, value(settings, "PUBLISH"), e);
}

/* X and Y are two of a plan. Returns 0, or -1 if both need the same port. */
static int apart(const struct port *x, const struct port *y, struct err *e)
{
	char first[32], second[32];

	if (x->port == y->port && x->node == 1 && x->target == x->port)
		return err_set(e, "PUBLISH: port %u of node01 is published already", x->port);
	if (x->port == y->port)
		return err_set(e, "PUBLISH: port %u is used for %s", x->port, ports_name(first, x->port));
	if (x->host != 0 && x->host == y->host)
		return err_set(e, "port %u of this machine is wanted for both %s and %s", x->host,
		    ports_name(first, x->port), ports_name(second, y->port));
	return 0;
}

int ports_check(const struct ports *p, struct err *e)
{
	size_t i, j;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].host > PORT_MAX)
			return err_set(e, "SSH_PORT: node%02u would have port %u, but %d is the highest", p->v[i].node,
			    p->v[i].host, PORT_MAX);
		for (j = 0; j < i; j++)
			if (apart(&p->v[j], &p->v[i], e) < 0)
				return -1;
	}
	return 0;
}

int ports_load(struct ports *p, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char *line, *rest, *host;
	struct port port = { 0 };
	size_t n;

	if (read_file(path, READ_FILE_MAX, &text, &n, e) < 0)
		return -1;
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "port_", 5) == 0)
			line += 5;
		host = strpbrk(line, "= ");
		if (host == NULL)
			continue;
		*host++ = '\0';
		port.port = parse(line);
		port.host = parse(host);
		if (port.port != 0 && port.host != 0 && add(p, port, e) < 0)
			return -1;
	}
	return 0;
}

int ports_read(struct ports *p, FILE *f, struct err *e)
{
	struct port port = { 0 };
	char line[256], *colon;

	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		colon = strrchr(line, ':');
		if (strstr(line, "/tcp -> ") == NULL || colon == NULL)
			continue;
		port.host = parse(colon + 1);
		*strchr(line, '/') = '\0';
		port.port = parse(line);
		if (port.port != 0 && port.host != 0 && add(p, port, e) < 0)
			return -1;
	}
	return ferror(f) ? err_sys(e, "standard input") : 0;
}

static int compare(const void *a, const void *b)
{
	const struct port *x = a, *y = b;

	return x->port != y->port ? (x->port > y->port) - (x->port < y->port)
				  : (x->host > y->host) - (x->host < y->host);
}

void ports_sort(struct ports *p)
{
	size_t i, n = 0;

	if (p->n == 0)
		return;
	qsort(p->v, p->n, sizeof *p->v, compare);
	for (i = 1; i < p->n; i++)
		if (p->v[i].port != p->v[n].port)
			p->v[++n] = p->v[i];
	p->n = n + 1;
}

const struct port *ports_find(const struct ports *p, unsigned port)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].port == port)
			return &p->v[i];
	return NULL;
}

const char *ports_name(char text[32], unsigned port)
{
	if (port == REGISTRY)
		return "registry";
	if (port == API)
		return "k8s";
	if (port >= SSH_FIRST && port <= SSH_FIRST + NODES_MAX)
		(void)snprintf(text, 32, "ssh-node%02u", port - SSH_FIRST);
	else
		(void)snprintf(text, 32, "node01:%u", port);
	return text;
}

void ports_free(struct ports *p)
{
	free(p->v);
	*p = (struct ports){ 0 };
}
