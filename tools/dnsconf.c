/* dnsconf: turns an inventory into dnsmasq's configuration. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/output.h"
#include "base/unfinished.h"
#include "provider/inventory.h"

enum { OPT_DNSMASQ = OPT_LONG };

/* Limits for dnsmasq --test: its time, and the bytes of its output that are kept. */
enum { CHECK_SECONDS = 10, SAID_MAX = 4096 };

static const struct opt opts[] = {
	{ 'o', "output", "FILE", "write to FILE, only if its contents change" },
	{ 'c', "check", NULL, "have dnsmasq --test check the result" },
	{ OPT_DNSMASQ, "dnsmasq", "PROGRAM", "the dnsmasq for --check (default: dnsmasq)" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	const char *output; /* NULL: standard output */
	const char *dnsmasq;
	bool check;
};

static const struct opt_member members[] = {
	OPT_MEMBER('o', struct job, output),
	OPT_MEMBER('c', struct job, check),
	OPT_MEMBER(OPT_DNSMASQ, struct job, dnsmasq),
	{ 0, 0, OPT_TEXT },
};

static const struct tool dnsconf = {
	.name = "dnsconf",
	.synopsis = "[options] INVENTORY",
	.about = "Print dnsmasq's configuration for a cluster's network.",
	.opts = opts,
	.members = members,
};

/* A record of the short name and, with a domain, of the long one. */
static void write_record(FILE *f, const struct inventory *inv, const char *name, const char *address)
{
	if (address[0] == '\0')
		return;
	(void)fprintf(f, "host-record=%s,", name);
	if (inv->domain[0] != '\0')
		(void)fprintf(f, "%s.%s,", name, inv->domain);
	(void)fprintf(f, "%s\n", address);
}

/* The records of a host, so that its name resolves before it has a lease; for a node also its DHCP reservations. */
static void write_host(FILE *f, const struct inventory *inv, const struct inv_host *h)
{
	char v4[INET_ADDRSTRLEN + 1] = "", v6[INET6_ADDRSTRLEN + 1] = "";

	if (h->has_v4)
		(void)inet_ntop(AF_INET, &h->v4, v4, sizeof v4);
	if (h->has_v6)
		(void)inet_ntop(AF_INET6, &h->v6, v6, sizeof v6);
	write_record(f, inv, h->name, v4);
	write_record(f, inv, h->name, v6);
	if (!h->node)
		return;
	(void)fprintf(f, "dhcp-host=%s%s%s", h->mac, h->has_v4 ? "," : "", v4);
	if (h->has_v6)
		(void)fprintf(f, ",[%s]", v6);
	(void)fprintf(f, ",%s,infinite\n", h->name);
}

/* Serves the bridge only: the container's other interface is in a network that is not ours. */
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

/* Reads the output of dnsmasq into TEXT as one line: ";" between its lines, "?" for what cannot be printed. */
static void read_words(int fd, char text[SAID_MAX])
{
	ssize_t n = pread(fd, text, SAID_MAX - 1, 0);
	char *from, *to = text;

	text[n < 0 ? 0 : n] = '\0';
	for (from = text; *from != '\0'; from++) {
		if (*from != '\n')
			*to++ = *from < ' ' || *from > '~' ? '?' : *from;
		else if (to > text && to[-1] != ';')
			*to++ = ';';
	}
	if (to > text && to[-1] == ';')
		to--;
	*to = '\0';
}

/* Has dnsmasq check the configuration in CONF; its output goes to WORDS. Returns an exit code. */
static int ask_dnsmasq(const struct job *j, int conf, int words, struct err *e)
{
	/* exec does not modify its arguments: the cast is safe. */
	char *argv[] = { (char *)(uintptr_t)j->dnsmasq, (char[]){ "--test" }, (char[]){ "--conf-file=-" }, NULL };
	struct child c;
	int rc, status = 0;
	char said[SAID_MAX];

	if (child_start(&c, argv, &(struct child_io){ conf, words, words }, SIGKILL, e) < 0) {
		(void)err_prefix(e, "dnsmasq --test");
		return EX_FAIL;
	}
	rc = child_wait(&c, now_ms() + CHECK_SECONDS * 1000, &status, e);
	if (rc == 0) {
		child_kill(&c);
		(void)err_set(e, "dnsmasq --test: no answer in %d s", CHECK_SECONDS);
		return EX_LATE;
	}
	(void)close(c.pidfd);
	if (rc < 0)
		return EX_FAIL;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return EX_DONE;
	read_words(words, said);
	if (said[0] == '\0' && WIFSIGNALED(status))
		(void)err_set(e, "dnsmasq --test: ended by signal %d", WTERMSIG(status));
	else if (said[0] == '\0')
		(void)err_set(e, "dnsmasq --test: exit status %d", WEXITSTATUS(status));
	else
		(void)err_set(e, "dnsmasq --test: %s", said);
	return EX_FAIL;
}

/* A memory file of SIZE bytes that begins with the N bytes of TEXT; its offset is 0. Returns a descriptor or -1. */
static int in_memory(const char *text, size_t n, size_t size)
{
	int fd = memfd_create("dnsconf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Sealed against growing: dnsmasq cannot fill the memory. */
	if (fd < 0 || (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 &&
			  pwrite(fd, text, n, 0) == (ssize_t)n))
		return fd;
	(void)close(fd);
	return -1;
}

/* dnsmasq reads from and writes to memory files: a signal cannot leave a file behind. */
static int check(const struct job *j, const char *text, size_t n, struct err *e)
{
	AUTO_CLOSE int words = in_memory("", 0, SAID_MAX);
	AUTO_CLOSE int conf = in_memory(text, n, n);

	if (words >= 0 && conf >= 0)
		return ask_dnsmasq(j, conf, words, e);
	(void)err_sys(e, "memory for the configuration");
	return EX_FAIL;
}

static int write_output(const char *path, const char *text, size_t n, struct err *e)
{
	struct out o;

	if (out_open(&o, path, 0644, e) < 0)
		return EX_FAIL;
	(void)fwrite(text, 1, n, o.f);
	return out_commit_if_changed(&o, e) < 0 ? EX_FAIL : EX_DONE;
}

/* Writes the configuration, with --check only if dnsmasq accepts it. Returns an exit code. */
static int write_checked(const struct job *j, const struct inventory *inv, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int rc = EX_DONE;

	if (f != NULL)
		write_conf(f, inv);
	if (f == NULL || fclose(f) != 0) {
		(void)err_no_memory(e);
		return EX_FAIL;
	}
	if (j->check)
		rc = check(j, text, n, e);
	if (rc == EX_DONE && j->output != NULL)
		return write_output(j->output, text, n, e);
	if (rc == EX_DONE)
		(void)fwrite(text, 1, n, stdout);
	return rc;
}

static int run(const struct cli *c, const struct job *j)
{
	struct inventory inv = { 0 };
	struct err e = { 0 };
	int code;

	if (c->argc != 1)
		return cli_usage(c, "exactly one inventory is required");
	unfinished_catch_signals();
	code = inventory_read(&inv, c->argv[0], &e) < 0 ? EX_BAD_USAGE : write_checked(j, &inv, &e);
	inventory_free(&inv);
	return code != EX_DONE ? cli_fail(c, code, &e) : EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &dnsconf, .argc = argc, .argv = argv };
	struct job j = { .dnsmasq = "dnsmasq" };

	if (cli_options(&c, NULL, &j) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	return cli_end(&c, run(&c, &j));
}
