/* Credentials files, and the answers of credential helpers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Values that are put into a header or form must not contain newlines. */
static void check(const struct regcred *c, int rc, const struct err *e)
{
	const char *all[] = { c->user, c->password, c->identity };
	size_t i;

	if (rc < 0 && e->msg[0] == '\0')
		abort();
	if (rc == 1 && c->identity == NULL && (c->user == NULL || c->password == NULL))
		abort();
	for (i = 0; rc == 1 && i < sizeof all / sizeof *all; i++)
		if (all[i] != NULL && all[i][strcspn(all[i], "\r\n")] != '\0')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const hosts[] = { "registry.example:5000", "docker.io" };
	struct regcred c;
	struct err e = { .msg = "" };
	char *helper;
	size_t i;
	int rc;

	for (i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		c = (struct regcred){ 0 };
		rc = regcred_parse(&c, &helper, (const char *)data, n, hosts[i], "team/app", &e);
		check(&c, rc, &e);
		/* It becomes part of a program's name. */
		if ((rc == 2) != (helper != NULL) || (helper != NULL && strchr(helper, '/') != NULL))
			abort();
		free(helper);
		regcred_free(&c);
	}
	rc = regcred_parse_helper(&c, (const char *)data, n, &e);
	check(&c, rc, &e);
	regcred_free(&c);
	return 0;
}
