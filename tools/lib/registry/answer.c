/* Answers of a registry, and what is left of a request when it is over. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "registry/credentials.h"
#include "registry/http.h"

int reghttp_refused(const struct reghttp_answer *a, struct err *e)
{
	json_t *j = a->text != NULL ? json_loadb(a->text, a->n, 0, NULL) : NULL;
	const char *code = json_string_value(json_object_get(json_array_get(json_object_get(j, "errors"), 0), "code"));
	size_t n = code != NULL ? strlen(code) : 0;

	/* Only the code is shown: a message is foreign text, in which our own credentials may come back. */
	if (n > 0 && n <= 40 && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == n)
		(void)err_set(e, "status %ld (%s)", a->status, code);
	else
		(void)err_set(e, "status %ld", a->status);
	json_decref(j);
	return -1;
}

void reghttp_request_free(struct reghttp_request *r)
{
	free(r->url);
	regcred_forget(r->authorization);
	regcred_forget(r->text);
	*r = (struct reghttp_request){ .fd = -1 };
}

void reghttp_answer_free(struct reghttp_answer *a)
{
	free(a->location);
	free(a->range);
	free(a->digest);
	free(a->media);
	free(a->subject);
	free(a->text);
	words_free(&a->challenges);
	*a = (struct reghttp_answer){ .first = UINT64_MAX };
}
