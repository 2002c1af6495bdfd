#include "registry/options.h"

#include <string.h>

#include "base/num.h"

enum { MAX_SECONDS = 1000000, MAX_RETRIES = 100, MAX_CONNECTIONS = 64 };

static int number(const char *what, const char *arg, int64_t min, int64_t max, int64_t *to, struct err *e)
{
	if (num_parse(arg, min, max, to) == 0)
		return 0;
	return err_set(e, "%s '%s' is not %d to %d", what, arg, (int)min, (int)max);
}

int regopts_set(struct regopts *o, int id, const char *arg, struct err *e)
{
	switch (id) {
	case 'j':
		return number("number of jobs", arg, 1, MAX_CONNECTIONS, &o->jobs, e);
	case 't':
		return number("timeout", arg, 1, MAX_SECONDS, &o->timeout, e);
	case 'r':
		return number("number of retries", arg, 0, MAX_RETRIES, &o->retries, e);
	case REGOPT_STALL:
		return number("stall", arg, 1, MAX_SECONDS, &o->stall, e);
	case REGOPT_CERT_DIR:
		o->cert_dir = arg;
		return 0;
	case REGOPT_AUTHFILE:
		o->authfile = arg;
		return 0;
	default:
		o->insecure = strcmp(arg, "false") == 0;
		if (o->insecure || strcmp(arg, "true") == 0)
			return 0;
		return err_set(e, "tls-verify: '%s' is neither true nor false", arg);
	}
}

int regopts_scope(struct regqueue *q, const char *repo, const char *actions, struct err *e)
{
	return words_addf(&q->auth.scopes, "repository:%s:%s", repo, actions) == 0 ? 0 : err_no_memory(e);
}

static void on_note(void *arg, const char *text)
{
	const struct cli *c = arg;

	cli_note(c, "%s", text);
}

int regopts_open(const struct regopts *o, struct regqueue *q, const struct cli *c, const struct ref *r,
    const char *actions, struct err *e)
{
	q->note = on_note;
	q->note_arg = (void *)(uintptr_t)c;
	q->jobs = o->jobs;
	q->retries = o->retries;
	q->stall = o->stall * 1000;
	q->deadline = now_ms() + o->timeout * 1000;
	q->tls.insecure = o->insecure;
	q->auth.host = r->host;
	q->auth.repo = r->repo;
	q->auth.authfile = o->authfile;
	q->auth.deadline = q->deadline;
	q->auth.plain = o->insecure;
	if (regtls_load(&q->tls, o->cert_dir, r->host, e) < 0 || regopts_scope(q, r->repo, actions, e) < 0)
		return -1;
	return regqueue_open(q, r->host, e);
}
