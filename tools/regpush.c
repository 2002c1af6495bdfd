/* regpush: upload an image of an OCI layout to a registry. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "registry/blob_upload.h"
#include "registry/manifest.h"
#include "registry/options.h"
#include "registry/progress.h"
#include "registry/referrers.h"

enum { OPT_MOUNT = OPT_LONG };

static const struct opt options[] = {
	REGOPTS_ROWS,
	{ OPT_MOUNT, "mount-from", "REPO", "another repository there, to mount blobs from" },
	{ 'n', "dry-run", NULL, "print what would be sent, but send nothing" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	struct cli *c;
	struct regopts opts;
	const char *mount;
	bool dry;
	struct ref to;
	const char *tag;  /* in the layout; NULL: its only image */
	const char *name; /* of the image in the registry */
	struct layout layout;
	struct regqueue queue;
	struct regimage image;
	struct regmanifest_pull current; /* the image that the tag names in the registry now */
	bool trust;                      /* the registry has all parts of it */
	struct regmanifest_push manifests;
	struct blob_upload *blobs;
	size_t nblobs;
	struct regprogress bar;
};

static const struct opt_member members[] = {
	OPT_MEMBER(OPT_MOUNT, struct job, mount),
	OPT_MEMBER('n', struct job, dry),
	{ 0, 0, OPT_TEXT },
};

static const struct tool regpush_tool = {
	.name = "regpush",
	.synopsis = "[options] LAYOUT[:TAG] REGISTRY/REPO[:TAG]",
	.about = "Upload an image of an OCI layout to a registry.",
	.opts = options,
	.members = members,
};

/* Takes an option. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct job *job = arg;
	struct err e;

	return regopts_set(&job->opts, id, c->arg, &e) == 0 ? EX_DONE : cli_usage(c, "%s", e.msg);
}

/* Is the argument of --mount-from a repository of the registry? */
static bool mount_ok(const struct job *job)
{
	AUTO_FREE char *both = NULL;
	struct ref r = { 0 };
	struct err ignored;
	bool good;

	if (asprintf(&both, "%s/%s", job->to.host, job->mount) < 0)
		both = NULL;
	good = both != NULL && ref_parse(&r, both, &ignored) == 0 && r.tag == NULL && r.hex == NULL;
	ref_free(&r);
	return good;
}

/* Checks and parses the operands. Returns an exit code. */
static int check(struct cli *c, struct job *job)
{
	struct err e;

	if (c->argc != 2 || *c->argv[0] == '\0')
		return cli_usage(c, "two operands are required: LAYOUT[:TAG] and REGISTRY/REPO[:TAG]");
	if (ref_parse(&job->to, c->argv[1], &e) < 0)
		return cli_usage(c, "%s", e.msg);
	if (job->to.hex != NULL)
		return cli_usage(c, "'%s': cannot push to a digest", c->argv[1]);
	if (job->mount != NULL && !mount_ok(job))
		return cli_usage(c, "'%s' is not a repository", job->mount);
	return EX_DONE;
}

static void on_progress(void *arg, uint64_t sent, uint64_t received)
{
	struct job *job = arg;
	uint64_t total = 0;
	size_t i;

	(void)received;
	if (job->nblobs == 0)
		return;
	for (i = 0; i < job->nblobs; i++)
		if (job->blobs[i].fate == BLOB_UPLOAD_SENT || job->blobs[i].fate == BLOB_UPLOAD_TO_SEND)
			total += job->blobs[i].part->size;
	regprogress_show(&job->bar, job->name, sent, total);
}

/* The image with the tag, or the only one. Returns a borrowed reference or NULL. */
static const json_t *choose(const struct job *job, const json_t *index, struct err *e)
{
	const json_t *list = json_object_get(index, "manifests"), *found;

	if (job->tag != NULL) {
		found = document_find(index, job->tag);
		if (found == NULL)
			(void)err_set(e, "%s: no image '%s'", job->layout.dir, job->tag);
		return found;
	}
	if (json_array_size(list) != 1)
		(void)err_set(
		    e, "%s: it has %zu images; choose one with LAYOUT:TAG", job->layout.dir, json_array_size(list));
	return json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
}

/* Reads the image's documents. Returns 0 or -1. */
static int read_image(struct job *job, struct err *e)
{
	json_t *index = layout_index(&job->layout, e);
	const json_t *found = index != NULL ? choose(job, index, e) : NULL;
	struct document_desc d;
	int rc = -1;

	if (found != NULL && (rc = document_desc(found, &d, e)) == 0)
		rc = regimage_read(&job->image, &job->layout, &d, e);
	json_decref(index);
	return rc;
}

/* A blob that its manifest says to get from other URLs is sent only if the layout has it. */
static bool left_out(const struct job *job, const struct regimage_part *part)
{
	struct err ignored;
	AUTO_FREE char *path = layout_path(&job->layout, LAYOUT_BLOBS, part->hex, &ignored);

	return part->foreign && (path == NULL || access(path, F_OK) < 0);
}

/* Collects the blobs that may have to be sent, the largest first. Returns 0 or -1. */
static int gather(struct job *job, struct err *e)
{
	const struct regimage_list *all = &job->image.blobs;
	size_t i;

	regimage_sort_blobs(&job->image);
	free(job->blobs);
	job->nblobs = 0;
	job->blobs = calloc(all->n + 1, sizeof *job->blobs);
	if (job->blobs == NULL)
		return err_no_memory(e);
	for (i = 0; i < all->n; i++) {
		if ((job->trust && regimage_has(&job->current.image.blobs, all->v[i].hex)) || left_out(job, &all->v[i]))
			continue;
		job->blobs[job->nblobs++] = (struct blob_upload){ .q = &job->queue,
			.l = &job->layout,
			.repo = job->to.repo,
			.mount = job->mount,
			.part = &all->v[i],
			.dry = job->dry,
			.fate = BLOB_UPLOAD_TO_SEND };
	}
	return 0;
}

/* The registry must have the blobs that the layout lacks. Returns 0 or -1. */
static int check_absent(const struct job *job, struct err *e)
{
	const char *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < job->nblobs; i++) {
		if (job->blobs[i].fate != BLOB_UPLOAD_ABSENT)
			continue;
		if (n++ == 0)
			first = job->blobs[i].name_;
	}
	if (n == 0)
		return 0;
	return err_set(
	    e, "%s: neither in %s nor in the registry%s", first, job->layout.dir, n > 1 ? ", nor are other blobs" : "");
}

static int push_blobs(struct job *job, struct err *e)
{
	static const char *const fates[] = { "sent", "already there", "mounted", "to be sent",
		"neither here nor there" };
	struct regtask **tasks;
	size_t i;
	int rc = gather(job, e);

	tasks = calloc(job->nblobs + 1, sizeof(struct regtask *));
	if (rc == 0 && tasks == NULL)
		rc = err_no_memory(e);
	if (rc < 0) {
		free(tasks);
		return rc;
	}
	for (i = 0; i < job->nblobs; i++) {
		blob_upload_init(&job->blobs[i]);
		tasks[i] = &job->blobs[i].task;
	}
	job->bar.begun = now_ms();
	rc = regqueue_run(&job->queue, tasks, job->nblobs, e);
	regprogress_clear(&job->bar);
	if (rc == 0)
		rc = check_absent(job, e);
	for (i = 0; i < job->nblobs; i++) {
		if (rc == 0 || job->blobs[i].fate == BLOB_UPLOAD_ABSENT)
			cli_note(job->c, "%s: %s", job->blobs[i].name_, fates[job->blobs[i].fate]);
		blob_upload_free(&job->blobs[i]);
	}
	free(tasks);
	return rc;
}

static int push_manifests(struct job *job, struct err *e)
{
	job->manifests = (struct regmanifest_push){ .q = &job->queue,
		.repo = job->to.repo,
		.l = &job->layout,
		.image = &job->image,
		.tag = job->to.tag,
		.name = job->name,
		.known = job->trust ? &job->current.image.docs : NULL,
		.unlisted = job->manifests.unlisted };
	return regmanifest_push(&job->manifests, e);
}

/* Lists the manifests with a subject as referrers if the registry does not do so. Returns 0, -1 or REGQUEUE_LATE. */
static int list_referrers(struct job *job, struct err *e)
{
	const struct regimage_list *docs = &job->image.docs;
	size_t i, n;
	int rc = 0;

	for (i = 0; rc == 0 && i < docs->n; i++) {
		const struct document_desc d = { docs->v[i].media, docs->v[i].hex, docs->v[i].size };
		AUTO_FREE char *text = NULL;

		if (!words_has(&job->manifests.unlisted, d.hex))
			continue;
		text = layout_text(&job->layout, &d, &n, e);
		rc = text != NULL ? regreferrers_add(&job->queue, job->to.repo, &d, text, n, e) : -1;
		if (rc == 0)
			cli_note(job->c, "sha256:%s: listed in sha256-%s", d.hex, docs->v[i].subject);
	}
	return rc;
}

/* Prints what would be sent as "DIGEST BYTES MEDIA-TYPE". */
static void print_plan(const struct job *job)
{
	const struct regimage_list *docs = &job->image.docs;
	size_t i;

	for (i = 0; i < job->nblobs; i++)
		if (job->blobs[i].fate == BLOB_UPLOAD_TO_SEND)
			(void)printf("%s %llu %s\n", job->blobs[i].name_, (unsigned long long)job->blobs[i].part->size,
			    job->blobs[i].part->media);
	for (i = docs->n; i-- > 0;)
		if (i == 0 || !regimage_has(&job->current.image.docs, docs->v[i].hex))
			(void)printf("sha256:%s %llu %s\n", docs->v[i].hex, (unsigned long long)docs->v[i].size,
			    docs->v[i].media);
}

/* Pushes blobs, then manifests. Returns 0, -1 or REGQUEUE_LATE. */
static int push(struct job *job, struct err *e)
{
	const struct regimage_list *now = &job->current.image.docs;
	const char *hex = job->image.docs.v[0].hex;
	/* One with a subject is sent again: its sender may have been stopped before listing it as a referrer. */
	bool again = job->image.docs.v[0].subject[0] != '\0' && !job->dry;
	int rc;

	if (now->n > 0 && job->trust && strcmp(now->v[0].hex, hex) == 0 && !again) {
		cli_note(job->c, "%s: already there", job->name);
	} else {
		rc = push_blobs(job, e);
		if (rc == 0 && job->dry)
			print_plan(job);
		if (rc == 0 && !job->dry)
			rc = push_manifests(job, e);
		if (rc == 0)
			rc = list_referrers(job, e);
		if (rc < 0)
			return rc;
	}
	if (!job->dry)
		(void)printf("sha256:%s\n", hex);
	return 0;
}

/* Returns 0, -1, REGQUEUE_LATE or LAYOUT_LATE; the last two are equal. */
static int work(struct job *job, struct err *e)
{
	int rc = layout_hold_blobs(&job->layout, e);

	if (rc < 0)
		return rc;
	if (read_image(job, e) < 0)
		return -1;
	job->queue.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	job->queue.progress_arg = job;
	if (regopts_open(&job->opts, &job->queue, job->c, &job->to, job->dry ? "pull" : "pull,push", e) < 0)
		return -1;
	if (job->mount != NULL && regopts_scope(&job->queue, job->mount, "pull", e) < 0)
		return -1;
	job->current =
	    (struct regmanifest_pull){ .q = &job->queue, .repo = job->to.repo, .l = &job->layout, .lenient = true };
	rc = regmanifest_pull(&job->current, job->to.tag, job->name, e);
	if (rc < 0 && rc != REGMANIFEST_NONE)
		return rc;
	job->trust = true;
	rc = push(job, e);
	if (rc == 0 || !job->manifests.missing)
		return rc;
	/* The registry lacks a blob of an image that it has: it was lost, or garbage-collected too early. */
	cli_note(job->c, "%s; checking all blobs", e->msg);
	job->trust = false;
	return push(job, e);
}

/* Returns an exit code. */
static int run(struct job *job)
{
	AUTO_FREE char *dir = ref_layout(job->c->argv[0], &job->tag);
	AUTO_FREE char *name = NULL;
	struct err e = { 0 };
	int rc;

	if (job->to.tag == NULL)
		job->to.tag = strdup("latest");
	if (dir == NULL || job->to.tag == NULL ||
	    asprintf(&name, "%s/%s:%s", job->to.host, job->to.repo, job->to.tag) < 0) {
		name = NULL;
		(void)err_no_memory(&e);
		return cli_fail(job->c, EX_FAIL, &e);
	}
	job->name = name;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	upload_session_sweep();
	rc = layout_open(&job->layout, dir, false, now_ms() + job->opts.timeout * 1000, &e);
	if (rc == 0)
		rc = work(job, &e);
	regprogress_clear(&job->bar);
	free(job->blobs);
	words_free(&job->manifests.unlisted);
	regimage_free(&job->image);
	regimage_free(&job->current.image);
	regqueue_close(&job->queue);
	layout_close(&job->layout);
	curl_global_cleanup();
	if (rc == 0)
		return EX_DONE;
	return cli_fail(job->c, rc == REGQUEUE_LATE ? EX_LATE : EX_FAIL, &e);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &regpush_tool, .argc = argc, .argv = argv };
	struct job job = { .c = &c, .opts = REGOPTS_DEFAULTS };
	int code;

	if (cli_options(&c, take, &job) == CLI_EXIT)
		code = c.exit_code;
	else if ((code = check(&c, &job)) == EX_DONE)
		code = run(&job);
	ref_free(&job.to);
	return cli_end(&c, code);
}
