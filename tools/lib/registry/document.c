#include "registry/document.h"

#include <stdlib.h>
#include <string.h>

static int step(struct regtask *t, struct err *e)
{
	struct regdoc *d = t->arg;

	if (t->req.url != NULL)
		return 0;
	if (regpool_request(d->p, t, d->text != NULL ? "PUT" : "GET", e, "%s", d->url_) < 0)
		return -1;
	t->req.accept = d->accept;
	if (d->text == NULL)
		return REGTASK_MORE;
	t->req.type = d->type;
	t->req.n = strlen(d->text);
	t->req.text = d->text;
	d->text = NULL;
	return REGTASK_MORE;
}

int regdoc_ask(struct regdoc *d, const char *url, struct err *e)
{
	struct regtask *task = &d->task_;
	int rc;

	d->url_ = url;
	*task = (struct regtask){ .step = step, .arg = d, .name = d->name, .req.fd = -1 };
	rc = regpool_run(d->p, &task, 1, e);
	d->answer = task->ans;
	task->ans = (struct reghttp_answer){ 0 };
	regtask_free(task);
	return rc;
}

int regdoc_get(struct regdoc *d, const char *url, const char *hex, struct err *e)
{
	char is[SHA256_HEX];
	int rc = regdoc_ask(d, url, e);

	if (rc < 0)
		return rc;
	if (d->answer.status != 200)
		(void)reghttp_refused(&d->answer, e);
	else if (d->answer.text == NULL)
		(void)err_set(e, "an empty answer");
	else if (sha256_hex(d->answer.text, d->answer.n, is) < 0)
		(void)err_set(e, "the digest failed");
	else if (hex != NULL && strcmp(hex, is) != 0)
		(void)err_set(e, "its digest is sha256:%s", is);
	else
		return 0;
	return err_prefix(e, "%s", d->name);
}

void regdoc_free(struct regdoc *d)
{
	free(d->text);
	reghttp_answer_free(&d->answer);
	*d = (struct regdoc){ 0 };
}
