/* dnsconf: an inventory in, a checked dnsmasq configuration out. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/auto.h"
#include "lib/cli.h"
#include "lib/inventory.h"
#include "lib/out.h"

enum { OPT_DNSMASQ = OPT_LONG };

static const struct opt opts[] = {
	{ 'o', "output", "FILE", "write there; a file that is right is left alone" },
	{ 'c', "check", NULL, "let dnsmasq --test judge the result" },
	{ OPT_DNSMASQ, "dnsmasq", "PROGRAM", "the dnsmasq to ask (default: dnsmasq)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool dnsconf = {
	.name = "dnsconf",
	.synopsis = "[options] INVENTORY",
	.about = "Print dnsmasq's configuration for a cluster's network.",
	.opts = opts,
};

struct job {
	const char *output; /* NULL: standard output */
	const char *dnsmasq;
	bool check;
};

/* The short name and, with a domain, the long one. */
static void write_record(FILE *f, const struct inventory *inv, const char *name, const char *address)
{
	if (address[0] == '\0')
		return;
	(void)fprintf(f, "host-record=%s,", name);
	if (inv->domain[0] != '\0')
		(void)fprintf(f, "%s.%s,", name, inv->domain);
	(void)fprintf(f, "%s\n", address);
}

/* A host's records; a node's reservations. Names resolve before a lease is given. */
static void write_host(FILE *f, const struct inventory *inv, const struct inv_host *h)
{
	char v4[INET_ADDRSTRLEN + 1] = "", v6[INET6_ADDRSTRLEN + 1] = "";

	if (h->has_v4)
		(void)inet_ntop(AF_INET, &h->v4, v4, sizeof v4);
	if (h->has_v6)
		(void)inet_ntop(AF_INET6, &h->v6, v6, sizeof v6);
	write_record(f, inv, h->name, v4);
	write_record(f, inv, h->name, v6);
	if (h->mac[0] == '\0')
		return;
	(void)fprintf(f, "dhcp-host=%s%s%s", h->mac, h->has_v4 ? "," : "", v4);
	if (h->has_v6)
		(void)fprintf(f, ",[%s]", v6);
	(void)fprintf(f, ",%s,infinite\n", h->name);
}

/* Only the bridge is served: the container's other interface is somebody else's network. */
static void write_conf(FILE *f, const struct inventory *inv)
{
	char v4[INET_ADDRSTRLEN], net4[INET_ADDRSTRLEN], mask4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
	struct in_addr mask = { htonl(~0U << (32 - inv->prefix4)) }, net = { inv->v4.s_addr & mask.s_addr };
	size_t i;

	(void)inet_ntop(AF_INET, &inv->v4, v4, sizeof v4);
	(void)inet_ntop(AF_INET, &net, net4, sizeof net4);
	(void)inet_ntop(AF_INET, &mask, mask4, sizeof mask4);
	(void)fprintf(
	    f, "# Written by dnsconf(1).\ninterface=%s\nexcept-interface=lo\nbind-dynamic\nuser=root\n", inv->bridge);
	(void)fprintf(f, "log-facility=-\nno-hosts\ncache-size=1000\ndhcp-authoritative\n");
	(void)fprintf(f, "dhcp-leasefile=%s\n", inv->leasefile[0] != '\0' ? inv->leasefile : "/run/kubestamp/leases");
	if (!inv->upstream)
		(void)fprintf(f, "no-resolv\n");
	if (inv->domain[0] != '\0')
		(void)fprintf(f, "domain=%s\nlocal=/%s/\n", inv->domain, inv->domain);
	(void)fprintf(f, "dhcp-range=%s,static,%s,infinite\n", net4, mask4);
	(void)fprintf(f, "dhcp-option=option:router,%s\ndhcp-option=option:dns-server,%s\n", v4, v4);
	if (inv->prefix6 != 0) {
		(void)inet_ntop(AF_INET6, &inv->v6, v6, sizeof v6);
		(void)fprintf(
		    f, "enable-ra\ndhcp-range=::,static,constructor:%s,%u,infinite\n", inv->bridge, inv->prefix6);
		(void)fprintf(f, "dhcp-option=option6:dns-server,[%s]\n", v6);
	}
	for (i = 0; i < inv->n; i++)
		write_host(f, inv, &inv->hosts[i]);
}

/* Reads what a child says until it closes its end, into e->msg; at most what fits. */
static void read_words(int fd, struct err *e)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, e->msg + len, sizeof e->msg - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += (size_t)n;
	}
	e->msg[len] = '\0';
	for (; len > 0; len--)
		if (e->msg[len - 1] == '\n')
			e->msg[len - 1] = len == strlen(e->msg) ? '\0' : ';';
}

/* Lets dnsmasq judge PATH, for ten seconds at most. Returns 0, or -1 with its words. */
static int ask_dnsmasq(const struct job *j, const char *path, struct err *e)
{
	AUTO_CLOSE int from = -1;
	AUTO_FREE char *arg = NULL;
	struct err words = { 0 };
	int fds[2], status;
	pid_t pid;

	if (asprintf(&arg, "--conf-file=%s", path) < 0) {
		arg = NULL;
		return err_set(e, "out of memory");
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	from = fds[0];
	pid = fork();
	if (pid == 0) {
		(void)alarm(10);
		if (dup2(fds[1], STDERR_FILENO) < 0 || dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(127);
		(void)execlp(j->dnsmasq, j->dnsmasq, "--test", arg, (char *)NULL);
		(void)dprintf(STDERR_FILENO, "%s: %s", j->dnsmasq, strerror(errno));
		_exit(127);
	}
	(void)close(fds[1]);
	if (pid < 0)
		return err_sys(e, "fork");
	read_words(from, &words);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, "dnsmasq --test: %s", words.msg[0] != '\0' ? words.msg : "no answer in 10 s");
}

static int write_checked(const struct job *j, const struct inventory *inv, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct out o;
	int rc;

	if (j->output == NULL && !j->check) {
		write_conf(stdout, inv);
		return 0;
	}
	if (asprintf(&path, "%s", j->output != NULL ? j->output : "/tmp/dnsconf.XXXXXX") < 0) {
		path = NULL;
		return err_set(e, "out of memory");
	}
	if (j->output == NULL) {
		rc = mkstemp(path);
		if (rc < 0)
			return err_sys(e, "%s", path);
		(void)close(rc);
	}
	if (out_open(&o, path, 0644, e) < 0)
		return -1;
	write_conf(o.f, inv);
	rc = fflush(o.f) != 0 ? err_sys(e, "%s", path) : 0;
	if (rc == 0 && j->check)
		rc = ask_dnsmasq(j, o.tmp, e);
	if (j->output == NULL) {
		out_abort(&o);
		(void)unlink(path);
		if (rc == 0)
			write_conf(stdout, inv);
		return rc;
	}
	if (rc == 0)
		return out_commit_if_changed(&o, e);
	out_abort(&o);
	return rc;
}

static int parse_options(struct cli *c, struct job *j)
{
	int id;

	while ((id = cli_next(c)) >= 0) {
		if (id == 'o')
			j->output = c->arg;
		else if (id == 'c')
			j->check = true;
		else
			j->dnsmasq = c->arg;
	}
	if (id == CLI_EXIT)
		return c->exit_code;
	if (c->argc != 1)
		return cli_usage(c, "one inventory is needed");
	return -1;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &dnsconf, .argc = argc, .argv = argv };
	struct job j = { .dnsmasq = "dnsmasq" };
	struct inventory inv = { 0 };
	struct err e = { 0 };
	int rc = parse_options(&c, &j);

	if (rc < 0) {
		out_catch_signals();
		rc = EX_DONE;
		if (inventory_read(&inv, c.argv[0], &e) < 0)
			rc = cli_fail(&c, EX_BAD_USAGE, &e);
		else if (write_checked(&j, &inv, &e) < 0)
			rc = cli_fail(&c, EX_FAIL, &e);
	}
	inventory_free(&inv);
	return cli_end(&c, rc);
}
