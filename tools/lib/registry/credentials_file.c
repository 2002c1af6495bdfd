/* Where credentials are looked for: the files in their order, and the helpers that they name. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/child.h"
#include "base/num.h"
#include "registry/credentials.h"

enum { FILE_MAX = 1 << 20, ANSWER_MAX = 65536, HELPER_MS = 60000 };

/* Docker's helpers know Docker Hub by its old address. */
#define DOCKER_HUB "https://index.docker.io/v1/"

/* Reads all of FD, of at most MAX bytes. Returns it (regcred_forget it) with its length in N, or NULL. */
static char *slurp(int fd, size_t max, size_t *n)
{
	char *text = calloc(max + 1, 1);
	ssize_t some;

	for (*n = 0; text != NULL && *n < max; *n += (size_t)some) {
		some = pread(fd, text + *n, max - *n, (off_t)*n);
		if (some == 0)
			return text;
		if (some < 0)
			break;
	}
	regcred_forget(text);
	return NULL;
}

/* A helper gets the registry's name on its standard input and answers on its standard output. Returns 1, 0 or -1. */
static int ask_helper(struct regcred *c, const char *helper, const char *host, int64_t deadline, struct err *e)
{
	AUTO_CLOSE int in = memfd_create("in", MFD_CLOEXEC);
	AUTO_CLOSE int out = memfd_create("out", MFD_CLOEXEC);
	AUTO_FREE char *program = NULL;
	const char *server = strcmp(host, "docker.io") == 0 ? DOCKER_HUB : host;
	int64_t limit = now_ms() + HELPER_MS;
	struct child child;
	char *answer;
	size_t n;
	int status, rc;

	if (asprintf(&program, "docker-credential-%s", helper) < 0) {
		program = NULL;
		return err_no_memory(e);
	}
	if (in < 0 || out < 0 || dprintf(in, "%s\n", server) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return err_sys(e, "%s", program);
	if (child_start(&child, (char *[]){ program, (char[]){ "get" }, NULL }, &(struct child_io){ in, out, -1 },
		SIGKILL, e) < 0)
		return -1;
	rc = child_wait(&child, deadline < limit ? deadline : limit, &status, e);
	if (rc == 1)
		(void)close(child.pidfd);
	else
		child_kill(&child);
	if (rc != 1)
		return rc < 0 ? -1 : err_set(e, "%s: not done in time", program);
	answer = slurp(out, ANSWER_MAX, &n);
	/* It says this on its standard output, with an exit status of 1. */
	if (answer != NULL && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = strncmp(answer, "credentials not found", 21) == 0 ? 0 : err_set(e, "it failed");
	else
		rc = answer != NULL ? regcred_parse_helper(c, answer, n, e) : err_set(e, "its answer is too long");
	regcred_forget(answer);
	if (rc < 0)
		return err_prefix(e, "%s", program);
	if (rc == 1) {
		c->from = program;
		program = NULL;
	}
	return rc;
}

/* Looks in the file PATH. Returns 1, 0 (also when it is not there, unless it is NEEDED) or -1. */
static int look(struct regcred *c, const char *path, bool needed, const char *host, const char *repo, int64_t deadline,
    struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *helper = NULL;
	struct stat st;
	char *text;
	size_t n;
	int rc;

	if (fd < 0 && !needed && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	text = S_ISREG(st.st_mode) ? slurp(fd, FILE_MAX, &n) : NULL;
	if (text == NULL)
		return err_set(e, "%s: not a file of credentials", path);
	rc = regcred_parse(c, &helper, text, n, host, repo, e);
	explicit_bzero(text, n);
	free(text);
	if (rc < 0)
		return err_prefix(e, "%s", path);
	if (rc == 2)
		return ask_helper(c, helper, host, deadline, e);
	if (rc == 1 && (c->from = strdup(path)) == NULL)
		return err_no_memory(e);
	return rc;
}

/* "$VARIABLE/REST", or "$HOME/ELSE/REST" where the variable is not set (free it); NULL: neither is set. */
static char *under(const char *variable, const char *otherwise, const char *rest)
{
	const char *dir = getenv(variable), *home = getenv("HOME");
	char *path = NULL;
	int n = -1;

	if (dir != NULL && *dir != '\0')
		n = asprintf(&path, "%s/%s", dir, rest);
	else if (otherwise != NULL && home != NULL && *home != '\0')
		n = asprintf(&path, "%s/%s/%s", home, otherwise, rest);
	return n >= 0 ? path : NULL;
}

int regcred_find(
    struct regcred *c, const char *file, const char *host, const char *repo, int64_t deadline, struct err *e)
{
	AUTO_FREE char *runtime = under("XDG_RUNTIME_DIR", NULL, "containers/auth.json");
	AUTO_FREE char *config = under("XDG_CONFIG_HOME", ".config", "containers/auth.json");
	AUTO_FREE char *docker = under("DOCKER_CONFIG", ".docker", "config.json");
	const char *variable = getenv("REGISTRY_AUTH_FILE");
	const char *paths[3];
	bool given;
	size_t i;
	int rc = 0;

	*c = (struct regcred){ 0 };
	if (file == NULL && variable != NULL && *variable != '\0')
		file = variable;
	given = file != NULL;
	paths[0] = given ? file : runtime;
	paths[1] = config;
	paths[2] = docker;
	for (i = 0; i < 3 && rc == 0; i++)
		if (paths[i] != NULL)
			rc = look(c, paths[i], given && i == 0, host, repo, deadline, e);
	if (rc <= 0)
		regcred_free(c);
	return rc;
}
