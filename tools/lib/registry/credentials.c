#include "registry/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/num.h"

enum { ENTRY_MAX = 65536, FILE_MAX = 1 << 20, ANSWER_MAX = 65536, HELPER_MS = 60000 };

/* Docker's helpers know Docker Hub by its old address. */
#define DOCKER_HUB "https://index.docker.io/v1/"

void regcred_forget(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void regcred_free(struct regcred *c)
{
	regcred_forget(c->user);
	regcred_forget(c->password);
	regcred_forget(c->identity);
	free(c->from);
	*c = (struct regcred){ 0 };
}

/* Can S be the value of a header? */
static bool printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* Sets C to copies. Returns 1 or -1. */
static int set(struct regcred *c, const char *user, const char *password, const char *identity, struct err *e)
{
	const char *all[] = { user, password, identity };
	size_t i;

	for (i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] != NULL && !printable(all[i]))
			return err_set(e, "control character in a user name or password");
	if (user != NULL && strchr(user, ':') != NULL)
		return err_set(e, "colon in a user name");
	c->user = user != NULL ? strdup(user) : NULL;
	c->password = password != NULL ? strdup(password) : NULL;
	c->identity = identity != NULL ? strdup(identity) : NULL;
	if ((c->user == NULL) != (user == NULL) || (c->password == NULL) != (password == NULL) ||
	    (c->identity == NULL) != (identity == NULL))
		return err_no_memory(e);
	return 1;
}

/* Decodes base64 of "USER:PASSWORD". Returns it (regcred_forget it), or NULL. */
static char *decode(const char *text)
{
	size_t n = strlen(text), pad = 0;
	char *raw;
	int m;

	if (n == 0 || n % 4 != 0 || n > ENTRY_MAX)
		return NULL;
	while (pad < 2 && text[n - 1 - pad] == '=')
		pad++;
	raw = malloc(n);
	if (raw == NULL)
		return NULL;
	m = EVP_DecodeBlock((unsigned char *)raw, (const unsigned char *)text, (int)n);
	if (m < (int)pad) {
		free(raw);
		return NULL;
	}
	/* EVP_DecodeBlock counts the padding. Old versions of docker appended NULs to passwords. */
	raw[(size_t)m - pad] = '\0';
	return raw;
}

/* Takes one entry of "auths". Returns 1, 0 if it is empty, or -1. */
static int take_entry(struct regcred *c, const json_t *entry, struct err *e)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *identity = json_string_value(json_object_get(entry, "identitytoken"));
	const char *user = json_string_value(json_object_get(entry, "username"));
	char *both, *colon;
	int rc;

	if (identity != NULL && *identity != '\0')
		return set(c, NULL, NULL, identity, e);
	if (auth == NULL || *auth == '\0') {
		if (user == NULL || *user == '\0')
			return 0;
		auth = json_string_value(json_object_get(entry, "password"));
		return set(c, user, auth != NULL ? auth : "", NULL, e);
	}
	both = decode(auth);
	colon = both != NULL ? strchr(both, ':') : NULL;
	if (colon == NULL) {
		regcred_forget(both);
		return err_set(e, "an entry is not base64 of USER:PASSWORD");
	}
	*colon = '\0';
	rc = set(c, both, colon + 1, NULL, e);
	colon[0] = ':';
	regcred_forget(both);
	return rc;
}

/* Does KEY of docker's files, a URL, name HOST? Docker Hub has another name there. */
static bool names_host(const char *key, const char *host)
{
	const char *at = strstr(key, "://");
	size_t n;

	if (at == NULL && strcmp(host, "docker.io") != 0)
		return false;
	key = at != NULL ? at + 3 : key;
	n = strcspn(key, "/");
	if (strcmp(host, "docker.io") == 0 && n == strlen("index.docker.io") && strncmp(key, "index.docker.io", n) == 0)
		return true;
	return n == strlen(host) && strncmp(key, host, n) == 0;
}

/* Looks in "auths" for HOST/REPO, for each of its parents, and finally for HOST. */
static int find_entry(struct regcred *c, json_t *auths, const char *host, const char *repo, struct err *e)
{
	AUTO_FREE char *key = NULL;
	const char *name;
	json_t *entry;
	char *slash;
	int rc = 0;

	if (asprintf(&key, "%s/%s", host, repo) < 0) {
		key = NULL;
		return err_no_memory(e);
	}
	for (;;) {
		entry = json_object_get(auths, key);
		if (entry != NULL && (rc = take_entry(c, entry, e)) != 0)
			return rc;
		slash = strrchr(key, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	json_object_foreach (auths, name, entry) {
		if (rc == 0 && names_host(name, host))
			rc = take_entry(c, entry, e);
	}
	return rc;
}

/* Takes the name of a helper, which becomes part of a program's name. Returns 2, 0 or -1. */
static int take_helper(char **helper, const json_t *name, struct err *e)
{
	const char *text = json_string_value(name);

	if (text == NULL || *text == '\0')
		return 0;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(text))
		return err_set(e, "bad name of a credential helper");
	*helper = strdup(text);
	return *helper != NULL ? 2 : err_no_memory(e);
}

int regcred_parse(
    struct regcred *c, char **helper, const char *text, size_t n, const char *host, const char *repo, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(text, n, 0, &why);
	int rc;

	*helper = NULL;
	/* jansson's message may quote the file, so it is not shown. */
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, "line %d: not valid JSON", j == NULL ? why.line : 1);
	}
	rc = take_helper(helper, json_object_get(json_object_get(j, "credHelpers"), host), e);
	if (rc == 0)
		rc = find_entry(c, json_object_get(j, "auths"), host, repo, e);
	if (rc == 0)
		rc = take_helper(helper, json_object_get(j, "credsStore"), e);
	json_decref(j);
	return rc;
}

int regcred_parse_helper(struct regcred *c, const char *text, size_t n, struct err *e)
{
	json_t *j = json_loadb(text, n, 0, NULL);
	const char *user = json_string_value(json_object_get(j, "Username"));
	const char *secret = json_string_value(json_object_get(j, "Secret"));
	int rc;

	if (user == NULL || secret == NULL)
		rc = err_set(e, "no Username and Secret in the answer");
	else if (strcmp(user, "<token>") == 0)
		rc = set(c, NULL, NULL, secret, e);
	else
		rc = *user != '\0' ? set(c, user, secret, NULL, e) : 0;
	json_decref(j);
	return rc;
}

/*
 * Reads all of FD, less than MAX bytes. Returns it (regcred_forget it) with its length in N, or NULL. Unlike read_fd it
 * never moves the buffer, which would leave copies of secrets in memory.
 */
static char *read_secret(int fd, size_t max, size_t *n)
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

/* Runs a helper, which reads the registry's name from its standard input and writes JSON. Returns 1, 0 or -1. */
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
		return rc < 0 ? -1 : err_set(e, "%s: timed out", program);
	answer = read_secret(out, ANSWER_MAX, &n);
	/* Helpers say this on their standard output, with exit status 1. */
	if (answer != NULL && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = strncmp(answer, "credentials not found", 21) == 0 ? 0 : err_set(e, "it failed");
	else
		rc = answer != NULL ? regcred_parse_helper(c, answer, n, e) : err_set(e, "the answer is too long");
	regcred_forget(answer);
	if (rc < 0)
		return err_prefix(e, "%s", program);
	if (rc == 1) {
		c->from = program;
		program = NULL;
	}
	return rc;
}

/* Looks in the file PATH, which may be missing unless it is NEEDED. Returns 1, 0 or -1. */
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
	text = S_ISREG(st.st_mode) ? read_secret(fd, FILE_MAX, &n) : NULL;
	if (text == NULL)
		return err_set(e, "%s: not a credentials file", path);
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

/* "$VARIABLE/REST", or "$HOME/OTHERWISE/REST" if the variable is not set (free it). NULL: neither is set. */
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
