/*
 * Runs a fuzz target without a fuzzer over files and over the files in directories, and prints TAP. Each file has a
 * process of its own, so that a crash is reported for its file and the others still run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Seconds after which a process is considered hung; far more than any file takes, even with sanitizers. */
enum { HUNG = 120 };

struct files {
	char **paths;
	size_t n;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void add(struct files *f, char *path)
{
	char **paths = path != NULL ? realloc(f->paths, (f->n + 1) * sizeof *paths) : NULL;

	if (paths == NULL)
		die("paths");
	f->paths = paths;
	f->paths[f->n++] = path;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void add_dir(struct files *f, const char *dir)
{
	struct dirent **names;
	char *path;
	int i, n = scandir(dir, &names, visible, alphasort);

	if (n < 0)
		die(dir);
	for (i = 0; i < n; i++) {
		if (asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0)
			path = NULL;
		add(f, path);
		free(names[i]);
	}
	free(names);
}

/* Runs the target over PATH, read into memory of exactly its size so that a sanitizer detects overruns. */
static int use(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (file == NULL || fstat(fileno(file), &st) < 0)
		die(path);
	n = (size_t)st.st_size;
	data = malloc(n > 0 ? n : 1);
	if (data == NULL || fread(data, 1, n, file) != n)
		die(path);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return EXIT_SUCCESS;
}

/* The last two components of PATH. */
static const char *title(const char *path)
{
	const char *p = path + strlen(path);
	int slashes = 0;

	while (p > path && !(p[-1] == '/' && ++slashes == 2))
		p--;
	return p;
}

/* Runs the target over file I in a process of its own. Returns whether it passed. */
static int run(struct files *f, size_t i)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)alarm(HUNG);
		exit(use(f->paths[i]));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	(void)printf("%sok %zu - %s\n", status == 0 ? "" : "not ", i + 1, title(f->paths[i]));
	if (WIFSIGNALED(status))
		(void)printf("# ended by signal %d\n", WTERMSIG(status));
	else if (status != 0)
		(void)printf("# exit status %d\n", WEXITSTATUS(status));
	return status == 0;
}

int main(int argc, char **argv)
{
	struct files f = { 0 };
	struct stat st;
	size_t i, taken = 0;
	int a;

	for (a = 1; a < argc; a++) {
		if (stat(argv[a], &st) < 0)
			die(argv[a]);
		if (S_ISDIR(st.st_mode))
			add_dir(&f, argv[a]);
		else
			add(&f, strdup(argv[a]));
	}
	(void)printf("1..%zu%s\n", f.n, f.n == 0 ? " # skip no files" : "");
	for (i = 0; i < f.n; i++)
		taken += (size_t)run(&f, i);
	for (i = 0; i < f.n; i++)
		free(f.paths[i]);
	free(f.paths);
	return taken == f.n && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
