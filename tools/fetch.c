/* fetch: download a file with a pinned digest from one of its mirrors. */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/flock.h"
#include "base/num.h"
#include "base/sha256.h"
#include "net/download.h"
#include "net/url.h"

enum { DEFAULT_TIMEOUT = 3600, DEFAULT_STALL = 30, DEFAULT_RETRIES = 3 };
enum { MAX_SECONDS = 1000000, MAX_RETRIES = 100 };
/* The pause before a retry doubles each time. A server may ask for a longer one. */
enum { BACKOFF_MS = 500, MAX_BACKOFF_MS = 32000, MAX_RETRY_AFTER = 60 };
enum { PROGRESS_MS = 200, MIB = 1024 * 1024 };

enum { OPT_STALL = OPT_LONG, OPT_MAX_SIZE };

static const struct opt options[] = {
	{ 's', "sha256", "HEX", "the digest of the file (required)" },
	{ 'o', "output", "FILE", "write to FILE (default: last part of the URL)" },
	{ 't', "timeout", "SECONDS", "limit for everything (default: 3600)" },
	{ OPT_STALL, "stall", "SECONDS", "limit without any data (default: 30)" },
	{ 'r', "retries", "N", "retries per mirror (default: 3)" },
	{ OPT_MAX_SIZE, "max-size", "SIZE", "refuse a larger file" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	struct cli *c;
	char sha256[SHA256_HEX];
	const char *output;
	char *part; /* the name of the file until it is complete */
	int fd;     /* PART, locked */
	int64_t timeout, stall, retries;
	uint64_t max;
	int64_t deadline;
	/* Progress: bytes and time when it was first shown, and when it was last shown. */
	uint64_t begun_at;
	int64_t begun, shown;
};

static const struct opt_member members[] = {
	OPT_MEMBER('o', struct job, output),
	{ 0, 0, OPT_TEXT },
};

static const struct tool fetch_tool = {
	.name = "fetch",
	.synopsis = "[options] URL...",
	.about = "Download a file with a pinned digest; the URLs are its mirrors.",
	.opts = options,
	.members = members,
};

/* Results besides those of download(). WRONG: the digest is wrong. */
enum { WRONG = -100, LATE = DOWNLOAD_LATE };

static int set_digest(struct cli *c, char to[SHA256_HEX])
{
	size_t i, n = strlen(c->arg);

	if (n != SHA256_HEX - 1 || strspn(c->arg, "0123456789abcdefABCDEF") != n)
		return cli_usage(c, "'%s' is not a SHA-256 digest (64 hexadecimal digits)", c->arg);
	for (i = 0; i <= n; i++)
		to[i] = (char)tolower((unsigned char)c->arg[i]);
	return EX_DONE;
}

static int set_number(struct cli *c, const char *what, int64_t min, int64_t max, int64_t *to)
{
	if (num_parse(c->arg, min, max, to) == 0)
		return EX_DONE;
	return cli_usage(c, "%s '%s' is not a number from %d to %d", what, c->arg, (int)min, (int)max);
}

/* Takes an option. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct job *job = arg;

	switch (id) {
	case 's':
		return set_digest(c, job->sha256);
	case 't':
		return set_number(c, "timeout", 1, MAX_SECONDS, &job->timeout);
	case OPT_STALL:
		return set_number(c, "stall", 1, MAX_SECONDS, &job->stall);
	case 'r':
		return set_number(c, "number of retries", 0, MAX_RETRIES, &job->retries);
	default:
		if (num_size(c->arg, &job->max) == 0)
			return EX_DONE;
		return cli_usage(c, "size '%s' is not a number with an optional K, M, G or T", c->arg);
	}
}

/* Checks that the digest and the operands are there. Returns an exit code. */
static int check(const struct cli *c, const struct job *job)
{
	int i;

	if (job->sha256[0] == '\0')
		return cli_usage(c, "the digest is missing: use --sha256");
	if (c->argc == 0)
		return cli_usage(c, "expected URL...");
	for (i = 0; i < c->argc; i++)
		if (!url_supported(c->argv[i]))
			return cli_usage(c, "URL %d is not an http, https or file URL", i + 1);
	return EX_DONE;
}

static void show_progress(void *arg, uint64_t have, uint64_t total)
{
	struct job *job = arg;
	int64_t now = now_ms();

	if (now - job->shown < PROGRESS_MS)
		return;
	job->shown = now;
	if (job->begun == 0 || have < job->begun_at) {
		job->begun = now;
		job->begun_at = have;
	}
	(void)fprintf(stderr, "\r%s: %.1f MiB", job->output, (double)have / MIB);
	if (total > 0)
		(void)fprintf(
		    stderr, " of %.1f (%d%%)", (double)total / MIB, (int)((double)have * 100 / (double)total));
	if (now > job->begun)
		(void)fprintf(
		    stderr, ", %.1f MiB/s", (double)(have - job->begun_at) * 1000 / MIB / (double)(now - job->begun));
	(void)fputs("\033[K", stderr);
}

static void clear_progress(const struct job *job)
{
	if (job->shown != 0)
		(void)fputs("\r\033[K", stderr);
}

/* Does PATH exist with the right digest? Returns 1, 0 or -1. HEX is its digest. */
static int is_right(const struct job *job, const char *path, char hex[SHA256_HEX], struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: not a regular file", path);
	return sha256_file(path, hex, NULL, e) < 0 ? -1 : strcmp(hex, job->sha256) == 0;
}

/* Opens and locks the partial file. Returns 0, 1 if another fetch has completed the output meanwhile, -1 or LATE. */
static int open_part(struct job *job, struct err *e)
{
	char hex[SHA256_HEX];
	int rc;

	for (;;) {
		job->fd = open(job->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (job->fd < 0)
			return err_sys(e, "%s", job->part);
		rc = flock_until(job->fd, LOCK_EX, job->deadline, e);
		if (rc < 0)
			return err_prefix(e, "%s", job->part);
		if (rc > 0) {
			(void)err_set(e, "%s: locked by another fetch", job->part);
			return LATE;
		}
		/* The fetch that held the lock may have renamed or removed the file. */
		if (flock_is_at(job->fd, job->part))
			return is_right(job, job->output, hex, e);
		(void)close(job->fd);
		job->fd = -1;
	}
}

/* The partial file is complete: syncs it to disk and renames it. Returns 0 or -1. */
static int finish(struct job *job, struct err *e)
{
	AUTO_FREE char *dir = strdup(job->output);
	AUTO_CLOSE int fd = -1;
	char *slash;

	if (dir == NULL)
		return err_no_memory(e);
	if (fsync(job->fd) < 0 || rename(job->part, job->output) < 0)
		return err_sys(e, "%s", job->output);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[1] = '\0';
	fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, "%s", job->output);
	return 0;
}

/* Checks the downloaded file and finishes it. Returns 0, WRONG (the file is then empty) or -1. */
static int verify(struct job *job, struct err *e)
{
	char hex[SHA256_HEX];
	int rc = is_right(job, job->part, hex, e);

	if (rc != 0)
		return rc > 0 ? finish(job, e) : -1;
	if (ftruncate(job->fd, 0) < 0)
		return err_sys(e, "%s", job->part);
	(void)err_set(e, "the SHA-256 is %s, not %s", hex, job->sha256);
	return WRONG;
}

/* Waits before retry TRY, counted from 1. Returns 0 or LATE. */
static int pause_before(const struct job *job, const char *shown, int64_t try, int retry_after, struct err *e)
{
	int64_t ms = BACKOFF_MS;

	while (--try > 0 && ms < MAX_BACKOFF_MS)
		ms *= 2;
	if (ms < (int64_t)retry_after * 1000)
		ms = (int64_t)retry_after * 1000;
	if (ms >= ms_left(job->deadline)) {
		(void)err_prefix(e, "no time for a retry");
		return LATE;
	}
	cli_note(job->c, "%s: %s; retrying in %d ms", shown, e->msg, (int)ms);
	(void)poll(NULL, 0, (int)ms);
	return 0;
}

/* Downloads the file from URL, which messages show as SHOWN. Returns 0, -1, WRONG or a result of download(). */
static int fetch_from(struct job *job, const char *url, const char *shown, struct err *e)
{
	struct download d = { .url = url,
		.fd = job->fd,
		.max = job->max,
		.deadline = job->deadline,
		.stall = (int)job->stall,
		.arg = job };
	bool again = false;
	int64_t try = 0;
	int rc;

	if (isatty(STDERR_FILENO))
		d.progress = show_progress;
	for (;;) {
		rc = download(&d, e);
		if (rc == 0)
			rc = verify(job, e);
		/* The part that was there may have been wrong, so one more attempt from the beginning is worthwhile. */
		if (rc == DOWNLOAD_RESTART || (rc == WRONG && d.continued && !again)) {
			again = true;
			continue;
		}
		if (rc != DOWNLOAD_AGAIN || try == job->retries || d.retry_after > MAX_RETRY_AFTER)
			return rc;
		if (pause_before(job, shown, ++try, d.retry_after, e) < 0)
			return LATE;
	}
}

/* Tries the mirrors in order. Returns an exit code. */
static int fetch_any(struct job *job, struct err *e)
{
	int i, rc = 0;

	for (i = 0; i < job->c->argc; i++) {
		AUTO_FREE char *shown = url_shown(job->c->argv[i]);

		rc = fetch_from(job, job->c->argv[i], shown != NULL ? shown : "URL", e);
		clear_progress(job);
		if (rc == 0)
			return EX_DONE;
		(void)err_prefix(e, "%s", rc == -1 ? job->output : shown != NULL ? shown : "URL");
		/* No other mirror helps if the file cannot be written or time is up. */
		if (rc == -1 || rc == LATE)
			break;
		if (i + 1 < job->c->argc)
			cli_note(job->c, "%s", e->msg);
	}
	return rc == LATE ? EX_LATE : EX_FAIL;
}

/* Returns an exit code. */
static int run(struct job *job, struct err *e)
{
	char hex[SHA256_HEX];
	struct stat st;
	int rc = is_right(job, job->output, hex, e), code;

	if (rc == 0)
		rc = open_part(job, e);
	if (rc > 0) {
		cli_note(job->c, "%s: already downloaded", job->output);
		if (job->fd >= 0)
			(void)unlink(job->part);
		return EX_DONE;
	}
	if (rc < 0)
		return cli_fail(job->c, rc == LATE ? EX_LATE : EX_FAIL, e);
	/* An earlier fetch may have been killed after the last byte arrived. */
	if (is_right(job, job->part, hex, e) > 0)
		code = finish(job, e) == 0 ? EX_DONE : EX_FAIL;
	else
		code = fetch_any(job, e);
	/* An empty partial file is of no use. */
	if (code != EX_DONE && fstat(job->fd, &st) == 0 && st.st_size == 0)
		(void)unlink(job->part);
	return code == EX_DONE ? code : cli_fail(job->c, code, e);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &fetch_tool, .argc = argc, .argv = argv };
	struct job job = { .c = &c,
		.fd = -1,
		.timeout = DEFAULT_TIMEOUT,
		.stall = DEFAULT_STALL,
		.retries = DEFAULT_RETRIES,
		.max = INT64_MAX };
	struct err e = { 0 };
	char *name = NULL;
	int code;

	if (cli_options(&c, take, &job) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	if ((code = check(&c, &job)) != EX_DONE)
		return cli_end(&c, code);
	job.deadline = now_ms() + job.timeout * 1000;
	if (job.output == NULL)
		job.output = name = url_file_name(c.argv[0]);
	if (job.output == NULL || *job.output == '\0')
		return cli_end(&c, cli_usage(&c, "the URL has no file name: use --output"));
	if (asprintf(&job.part, "%s.part", job.output) < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		code = cli_no_memory(&c);
	else
		code = run(&job, &e);
	curl_global_cleanup();
	if (job.fd >= 0)
		(void)close(job.fd);
	free(job.part);
	free(name);
	return cli_end(&c, code);
}
