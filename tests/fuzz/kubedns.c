/*
 * Lists and events of services and endpoints from a hostile API server or user. Each line of the input is one of them:
 * S and E start a list (services, endpoints), s and e an event; its JSON follows.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define DOMAIN "cluster.local"
#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

static void must(bool good)
{
	if (!good)
		abort();
}

static void on_tell(void *arg, bool warning, const char *text)
{
	(void)arg;
	(void)warning;
	must(*text != '\0');
	for (; *text != '\0'; text++)
		must(*text >= ' ' && *text <= '~');
}

/* Labels of 1 to 63 letters, digits and inner dashes; with SERVICE they can begin with _. */
static void must_be_name(const char *name, bool service)
{
	const char *at = name;
	size_t n;

	must(strlen(name) <= 253);
	for (;; at += n + 1) {
		n = strcspn(at, ".");
		must(n >= 1 && n <= 63);
		must(strspn(at + (service && *at == '_'), LETTERS "-") >= n - (service && *at == '_'));
		must(strchr(LETTERS "_", at[0]) != NULL && strchr(LETTERS, at[n - 1]) != NULL);
		if (at[n] == '\0')
			return;
	}
}

static void must_be_ours(const char *name)
{
	static const char end[] = ".svc." DOMAIN;
	size_t n = strlen(name);

	must_be_name(name, false);
	must(n > strlen(end) && strcmp(name + n - strlen(end), end) == 0);
}

/* "ADDRESS NAME [NAME]" */
static void check_hosts_line(const char *line)
{
	char *copy = strdup(line), *save = NULL, *word;
	struct in6_addr bytes;
	int words = 0;

	must(copy != NULL && strstr(line, "  ") == NULL && line[strlen(line) - 1] != ' ');
	word = strtok_r(copy, " ", &save);
	must(word != NULL && (inet_pton(AF_INET, word, &bytes) == 1 || inet_pton(AF_INET6, word, &bytes) == 1));
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		must_be_ours(word);
		words++;
	}
	must(words == 1 || words == 2);
	free(copy);
}

/* A copy of the field at AT, which ends at a comma or the end; advances AT past it. */
static char *field(const char **at)
{
	size_t n = strcspn(*at, ",");
	char *text = strndup(*at, n);

	must(text != NULL);
	*at += n + ((*at)[n] == ',');
	return text;
}

/* "srv-host=NAME,TARGET,PORT" or "cname=NAME,TARGET", where the target is not an alias in ALL. */
static void check_conf_line(const char *line, const struct words *all)
{
	bool srv = strncmp(line, "srv-host=", 9) == 0;
	const char *at = line + (srv ? 9 : 6);
	char *name, *target, *alias;
	long port;
	size_t i;

	must(srv || strncmp(line, "cname=", 6) == 0);
	name = field(&at);
	target = field(&at);
	must_be_name(name, srv);
	must_be_name(target, false);
	if (srv) {
		port = strtol(at, NULL, 10);
		must(strspn(at, "0123456789") == strlen(at) && port >= 1 && port <= 65535);
		must_be_ours(target);
	} else {
		must(*at == '\0');
		must_be_ours(name);
		must(asprintf(&alias, "cname=%s,", target) > 0);
		for (i = 0; i < all->n; i++)
			must(strncmp(all->v[i], alias, strlen(alias)) != 0);
		free(alias);
	}
	free(name);
	free(target);
}

static void check_files(const struct kubedns *k)
{
	AUTO_WORDS struct words hosts = { 0 }, conf = { 0 };
	struct err e;
	size_t i;

	must(kubedns_render(k, &hosts, &conf, &e) == 0);
	for (i = 0; i < hosts.n; i++) {
		must(i == 0 || strcmp(hosts.v[i - 1], hosts.v[i]) < 0);
		check_hosts_line(hosts.v[i]);
	}
	for (i = 0; i < conf.n; i++) {
		must(i == 0 || strcmp(conf.v[i - 1], conf.v[i]) < 0);
		check_conf_line(conf.v[i], &conf);
	}
}

static int take(struct kubedns *k, char what, const char *text, size_t n, char version[KUBEDNS_VERSION], struct err *e)
{
	enum kubedns_kind kind = what == 'S' || what == 's' ? KUBEDNS_SERVICES : KUBEDNS_ENDPOINTS;

	return what == 'S' || what == 'E' ? kubedns_list(k, kind, text, n, version, e)
					  : kubedns_event(k, kind, text, n, version, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kubedns k = { .domain = DOMAIN, .tell = on_tell };
	char version[KUBEDNS_VERSION] = "";
	const char *at = (const char *)data, *end = at + n, *stop;
	struct err e;
	int rc;

	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		if (at == stop || strchr("SEse", *at) == NULL || *at == '\0')
			continue;
		e.msg[0] = '\0';
		rc = take(&k, *at, at + 1, (size_t)(stop - at - 1), version, &e);
		must((rc == 0 || rc == 1) == (e.msg[0] == '\0'));
		/* What was accepted has a version, and changes nothing the second time. */
		if (rc == 0 || rc == 1) {
			must(*version != '\0' &&
			     strspn(version, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(version));
			must(take(&k, *at, at + 1, (size_t)(stop - at - 1), version, &e) == 0);
		}
		check_files(&k);
	}
	kubedns_free(&k);
	return 0;
}
