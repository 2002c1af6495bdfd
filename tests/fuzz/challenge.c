/* WWW-Authenticate headers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct challenge c = { 0 };

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, n);
	text[n] = '\0';
	if (challenge_add(&c, text) == 0 && challenge_add(&c, text) == 0) {
		/* Realm and service belong to Bearer, and are not longer than the header. */
		if (c.realm != NULL && (!c.bearer || strlen(c.realm) > n))
			abort();
		if (c.service != NULL && (!c.bearer || strlen(c.service) > n))
			abort();
	}
	challenge_free(&c);
	free(text);
	return 0;
}
