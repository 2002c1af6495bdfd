/* Answers of a token server. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { .msg = "" };
	int64_t seconds = 0;
	char *token = regauth_parse_token((const char *)data, n, &seconds, &e), *at;

	if (token == NULL && e.msg[0] == '\0')
		abort();
	/* It is put into a header. */
	for (at = token; at != NULL && *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			abort();
	if (token != NULL && (*token == '\0' || seconds <= 0))
		abort();
	regcred_forget(token);
	return 0;
}
