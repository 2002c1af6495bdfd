/* hostcheck: checks whether this machine can run a cluster with the settings of the environment. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "host/requirements.h"
#include "provider/ports.h"
#include "provider/settings.h"
#include "vm/command_line.h"
#include "vm/kvm.h"

/* The memory of a node if neither the user nor the provider sets it. */
#define MEMORY_DEFAULT "1024M"

/* The space that provisioning a provider takes: its stages with their checkpoints. */
#define SPACE_DEFAULT "8G"

/* The address of the nodes' bridge if the provider does not set it; see provider.ini(5). */
#define NETWORK_DEFAULT "192.168.66.2/24"

enum { NODES_MAX = 99, OPT_ERROR = OPT_LONG, OPT_ACCEL };

static const struct opt opts[] = {
	{ OPT_ACCEL, "accel", NULL, "only print the accelerator, kvm or tcg" },
	{ 'd', "dir", "DIR", "the directory that needs free space (.)" },
	{ 'e', "engine", "FILE", "the result of mk/sh/common/engine" },
	{ OPT_ERROR, "engine-error", "TEXT", "its error, if FILE does not exist" },
	{ 'I', "include", "DIR", "also look in DIR for inherited providers" },
	{ 'p', "provider", "DIR", "the provider" },
	{ 'q', "quiet", NULL, "print only requirements that are not met" },
	{ 's', "space", "SIZE", "the free space that is required (" SPACE_DEFAULT ")" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *dir, *engine, *engine_error, *provider, *space;
	struct words include;
	uint64_t space_bytes;
	bool quiet, accel;
	/* What is checked, and whether a requirement is not met. */
	struct conf settings;
	char *network;
	bool bad;
};

static const struct opt_member members[] = {
	OPT_MEMBER('d', struct request, dir),
	OPT_MEMBER('e', struct request, engine),
	OPT_MEMBER(OPT_ERROR, struct request, engine_error),
	OPT_MEMBER('p', struct request, provider),
	OPT_MEMBER('q', struct request, quiet),
	OPT_MEMBER('s', struct request, space),
	OPT_MEMBER(OPT_ACCEL, struct request, accel),
	OPT_MEMBER('I', struct request, include),
	{ 0, 0, OPT_TEXT },
};

static const struct tool hostcheck_tool = {
	.name = "hostcheck",
	.synopsis = "[options]",
	.about = "Check whether this machine can run a cluster; print each requirement.",
	.opts = opts,
	.members = members,
};

static void report(struct request *r, const char *name, const struct host_answer *a)
{
	static const char *const grades[] = { "ok  ", "note", "BAD " };

	if (a->grade == HOST_BAD) {
		(void)fflush(stdout);
		r->bad = true;
	}
	if (a->grade == HOST_BAD || !r->quiet)
		(void)fprintf(
		    a->grade == HOST_BAD ? stderr : stdout, "  %s  %-12s %s\n", grades[a->grade], name, a->text);
}

static const char *setting(const struct request *r, const char *name)
{
	const struct conf_line *l = conf_find(&r->settings, name);

	return l != NULL ? l->value : "";
}

/* The accelerator of the nodes. That of the user is not checked. */
static const char *accel(const struct request *r)
{
	const char *wanted = setting(r, "ACCEL");

	if (*wanted != '\0')
		return wanted;
	return vm_kvm_usable() ? "kvm" : "tcg";
}

static uint64_t nodes(const struct request *r)
{
	int64_t n = 1;

	(void)num_parse(setting(r, "NODES"), 1, NODES_MAX, &n);
	return (uint64_t)n;
}

static void check_engine(struct request *r)
{
	struct host_answer a = { .grade = HOST_GOOD };
	AUTO_CONF struct conf conf = { 0 };
	const struct conf_line *command, *options;
	struct err e = { 0 };

	if (r->engine != NULL && conf_load(&conf, r->engine, &e) == 0 &&
	    (command = conf_find(&conf, "engine")) != NULL) {
		options = conf_find(&conf, "engine_run");
		(void)snprintf(
		    a.text, sizeof a.text, "%s run %s", command->value, options != NULL ? options->value : "");
	} else {
		a.grade = HOST_BAD;
		(void)snprintf(
		    a.text, sizeof a.text, "%s Install podman ('make deps') or start docker.", r->engine_error);
	}
	report(r, "engine", &a);
}

/* The memory of all nodes, and of what emulates them. */
static void check_memory(struct request *r)
{
	const char *size = setting(r, "MEMORY");
	bool kvm = strcmp(accel(r), "kvm") == 0;
	struct host_answer a = { .grade = HOST_BAD };
	uint64_t bytes;

	if (num_size(*size != '\0' ? size : MEMORY_DEFAULT, &bytes) < 0)
		(void)snprintf(a.text, sizeof a.text, "MEMORY=%s is not a size such as 4096M or 4G", size);
	else
		host_memory(&a, (bytes >> 20) * nodes(r), kvm ? 0 : vm_tcg_cache(bytes)->used * nodes(r));
	report(r, "memory", &a);
}

/* The ports of this machine that the settings name. */
static int check_ports(struct request *r, struct err *e)
{
	AUTO_PORTS struct ports plan = { 0 };
	unsigned *ports;
	struct host_answer a;
	size_t n = 0, i;

	/* The API's port counts, whether or not the provider has Kubernetes. */
	if (conf_set(&r->settings, "kubernetes_version", "any", NULL, e) < 0 || ports_plan(&plan, &r->settings, e) < 0)
		return -1;
	ports = calloc(plan.n, sizeof *ports);
	if (ports == NULL)
		return err_no_memory(e);
	for (i = 0; i < plan.n; i++)
		if (plan.v[i].host != 0)
			ports[n++] = plan.v[i].host;
	host_ports(&a, ports, n);
	free(ports);
	report(r, "ports", &a);
	return 0;
}

/* The memory of a node, if the user has not set it. A provider without a value is no error. */
static int take_memory(struct request *r, const struct provider *p, struct err *e)
{
	AUTO_CONF struct conf values = { 0 };
	const struct conf_line *memory;

	if (*setting(r, "MEMORY") != '\0')
		return 0;
	if (settings_from_provider(&values, NULL, p, e) < 0)
		return -1;
	memory = conf_find(&values, "MEMORY");
	return memory != NULL ? conf_set(&r->settings, "MEMORY", memory->value, memory->origin, e) : 0;
}

static int take_network(struct request *r, const struct provider *p, struct err *e)
{
	const char *address = provider_get(p, "network", "address");

	if (address == NULL || *address == '\0')
		return 0;
	r->network = strdup(address);
	return r->network != NULL ? 0 : err_no_memory(e);
}

/* The settings of the environment, which may be invalid, and what the provider says. An invalid provider is no error. */
static int read_settings(struct request *r, struct err *e)
{
	AUTO_PROVIDER struct provider p = { 0 };

	if (settings_from_environment(&r->settings, e) < 0)
		return -1;
	if (r->provider == NULL || provider_load(&p, r->provider, &r->include, e) < 0)
		return 0;
	return take_network(r, &p, e) < 0 ? -1 : take_memory(r, &p, e);
}

static int check_all(struct request *r, struct err *e)
{
	struct host_answer a;

	if (!r->quiet)
		(void)puts("Requirements for a cluster on this machine:");
	host_accel(&a, setting(r, "ACCEL"));
	report(r, "accel", &a);
	host_tun(&a);
	report(r, "tun", &a);
	check_engine(r);
	host_cgroups(&a);
	report(r, "cgroups", &a);
	host_limits(&a);
	report(r, "limits", &a);
	host_disk(&a, r->dir, r->space_bytes);
	report(r, "disk", &a);
	check_memory(r);
	if (check_ports(r, e) < 0)
		return -1;
	host_networks(&a, r->network != NULL ? r->network : NETWORK_DEFAULT);
	report(r, "networks", &a);
	if (!r->quiet && !r->bad)
		(void)puts("All requirements are met.");
	return 0;
}

static int run(const struct cli *c, struct request *r)
{
	struct err e = { 0 };

	if (c->argc > 0)
		return cli_usage(c, "no operand is expected");
	if (num_size(r->space, &r->space_bytes) < 0)
		return cli_usage(c, "--space %s: not a size such as 8G", r->space);
	if (read_settings(r, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	if (r->accel) {
		(void)puts(accel(r));
		return EX_DONE;
	}
	if (check_all(r, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	return r->bad ? EX_FAIL : EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &hostcheck_tool, .argc = argc, .argv = argv };
	struct request r = { .dir = ".", .engine_error = "none", .space = SPACE_DEFAULT };
	int code;

	code = cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.include);
	conf_free(&r.settings);
	free(r.network);
	return cli_end(&c, code);
}
