#include "registry/options.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

enum { MAX_SECONDS = 1000000, MAX_RETRIES = 100, MAX_CONNECTIONS = 64, MIB = 1 << 20, BAR_MS = 200 };

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

int regopts_scope(struct regpool *p, const char *repo, const char *actions, struct err *e)
{
	return words_addf(&p->auth.scopes, "repository:%s:%s", repo, actions) == 0 ? 0 : err_no_memory(e);
}

int regopts_open(const struct regopts *o, struct regpool *p, const struct ref *r, const char *actions, struct err *e)
{
	p->jobs = o->jobs;
	p->retries = o->retries;
	p->stall = o->stall * 1000;
	p->deadline = now_ms() + o->timeout * 1000;
	p->tls.insecure = o->insecure;
	p->auth.host = r->host;
	p->auth.repo = r->repo;
	p->auth.authfile = o->authfile;
	p->auth.deadline = p->deadline;
	p->auth.plain = o->insecure;
	if (regtls_load(&p->tls, o->cert_dir, r->host, e) < 0 || regopts_scope(p, r->repo, actions, e) < 0)
		return -1;
	return regpool_open(p, r->host, e);
}

void regbar_show(struct regbar *b, const char *name, uint64_t done, uint64_t total)
{
	int64_t now = now_ms(), ms = now - b->begun;
	double mib;

	if (now - b->shown < BAR_MS)
		return;
	b->shown = now;
	/* What was sent twice does not count twice. */
	if (done > total)
		done = total;
	mib = (double)done / MIB;
	(void)fprintf(stderr, "\r%s: %.1f of %.1f MiB (%d%%), %.1f MiB/s\033[K", name, mib, (double)total / MIB,
	    total > 0 ? (int)((double)done * 100 / (double)total) : 100, ms > 0 ? mib * 1000 / (double)ms : 0.0);
}

void regbar_clear(struct regbar *b)
{
	if (b->shown != 0)
		(void)fputs("\r\033[K", stderr);
	b->shown = 0;
}
