/* clusterports: which ports a cluster publishes, and where. */
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/output.h"
#include "base/unfinished.h"
#include "provider/ports.h"
#include "provider/settings.h"

static const struct opt opts[] = {
	{ 'b', "before", "FILE", "reuse the ports in this file if they are free" },
	{ 'l', "list", "FILE", "only print the ports in this file" },
	{ 'o', "others", "DIR", "ports in DIR/*/ports are not free" },
	{ 's', "save", "FILE", "only write the ports that an engine prints to FILE" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *before, *list, *others, *save;
};

static const struct opt_member members[] = {
	OPT_MEMBER('b', struct request, before),
	OPT_MEMBER('l', struct request, list),
	OPT_MEMBER('o', struct request, others),
	OPT_MEMBER('s', struct request, save),
	{ 0, 0, OPT_TEXT },
};

static const struct tool clusterports_tool = {
	.name = "clusterports",
	.synopsis = "[options] [NAME=VALUE...] | -l FILE | -s FILE",
	.about = "Print the options that publish a cluster's ports, for podman run or docker run.",
	.opts = opts,
	.members = members,
};

static int no_file(const char *path, struct err *e)
{
	return access(path, F_OK) == 0 ? -1 : (e->msg[0] = '\0', 0);
}

/* Does nobody on this machine listen on PORT of 127.0.0.1? */
static bool is_free(unsigned port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) }
	};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	/* With this option only a listener is in the way, not a connection that has ended. */
	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	       bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno != EADDRINUSE;
}

/* The ports of the other clusters, those that are stopped included. */
static int load_others(struct ports *taken, const struct request *r, struct err *e)
{
	AUTO_WORDS struct words pattern = { 0 };
	glob_t found = { 0 };
	int rc = 0;
	size_t i;

	if (r->others == NULL)
		return 0;
	if (words_addf(&pattern, "%s/*/ports", r->others) < 0)
		return err_no_memory(e);
	if (glob(pattern.v[0], 0, NULL, &found) != 0)
		return 0;
	for (i = 0; rc == 0 && i < found.gl_pathc; i++)
		if (r->before == NULL || strcmp(found.gl_pathv[i], r->before) != 0)
			rc = ports_load(taken, found.gl_pathv[i], e) < 0 ? no_file(found.gl_pathv[i], e) : 0;
	globfree(&found);
	return rc;
}

static bool is_host(const struct ports *p, unsigned host)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].host == host)
			return true;
	return false;
}

/* Gives ports that may be anywhere the place that they had before, so that addresses which users have noted stay valid.
 */
static int use_again(struct ports *p, const struct request *r, struct err *e)
{
	AUTO_PORTS struct ports before = { 0 }, taken = { 0 };
	const struct port *old;
	size_t i;

	if (r->before == NULL)
		return 0;
	if (ports_load(&before, r->before, e) < 0)
		return no_file(r->before, e);
	if (load_others(&taken, r, e) < 0)
		return -1;
	for (i = 0; i < p->n; i++) {
		old = ports_find(&before, p->v[i].port);
		if (p->v[i].host == 0 && old != NULL && !is_host(&taken, old->host) && is_free(old->host))
			p->v[i].host = old->host;
	}
	return 0;
}

static void print_options(const struct ports *p)
{
	const char *blank = "";
	size_t i;

	(void)fputs("--env=FORWARD=", stdout);
	for (i = 0; i < p->n; i++)
		if (p->v[i].node != 0) {
			(void)printf("%s%u:%u:%u", blank, p->v[i].port, p->v[i].node, p->v[i].target);
			blank = " ";
		}
	(void)putchar('\n');
	for (i = 0; i < p->n; i++) {
		if (p->v[i].host != 0)
			(void)printf("--publish=127.0.0.1:%u:%u\n", p->v[i].host, p->v[i].port);
		else
			(void)printf("--publish=127.0.0.1::%u\n", p->v[i].port);
	}
}

static int plan(const struct cli *c, const struct request *r)
{
	AUTO_CONF struct conf settings = { 0 };
	AUTO_PORTS struct ports p = { 0 };
	struct err e = { 0 };

	if (settings_from_words(&settings, c->argv, (size_t)c->argc, &e) < 0)
		return cli_usage(c, "%s", e.msg);
	if (ports_plan(&p, &settings, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	if (ports_check(&p, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	if (use_again(&p, r, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	print_options(&p);
	return EX_DONE;
}

static int list(const struct cli *c, const char *path)
{
	AUTO_PORTS struct ports p = { 0 };
	struct err e = { 0 };
	char name[32];
	size_t i;

	if (ports_load(&p, path, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	for (i = 0; i < p.n; i++)
		(void)printf("%-12s 127.0.0.1:%u\n", ports_name(name, p.v[i].port), p.v[i].host);
	return EX_DONE;
}

static int save(const struct cli *c, const char *path)
{
	AUTO_PORTS struct ports p = { 0 };
	struct err e = { 0 };
	struct out o;
	size_t i;

	if (ports_read(&p, stdin, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	if (p.n == 0)
		return EX_NO;
	ports_sort(&p);
	unfinished_catch_signals();
	if (out_open(&o, path, 0666, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	for (i = 0; i < p.n; i++)
		(void)fprintf(o.f, "port_%u=%u\n", p.v[i].port, p.v[i].host);
	return out_commit(&o, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

static int run(const struct cli *c, const struct request *r)
{
	bool other = r->list != NULL || r->save != NULL;

	if ((r->list != NULL && r->save != NULL) || (other && (r->before != NULL || r->others != NULL || c->argc > 0)))
		return cli_usage(c, "--list and --save take no other option and no operand");
	if (r->list != NULL)
		return list(c, r->list);
	return r->save != NULL ? save(c, r->save) : plan(c, r);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &clusterports_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };

	return cli_end(&c, cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r));
}
