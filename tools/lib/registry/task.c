/* The requests of a task: making them, and what is left of them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "registry/pool.h"

int regpool_request(struct regpool *p, struct regtask *t, const char *method, struct err *e, const char *format, ...)
{
	AUTO_FREE char *path = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&path, format, ap);
	va_end(ap);
	reghttp_request_free(&t->req);
	t->req.method = method;
	if (n < 0 || asprintf(&t->req.url, "%s/v2/%s", p->base, path) < 0) {
		path = n < 0 ? NULL : path;
		t->req.url = NULL;
		return err_no_memory(e);
	}
	t->repeat = true;
	return 0;
}

const char *regtask_from(const struct regtask *t)
{
	return t->url_ != NULL ? t->url_ : t->req.url;
}

void regtask_free(struct regtask *t)
{
	reghttp_request_free(&t->req);
	reghttp_answer_free(&t->ans);
	free(t->url_);
	t->url_ = NULL;
}
