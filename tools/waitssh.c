/* waitssh: wait until every host has sent its SSH identification string. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "net/hostport.h"
#include "net/sshbanner.h"

enum { OPT_INTERVAL = OPT_LONG, OPT_ATTEMPT };

static const struct opt options[] = {
	{ 't', "timeout", "SECONDS", "limit for all hosts together (default: 120)" },
	{ OPT_INTERVAL, "interval", "MS", "pause between attempts (default: 200)" },
	{ OPT_ATTEMPT, "attempt", "SECONDS", "limit of one attempt (default: 5)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool waitssh_tool = {
	.name = "waitssh",
	.synopsis = "[options] HOST[:PORT]...",
	.about = "Wait until every host has sent its SSH identification string.",
	.opts = options,
};

enum phase {
	PAUSED,     /* the next attempt starts at DUE */
	CONNECTING, /* until DUE */
	READING,    /* until DUE */
	ANSWERED,
};

struct host {
	const char *spec; /* the operand */
	struct hostport hp;
	enum phase phase;
	int fd;                           /* -1 unless CONNECTING or READING */
	int64_t due;                      /* when the phase ends, of now_ms */
	struct addrinfo *found, *untried; /* addresses of this round, and those still to be tried */
	struct sshbanner banner;
	struct err why; /* reason of the last failure */
};

struct waiting {
	struct cli *cli;
	struct host *hosts;
	struct pollfd *fds; /* one per host, in the same order */
	size_t n, left;     /* hosts, and those that have not answered */
	int64_t seconds, interval_ms, attempt_s;
	int64_t start, deadline; /* of now_ms */
};

static void hang_up(struct host *h)
{
	if (h->fd >= 0)
		(void)close(h->fd);
	h->fd = -1;
}

/* After a failure: tries the next address at once, or all of them again after the interval. */
static void pause_host(const struct waiting *w, struct host *h)
{
	hang_up(h);
	h->phase = PAUSED;
	h->due = now_ms() + (h->untried != NULL ? 0 : w->interval_ms);
}

/* Looks up the addresses for a new round. Returns 0 or -1. */
static int resolve(struct host *h)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	int rc;

	if (h->found != NULL)
		freeaddrinfo(h->found);
	h->found = NULL;
	rc = getaddrinfo(h->hp.host, h->hp.port, &hints, &h->found);
	h->untried = h->found;
	return rc == 0 ? 0 : err_set(&h->why, "%s", gai_strerror(rc));
}

static void start_attempt(const struct waiting *w, struct host *h)
{
	const struct addrinfo *to;

	if (h->untried == NULL && resolve(h) < 0) {
		pause_host(w, h);
		return;
	}
	to = h->untried;
	h->untried = to->ai_next;
	h->banner = (struct sshbanner){ .n = 0 };
	h->due = now_ms() + w->attempt_s * 1000;
	h->phase = CONNECTING;
	h->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (h->fd >= 0 && (connect(h->fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS || errno == EINTR))
		return;
	(void)err_sys(&h->why, h->fd < 0 ? "socket" : "connect");
	pause_host(w, h);
}

static void end_connect(const struct waiting *w, struct host *h)
{
	socklen_t size = sizeof errno;
	int result = 0;

	if (getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &result, &size) < 0)
		result = errno;
	if (result == 0) {
		h->phase = READING;
		return;
	}
	errno = result;
	/* Only a connection that was made can be reset: one that is not accepted is refused. */
	(void)err_sys(&h->why, result == ECONNRESET ? "connection lost before the SSH banner" : "connect");
	pause_host(w, h);
}

static void read_banner(struct waiting *w, struct host *h)
{
	char data[4096];
	ssize_t n = recv(h->fd, data, sizeof data, 0);
	enum sshbanner_is is = SSHBANNER_BAD;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		(void)err_sys(&h->why, "connection lost before the SSH banner");
	else if (n == 0)
		(void)err_set(&h->why, "connection closed before the SSH banner");
	else
		is = sshbanner_feed(&h->banner, data, (size_t)n, &h->why);
	if (is == SSHBANNER_MORE)
		return;
	if (is == SSHBANNER_BAD) {
		pause_host(w, h);
		return;
	}
	hang_up(h);
	h->phase = ANSWERED;
	w->left--;
	cli_note(
	    w->cli, "%s: answered after %.1f s: %s", h->spec, (double)(now_ms() - w->start) / 1000, h->banner.line);
}

/* Starts an attempt, or ends one that takes too long. */
static void act_on_time(const struct waiting *w, struct host *h, int64_t now)
{
	if (h->phase == ANSWERED || h->due > now)
		return;
	if (h->phase == PAUSED) {
		start_attempt(w, h);
		return;
	}
	(void)err_set(&h->why, h->phase == CONNECTING ? "no connection within %lld s" : "no SSH banner within %lld s",
	    (long long)w->attempt_s);
	pause_host(w, h);
}

/* Handles a socket that poll reported. */
static void act_on_socket(struct waiting *w, struct host *h)
{
	if (h->phase == CONNECTING)
		end_connect(w, h);
	else if (h->phase == READING)
		read_banner(w, h);
}

/* Sleeps until a socket is ready, a host is due or the deadline passes. Returns the result of poll. */
static int sleep_until_next(struct waiting *w)
{
	int64_t next = w->deadline;
	const struct host *h;
	size_t i;

	for (i = 0; i < w->n; i++) {
		h = &w->hosts[i];
		/* poll(2) ignores negative descriptors. */
		w->fds[i] = (struct pollfd){ .fd = h->fd, .events = h->phase == CONNECTING ? POLLOUT : POLLIN };
		if (h->phase != ANSWERED && h->due < next)
			next = h->due;
	}
	return poll(w->fds, (nfds_t)w->n, ms_left(next));
}

/* Returns 1 when all hosts have answered, 0 at the deadline, or -1. */
static int wait_for_all(struct waiting *w, struct err *e)
{
	int64_t now;
	int ready;
	size_t i;

	while (w->left > 0) {
		ready = sleep_until_next(w);
		if (ready < 0 && errno != EINTR)
			return err_sys(e, "poll");
		for (i = 0; ready > 0 && i < w->n; i++)
			if (w->fds[i].revents != 0)
				act_on_socket(w, &w->hosts[i]);
		if (w->left > 0 && ms_left(w->deadline) == 0)
			return 0;
		/* One NOW for all: otherwise a slow lookup for one host would end attempts of others whose sockets are
		 * ready. */
		now = now_ms();
		for (i = 0; i < w->n && ms_left(w->deadline) > 0; i++)
			act_on_time(w, &w->hosts[i], now);
	}
	return 1;
}

static int late(const struct waiting *w)
{
	const struct host *h;
	size_t i;

	for (i = 0; i < w->n; i++) {
		h = &w->hosts[i];
		if (h->phase != ANSWERED)
			cli_warn(w->cli, "%s: no SSH banner in %lld s: %s", h->spec, (long long)w->seconds,
			    h->why.msg[0] != '\0' ? h->why.msg : "the first attempt is still in progress");
	}
	return EX_LATE;
}

/* Parses the operands. Returns 0, or an exit code. */
static int take_hosts(struct waiting *w)
{
	struct cli *c = w->cli;
	struct err e = { 0 };
	size_t i;

	if (c->argc == 0)
		return cli_usage(c, "expected HOST[:PORT]...");
	w->n = w->left = (size_t)c->argc;
	w->hosts = calloc(w->n, sizeof *w->hosts);
	w->fds = calloc(w->n, sizeof *w->fds);
	if (w->hosts == NULL || w->fds == NULL) {
		(void)err_no_memory(&e);
		return cli_fail(c, EX_FAIL, &e);
	}
	for (i = 0; i < w->n; i++) {
		w->hosts[i].spec = c->argv[i];
		w->hosts[i].fd = -1;
	}
	for (i = 0; i < w->n; i++)
		if (hostport_parse(&w->hosts[i].hp, c->argv[i], "22", &e) < 0)
			return cli_usage(c, "%s", e.msg);
	return 0;
}

/* Parses the argument of the option NAME. Returns an exit code. */
static int number(struct cli *c, const char *name, int64_t max, int64_t *out)
{
	if (num_parse(c->arg, 1, max, out) == 0)
		return EX_DONE;
	return cli_usage(c, "%s: '%s' is not a number from 1 to %lld", name, c->arg, (long long)max);
}

/* Takes an option. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct waiting *w = arg;

	if (id == 't')
		return number(c, "timeout", 604800, &w->seconds);
	if (id == OPT_INTERVAL)
		return number(c, "interval", 60000, &w->interval_ms);
	return number(c, "attempt", 3600, &w->attempt_s);
}

static void release(struct waiting *w)
{
	size_t i;

	for (i = 0; w->hosts != NULL && i < w->n; i++) {
		hang_up(&w->hosts[i]);
		if (w->hosts[i].found != NULL)
			freeaddrinfo(w->hosts[i].found);
	}
	free(w->hosts);
	free(w->fds);
}

/* Allows as many sockets as possible, and keeps lookups of names about as short as an attempt. */
static void prepare(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &waitssh_tool, .argc = argc, .argv = argv };
	struct waiting w = { .cli = &c, .seconds = 120, .interval_ms = 200, .attempt_s = 5 };
	struct err e = { 0 };
	int code, rc;

	if (cli_options(&c, take, &w) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	if ((code = take_hosts(&w)) != EX_DONE) {
		release(&w);
		return cli_end(&c, code);
	}
	prepare();
	w.start = now_ms();
	w.deadline = w.start + w.seconds * 1000;
	rc = wait_for_all(&w, &e);
	if (rc < 0)
		code = cli_fail(&c, EX_FAIL, &e);
	else if (rc == 0)
		code = late(&w);
	release(&w);
	return cli_end(&c, code);
}
