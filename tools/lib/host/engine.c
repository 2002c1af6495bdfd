#include "host/engine.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/args.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/num.h"

#define TIMEOUT_MS 30000
#define FEW_LIMITS "--ulimit nofile=4096:4096 --ulimit nproc=4096:4096"
#define PROBE "kubestamp-probe"

static const char *const podman_globals[] = { "", "--cgroup-manager cgroupfs", "--runtime runc",
	"--runtime runc --cgroup-manager cgroupfs" };

enum { N_GLOBALS = sizeof podman_globals / sizeof *podman_globals };

/* Puts the last line of TEXT that is not empty into WHY. Returns false if there is none. */
static bool last_line(char *text, struct err *why)
{
	char *line;
	size_t n;

	for (n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
		text[n - 1] = '\0';
	line = strrchr(text, '\n');
	(void)err_set(why, "%s", line != NULL ? line + 1 : text);
	return n > 0;
}

/* Runs the words of COMMAND. Returns 1 if it succeeds, 0 with the last line of its output in WHY, or -1. */
static int works(const struct words *command, struct err *why)
{
	struct child_text text = { 0 };
	struct args args = { 0 };
	int status = 0, rc;
	size_t i;

	for (i = 0; i < command->n; i++)
		args_add(&args, "%s", command->v[i]);
	if (args.failed) {
		args_free(&args);
		return err_no_memory(why);
	}
	rc = child_run(args.v, -1, now_ms() + TIMEOUT_MS, &text, &status, why);
	args_free(&args);
	/* It was not executed, or not in time. */
	if (rc < 0)
		return 0;
	rc = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (rc == 0 && !last_line(text.err, why))
		(void)last_line(text.out, why);
	free(text.out);
	free(text.err);
	return rc;
}

static uint64_t hard_limit(int resource, uint64_t unlimited)
{
	struct rlimit limit;

	return getrlimit((__rlimit_resource_t)resource, &limit) < 0 || limit.rlim_max == RLIM_INFINITY ? unlimited
												       : limit.rlim_max;
}

/* Runs pause in E's container: ROOT is the option and its operand that stand for the root file system, or an image. */
static int runs(const struct engine *e, const char *root, struct err *why)
{
	AUTO_WORDS struct words command = { 0 };
	int rc = 0;
	size_t i;

	for (i = 0; i < e->command.n; i++)
		rc |= words_add(&command, e->command.v[i]);
	rc |= words_split(&command, "run --rm --publish 127.0.0.1::9");
	for (i = 0; i < e->run.n; i++)
		rc |= words_add(&command, e->run.v[i]);
	if (strcmp(root, PROBE) != 0)
		rc |= words_add(&command, "--rootfs");
	rc |= words_add(&command, root);
	rc |= words_split(&command, "/pause --version");
	return rc < 0 ? err_no_memory(why) : works(&command, why);
}

/* The same for an engine with these options. */
static int runs_with(
    struct engine *e, const char *name, const char *global, const char *limits, const char *root, struct err *why)
{
	engine_free(e);
	if (words_add(&e->command, name) < 0 || words_split(&e->command, global) < 0 ||
	    words_split(&e->run, limits) < 0)
		return err_no_memory(why);
	return runs(e, root, why);
}

static int try_podman(struct engine *e, const char *tree, struct err *why)
{
	AUTO_WORDS struct words text = { 0 };
	uint64_t nofile = hard_limit(RLIMIT_NOFILE, 1048576), nproc = hard_limit(RLIMIT_NPROC, 65536);
	const char *limits[3] = { "", NULL, FEW_LIMITS };
	size_t l, g;
	int rc;

	if (words_addf(&text, "%s/root", tree) < 0 ||
	    words_addf(&text, "--ulimit nofile=%" PRIu64 ":%" PRIu64 " --ulimit nproc=%" PRIu64 ":%" PRIu64, nofile,
		nofile, nproc, nproc) < 0)
		return err_no_memory(why);
	limits[1] = text.v[1];
	for (l = 0; l < 3; l++)
		for (g = 0; g < N_GLOBALS; g++) {
			rc = runs_with(e, "podman", podman_globals[g], limits[l], text.v[0], why);
			if (rc != 0)
				return rc;
		}
	return 0;
}

/* docker has no --rootfs, so a tiny image is imported and removed again. */
static int try_docker(struct engine *e, const char *tree, struct err *why)
{
	AUTO_WORDS struct words import = { 0 }, remove = { 0 };
	int rc;

	if (words_split(&import, "docker import") < 0 || words_addf(&import, "%s/root.tar", tree) < 0 ||
	    words_add(&import, PROBE) < 0 || words_split(&remove, "docker rmi -f " PROBE) < 0)
		return err_no_memory(why);
	rc = works(&import, why);
	if (rc <= 0)
		return rc;
	rc = runs_with(e, "docker", "", "", PROBE, why);
	if (rc == 0)
		rc = runs_with(e, "docker", "", FEW_LIMITS, PROBE, why);
	(void)works(&remove, &(struct err){ 0 });
	return rc;
}

/* Is there a program NAME in PATH? */
static bool installed(const char *name)
{
	AUTO_FREE char *path = strdup(getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin:/bin");
	AUTO_WORDS struct words file = { 0 };
	char *dir, *rest = path;

	while (path != NULL && (dir = strsep(&rest, ":")) != NULL) {
		words_free(&file);
		if (words_addf(&file, "%s/%s", dir, name) == 0 && access(file.v[0], X_OK) == 0)
			return true;
	}
	return false;
}

int engine_try(struct engine *e, const char *name, const char *tree, struct err *why)
{
	bool podman = strcmp(name, "podman") == 0;

	if (!installed(name))
		return err_set(why, "not installed"), 0;
	if (!podman && strcmp(name, "docker") != 0)
		return err_set(why, "neither podman nor docker"), 0;
	return podman ? try_podman(e, tree, why) : try_docker(e, tree, why);
}

void engine_free(struct engine *e)
{
	words_free(&e->command);
	words_free(&e->run);
}
