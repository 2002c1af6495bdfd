/* kubehosts: writes Kubernetes services and endpoints to a hosts file, and keeps a dnsmasq up to date. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/output.h"
#include "kube/api.h"
#include "kube/dns.h"
#include "kube/objects.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

enum { OPT_CA = OPT_LONG, OPT_WATCH };

/*
 * Changes come in bursts (a rollout, a list after a break), so they are collected for QUIET_MS. A command that does not
 * catch SIGHUP yet, which would terminate it, is polled at the same interval.
 */
enum { QUIET_MS = 100, IDLE_MS = 60000, END_MS = 5000 };

static const struct opt opts[] = {
	{ 's', "server", "URL", "the API server (default: the pod's)" },
	{ OPT_CA, "ca", "FILE", "its certificate authority (default: the pod's)" },
	{ 't', "token", "FILE", "the bearer token (default: the pod's)" },
	{ 'd', "domain", "NAME", "the cluster's domain (default: cluster.local)" },
	{ 'H', "hosts", "FILE", "write addresses and names to FILE" },
	{ 'c', "conf", "FILE", "write SRV and CNAME records to FILE, for dnsmasq" },
	{ '1', "once", NULL, "write the files once, and exit" },
	{ 'T', "timeout", "SECONDS", "timeout of --once (default: 60)" },
	{ OPT_WATCH, "watch", "SECONDS", "duration of a watch (default: 300)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool kubehosts = {
	.name = "kubehosts",
	.synopsis = "[options] -H FILE [COMMAND [ARG...]]",
	.about = "Keep a hosts file and dnsmasq up to date with Kubernetes services.",
	.opts = opts,
};

static const char *const names[KUBEDNS_KINDS] = { "services", "endpoints" };

struct job;

struct collection {
	struct job *j;
	enum kubedns_kind kind;
};

struct job {
	struct cli *c;
	struct kubeapi_server server;
	char *url;                /* the pod's API server */
	const char *hosts, *conf; /* CONF: NULL for none */
	char *const *command;     /* NULL: none */
	bool once;
	int64_t timeout;
	struct kubedns dns;
	struct kubeapi_feed feeds[KUBEDNS_KINDS];
	struct collection all[KUBEDNS_KINDS];
	struct words hosts_now, conf_now; /* the contents of the files */
	bool written, changed, tell_command;
	int64_t publish_at;
	struct child child;
	int signals;
};

static void on_tell(void *arg, bool warning, const char *text)
{
	const struct job *j = arg;

	if (warning)
		cli_warn(j->c, "%s", text);
	else
		cli_note(j->c, "%s", text);
}

static void on_trouble(void *arg, const struct err *e)
{
	const struct collection *all = arg;

	cli_warn(all->j->c, "%s: %s; trying again", names[all->kind], e->msg);
}

static int took(const struct collection *all, int rc)
{
	if (rc == 1 && !all->j->changed) {
		all->j->changed = true;
		all->j->publish_at = now_ms() + QUIET_MS;
	}
	return rc;
}

static int on_list(void *arg, const char *text, size_t n, char version[KUBEAPI_VERSION], struct err *e)
{
	struct collection *all = arg;

	return took(all, kubedns_list(&all->j->dns, all->kind, text, n, version, e));
}

static int on_event(void *arg, const char *line, size_t n, char version[KUBEAPI_VERSION], struct err *e)
{
	struct collection *all = arg;
	int rc = kubedns_event(&all->j->dns, all->kind, line, n, version, e);

	return rc == KUBEDNS_GONE ? KUBEAPI_GONE : took(all, rc);
}

static bool same(const struct words *a, const struct words *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

/* Writes LINES unless they equal NOW, the file's contents, and moves them to NOW. Returns 1 if written, 0, or -1. */
static int write_lines(const struct job *j, const char *path, struct words *lines, struct words *now, struct err *e)
{
	struct out o;
	size_t i;

	if (path == NULL || (j->written && same(lines, now)))
		return 0;
	if (out_open(&o, path, 0644, e) < 0)
		return -1;
	(void)fprintf(o.f, "# Written by kubehosts(1).\n");
	for (i = 0; i < lines->n; i++)
		(void)fprintf(o.f, "%s\n", lines->v[i]);
	if (out_commit_if_changed(&o, e) < 0)
		return -1;
	words_free(now);
	*now = *lines;
	*lines = (struct words){ 0 };
	return 1;
}

/* Does the command catch SIGHUP? Before that the signal would terminate it. */
static bool catches_hangup(const struct child *child)
{
	char path[64], line[256];
	AUTO_FCLOSE FILE *f = NULL;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)child->pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "SigCgt:", 7) == 0)
			return (strtoull(line + 7, NULL, 16) & (1ULL << (SIGHUP - 1))) != 0;
	return false;
}

static void end_command(struct job *j)
{
	struct err e;
	int status;

	if (j->child.pid <= 0)
		return;
	(void)kill(j->child.pid, SIGTERM);
	if (child_wait(&j->child, now_ms() + END_MS, &status, &e) == 1)
		j->child.pid = -1;
	child_kill(&j->child);
}

static int start_command(struct job *j, struct err *e)
{
	cli_note(j->c, "starting %s", j->command[0]);
	return child_start(&j->child, j->command, &(struct child_io){ -1, STDOUT_FILENO, STDERR_FILENO }, SIGTERM, e);
}

/* Writes what changed. For a new hosts file the command gets SIGHUP; for new options it is restarted. */
static int publish(struct job *j, struct err *e)
{
	AUTO_WORDS struct words hosts = { 0 }, conf = { 0 };
	int new_hosts, new_conf = 0;

	if (kubedns_render(&j->dns, &hosts, &conf, e) < 0)
		return -1;
	new_hosts = write_lines(j, j->hosts, &hosts, &j->hosts_now, e);
	if (new_hosts >= 0)
		new_conf = write_lines(j, j->conf, &conf, &j->conf_now, e);
	if (new_hosts < 0 || new_conf < 0)
		return -1;
	j->written = true;
	j->changed = false;
	if (new_hosts > 0)
		cli_note(j->c, "%s: %zu lines", j->hosts, j->hosts_now.n);
	if (j->command == NULL)
		return 0;
	if (j->child.pid > 0 && new_conf == 0) {
		j->tell_command |= new_hosts > 0;
		return 0;
	}
	j->tell_command = false;
	end_command(j);
	return start_command(j, e);
}

static void tell_command(struct job *j)
{
	if (!j->tell_command || !catches_hangup(&j->child))
		return;
	(void)kill(j->child.pid, SIGHUP);
	j->tell_command = false;
}

/* Collects children that have ended. As a container's first process we also get orphans. */
static int reap(struct job *j, struct err *e)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != j->child.pid)
			continue;
		j->child.pid = -1;
		child_kill(&j->child);
		if (WIFSIGNALED(status))
			return err_set(e, "%s: ended by signal %d", j->command[0], WTERMSIG(status));
		return err_set(e, "%s: ended with exit code %d", j->command[0], WEXITSTATUS(status));
	}
	return 0;
}

/* Returns 1 if asked to stop, 0, or -1 if the command has ended or --once was interrupted. */
static int take_signals(struct job *j, struct err *e)
{
	struct signalfd_siginfo info;
	int rc = 0;

	while (rc == 0 && read(j->signals, &info, sizeof info) == (ssize_t)sizeof info)
		rc = info.ssi_signo == SIGCHLD ? reap(j, e) : 1;
	return rc == 1 && j->once ? err_set(e, "interrupted") : rc;
}

/* Milliseconds until the next step that is not triggered by an event. */
static int next_step(const struct job *j, int64_t deadline)
{
	int64_t at = now_ms() + IDLE_MS;

	if (j->changed && j->publish_at < at)
		at = j->publish_at;
	if (j->tell_command)
		at = now_ms() + QUIET_MS;
	return ms_left(j->once && deadline < at ? deadline : at);
}

static bool all_listed(const struct job *j)
{
	return j->feeds[KUBEDNS_SERVICES].listed && j->feeds[KUBEDNS_ENDPOINTS].listed;
}

/* Returns the exit code. */
static int keep(struct job *j, CURLM *multi)
{
	int64_t deadline = now_ms() + j->timeout * 1000;
	struct err e = { 0 };
	int rc;

	for (;;) {
		if (kubeapi_step(multi, j->feeds, KUBEDNS_KINDS, j->signals, next_step(j, deadline), &e) < 0)
			return cli_fail(j->c, EX_FAIL, &e);
		rc = take_signals(j, &e);
		if (rc != 0)
			return rc < 0 ? cli_fail(j->c, EX_FAIL, &e) : EX_DONE;
		if (all_listed(j) && j->changed && (j->once || now_ms() >= j->publish_at) && publish(j, &e) < 0)
			return cli_fail(j->c, EX_FAIL, &e);
		if (j->once && j->written)
			return EX_DONE;
		if (j->once && now_ms() >= deadline) {
			(void)err_set(&e, "no answer in %lld s", (long long)j->timeout);
			return cli_fail(j->c, EX_LATE, &e);
		}
		tell_command(j);
	}
}

static int run(struct job *j)
{
	struct err e = { 0 };
	sigset_t set;
	CURLM *multi;
	int code, i;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	j->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (j->signals < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL) {
		(void)err_set(&e, "initialization failed: %s", strerror(errno));
		return cli_fail(j->c, EX_FAIL, &e);
	}
	for (i = 0; i < KUBEDNS_KINDS; i++) {
		j->all[i] = (struct collection){ .j = j, .kind = (enum kubedns_kind)i };
		j->feeds[i] = (struct kubeapi_feed){ .server = &j->server,
			.path = i == KUBEDNS_SERVICES ? "/api/v1/services" : "/api/v1/endpoints",
			.arg = &j->all[i],
			.list = on_list,
			.event = on_event,
			.trouble = on_trouble };
	}
	code = keep(j, multi);
	end_command(j);
	kubeapi_free(multi, j->feeds, KUBEDNS_KINDS);
	(void)curl_multi_cleanup(multi);
	curl_global_cleanup();
	(void)close(j->signals);
	return code;
}

/* Without --server, uses the pod's service account (Kubernetes: "Accessing the Kubernetes API from a Pod"). */
static int take_pod(struct job *j)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host != NULL && strchr(host, ':') != NULL;

	if (j->server.url != NULL)
		return 0;
	if (host == NULL || port == NULL)
		return cli_usage(j->c, "--server is required outside of a pod");
	if (asprintf(&j->url, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0) {
		j->url = NULL;
		return cli_no_memory(j->c);
	}
	j->server.url = j->url;
	if (j->server.ca == NULL)
		j->server.ca = ACCOUNT "ca.crt";
	if (j->server.token == NULL)
		j->server.token = ACCOUNT "token";
	return 0;
}

/* Checks the options. Returns 0 or EX_BAD_USAGE. */
static int check(struct job *j)
{
	size_t n = j->server.url != NULL ? strlen(j->server.url) : 0;

	if (j->hosts == NULL || *j->hosts == '\0')
		return cli_usage(j->c, "--hosts is required");
	if (!kubeobj_is_domain(j->dns.domain))
		return cli_usage(j->c, "domain: '%s' is not a domain name in lower case", j->dns.domain);
	if (j->server.url != NULL && strncmp(j->server.url, "http://", 7) != 0 &&
	    strncmp(j->server.url, "https://", 8) != 0)
		return cli_usage(j->c, "server: '%s' must begin with http:// or https://", j->server.url);
	if (n > 0 && j->server.url[n - 1] == '/')
		return cli_usage(j->c, "server: '%s' must not end with a slash", j->server.url);
	if (j->server.token != NULL && n > 0 && strncmp(j->server.url, "https://", 8) != 0)
		return cli_usage(j->c, "a token can only be sent over https");
	if (j->c->argc > 0 && j->once)
		return cli_usage(j->c, "--once cannot be combined with a command");
	if (j->c->argc > 0)
		j->command = j->c->argv;
	return take_pod(j);
}

static int number(const struct job *j, const char *name, int64_t *out)
{
	if (num_parse(j->c->arg, 1, 86400, out) == 0)
		return 0;
	return cli_usage(j->c, "%s: '%s' is not a number from 1 to 86400", name, j->c->arg);
}

/* Returns EX_DONE or EX_BAD_USAGE. */
static int take_option(struct cli *c, int id, void *arg)
{
	struct job *j = arg;
	int64_t value;
	int rc;

	switch (id) {
	case 's':
		j->server.url = c->arg;
		return 0;
	case OPT_CA:
		j->server.ca = c->arg;
		return 0;
	case 't':
		j->server.token = c->arg;
		return 0;
	case 'd':
		j->dns.domain = c->arg;
		return 0;
	case 'H':
		j->hosts = c->arg;
		return 0;
	case 'c':
		j->conf = c->arg;
		return 0;
	case '1':
		j->once = true;
		return 0;
	case 'T':
		return number(j, "timeout", &j->timeout);
	default:
		rc = number(j, "watch", &value);
		if (rc == 0)
			j->server.watch = (int)value;
		return rc;
	}
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &kubehosts, .argc = argc, .argv = argv };
	struct job j = { .c = &c, .timeout = 60, .server.watch = 300, .child = { -1, -1 } };
	int rc;

	j.dns = (struct kubedns){ .domain = "cluster.local", .tell = on_tell, .arg = &j };
	if (cli_options(&c, take_option, &j) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	rc = check(&j);
	if (rc == 0)
		rc = run(&j);
	words_free(&j.hosts_now);
	words_free(&j.conf_now);
	kubedns_free(&j.dns);
	free(j.url);
	return cli_end(&c, rc);
}
