/* regpull: download an image from a registry into an OCI layout, or its disk into a file. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/unfinished.h"
#include "disk/read.h"
#include "registry/blob_download.h"
#include "registry/disk.h"
#include "registry/disk_layer.h"
#include "registry/manifest.h"
#include "registry/options.h"
#include "registry/progress.h"

enum { OPT_DISK = OPT_LONG, OPT_FORMAT, OPT_REUSE, OPT_DISK_WINDOWS, OPT_NO_LAYERS };

static const struct opt options[] = {
	REGOPTS_ROWS,
	{ OPT_DISK, "disk", "FILE", "download the image's disk, not the image" },
	{ OPT_FORMAT, "format", "FORMAT", "format of FILE: raw, qcow2, ... (as packed)" },
	{ OPT_REUSE, "reuse", "FILE[=FORMAT]", "copy windows from this local disk (qcow2)" },
	{ OPT_DISK_WINDOWS, "disk-windows", NULL, "make the disk's layer from windows" },
	{ OPT_NO_LAYERS, "no-layers", NULL, "only manifests and configurations" },
	{ 'n', "dry-run", NULL, "print which blobs of the disk would be downloaded" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	struct cli *c;
	struct regopts opts;
	bool dry;
	bool windows, no_layers; /* --disk-windows, --no-layers */
	struct ref from;
	const char *name; /* of the image in the registry */
	char *dir;
	const char *tag; /* of the image in the layout */
	struct layout layout;
	struct regqueue queue;
	struct regmanifest_pull manifests;
	struct blob_download_layout *blobs;
	size_t nblobs;
	uint64_t total;  /* bytes of these */
	uint64_t before; /* bytes that had been received when their download began */
	struct regdisk disk;
	struct regprogress bar;
};

static const struct opt_member members[] = {
	OPT_MEMBER(OPT_DISK_WINDOWS, struct job, windows),
	OPT_MEMBER(OPT_NO_LAYERS, struct job, no_layers),
	OPT_MEMBER('n', struct job, dry),
	{ 0, 0, OPT_TEXT },
};

static const struct tool regpull_tool = {
	.name = "regpull",
	.synopsis = "[options] REGISTRY/REPO[:TAG|@DIGEST] [LAYOUT[:TAG]]",
	.about = "Download an image from a registry into an OCI layout, or its disk into a file.",
	.opts = options,
	.members = members,
};

/* Sets the tag of the image in the layout. Returns 0 or an exit code. */
static int choose_tag(struct cli *c, struct job *job)
{
	job->dir = ref_layout(c->argv[1], &job->tag);
	if (job->dir == NULL)
		return cli_no_memory(c);
	if (*job->dir == '\0')
		return cli_usage(c, "the name of the layout's directory is empty");
	if (job->tag == NULL && job->from.tag == NULL && job->from.hex != NULL)
		return cli_usage(c, "an image without a tag needs one in the layout: LAYOUT:TAG");
	if (job->tag == NULL)
		job->tag = job->from.tag != NULL ? job->from.tag : "latest";
	return document_good_tag(job->tag) ? 0 : cli_usage(c, "'%s' is not a valid tag", job->tag);
}

/* Takes the argument of --reuse. Returns 0 or -1. */
static int add_reuse(struct job *job, const char *arg, struct err *e)
{
	const char *equals = strrchr(arg, '=');

	if (equals == arg || *arg == '\0' || (equals != NULL && !diskread_format_ok(equals + 1)))
		return err_set(e, "'%s' is not FILE or FILE=FORMAT", arg);
	return words_add(&job->disk.reuse, arg) == 0 ? 0 : err_no_memory(e);
}

/* Options that are not in the table of members. Returns 0 or -1. */
static int set_option(struct job *job, int id, const char *arg, struct err *e)
{
	switch (id) {
	case OPT_DISK:
		job->disk.path = arg;
		return *arg != '\0' ? 0 : err_set(e, "the name of the disk is empty");
	case OPT_FORMAT:
		job->disk.format = arg;
		return diskread_format_ok(arg) ? 0 : err_set(e, "'%s' is not a disk format", arg);
	case OPT_REUSE:
		return add_reuse(job, arg, e);
	default:
		return regopts_set(&job->opts, id, arg, e);
	}
}

/* Takes an option. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct err e;

	return set_option(arg, id, c->arg, &e) == 0 ? EX_DONE : cli_usage(c, "%s", e.msg);
}

/* Checks that options and operands fit together, and parses the operands. Returns an exit code. */
static int check(struct cli *c, struct job *job)
{
	bool disk = job->disk.path != NULL;
	struct err e;

	if (!disk && (job->disk.format != NULL || job->disk.reuse.n > 0 || job->dry))
		return cli_usage(c, "--format, --reuse and --dry-run require --disk");
	if (disk && (job->windows || job->no_layers))
		return cli_usage(c, "--disk cannot be combined with --disk-windows or --no-layers");
	if (job->windows && job->no_layers)
		return cli_usage(c, "--disk-windows cannot be combined with --no-layers");
	if (disk && c->argc != 1)
		return cli_usage(c, "with --disk one operand is required: REGISTRY/REPO[:TAG|@DIGEST]");
	if (!disk && c->argc != 2)
		return cli_usage(c, "two operands are required: REGISTRY/REPO[:TAG|@DIGEST] and LAYOUT[:TAG]");
	if (ref_parse(&job->from, c->argv[0], &e) < 0)
		return cli_usage(c, "%s", e.msg);
	return disk ? EX_DONE : choose_tag(c, job);
}

static void on_progress(void *arg, uint64_t sent, uint64_t received)
{
	struct job *job = arg;

	(void)sent;
	if (job->total > 0)
		regprogress_show(&job->bar, job->name, received - job->before, job->total);
}

/* Does the layout have the blob, in its full size? */
static bool is_there(const struct job *job, const struct regimage_part *part)
{
	struct err ignored;
	AUTO_FREE char *path = layout_path(&job->layout, LAYOUT_BLOBS, part->hex, &ignored);
	struct stat st;

	return path != NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == part->size;
}

/* Collects the blobs that are missing, the largest first. Returns 0 or -1. */
static int gather(struct job *job, struct err *e)
{
	const struct regimage_list *all = &job->manifests.image.blobs;
	size_t i;

	regimage_sort_blobs(&job->manifests.image);
	job->blobs = calloc(all->n + 1, sizeof *job->blobs);
	if (job->blobs == NULL)
		return err_no_memory(e);
	for (i = 0; i < all->n; i++) {
		const struct regimage_part *part = &all->v[i];

		if (job->no_layers && !part->config)
			continue;
		if (part->foreign || is_there(job, part)) {
			cli_note(job->c, "sha256:%s: %s", part->hex,
			    part->foreign ? "left out, to be had elsewhere" : "already there");
			continue;
		}
		job->total += part->size;
		job->blobs[job->nblobs++] = (struct blob_download_layout){
			.download = { .q = &job->queue, .repo = job->from.repo, .hex = part->hex, .size = part->size },
			.l = &job->layout
		};
	}
	return 0;
}

static int pull_blobs(struct job *job, struct err *e)
{
	struct regtask **tasks;
	size_t i;
	int rc = gather(job, e);

	tasks = calloc(job->nblobs + 1, sizeof(struct regtask *));
	if (rc == 0 && tasks == NULL)
		rc = err_no_memory(e);
	for (i = 0; rc == 0 && i < job->nblobs; i++) {
		blob_download_layout_init(&job->blobs[i]);
		tasks[i] = &job->blobs[i].download.task;
	}
	job->bar.begun = now_ms();
	job->before = job->queue.received;
	if (rc == 0) {
		rc = regqueue_run(&job->queue, tasks, job->nblobs, e);
		for (i = 0; i < job->nblobs; i++)
			blob_download_layout_free(&job->blobs[i]);
	}
	regprogress_clear(&job->bar);
	free(tasks);
	return rc;
}

/* Tags the image in the layout. Returns 0, -1 or LAYOUT_LATE. */
static int tag(struct job *job, struct err *e)
{
	const struct regimage_part *top = &job->manifests.image.docs.v[0];
	json_t *desc = document_new_desc(top->media, top->hex, top->size);

	return desc != NULL ? layout_tag(&job->layout, job->tag, desc, e) : err_no_memory(e);
}

static int open_queue(struct job *job, struct err *e)
{
	job->queue.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	job->queue.progress_arg = job;
	return regopts_open(&job->opts, &job->queue, job->c, &job->from, "pull", e);
}

/* Makes the layer with the disk if that is possible. Failures are reported; the layer is then downloaded. */
static void make_disk_layer(struct job *job)
{
	struct regdisklayer r = { .q = &job->queue,
		.host = job->from.host,
		.repo = job->from.repo,
		.l = &job->layout,
		.image = &job->manifests.image.docs.v[0] };
	struct err e = { 0 };
	int rc = regdisklayer_make(&r, &e);

	if (rc > 0)
		cli_warn(job->c, "disk windows: made sha256:%s from them and sha256:%s", r.made, r.from);
	else if (rc < 0)
		cli_warn(job->c, "disk windows: %s", e.msg);
}

/* Returns 0, -1, REGMANIFEST_NONE, REGQUEUE_LATE or LAYOUT_LATE; the last two are equal. */
static int pull_image(struct job *job, const char *reference, struct err *e)
{
	int rc = layout_open(&job->layout, job->dir, true, now_ms() + job->opts.timeout * 1000, e);

	if (rc == 0)
		rc = layout_hold_blobs(&job->layout, e);
	if (rc < 0)
		return rc;
	if (open_queue(job, e) < 0)
		return -1;
	job->manifests =
	    (struct regmanifest_pull){ .q = &job->queue, .repo = job->from.repo, .l = &job->layout, .keep = true };
	rc = regmanifest_pull(&job->manifests, reference, job->name, e);
	if (rc == 0 && job->windows)
		make_disk_layer(job);
	if (rc == 0)
		rc = pull_blobs(job, e);
	if (rc == 0)
		rc = tag(job, e);
	if (rc == 0)
		(void)printf("sha256:%s\n", job->manifests.image.docs.v[0].hex);
	return rc;
}

/* Prints the blobs that would be downloaded as "DIGEST BYTES MEDIA-TYPE", and last the disk's manifest. */
static void print_plan(const struct regdisk *d)
{
	size_t i;

	for (i = 0; i < d->nmissing; i++)
		(void)printf("sha256:%s %llu %s\n", d->missing[i]->hex, (unsigned long long)d->missing[i]->size,
		    DISK_MEDIA_WINDOW);
	(void)printf("sha256:%s %llu %s\n", d->hex, (unsigned long long)d->doc_size, OCI_MEDIA_MANIFEST);
}

/* Returns 0, -1 or REGQUEUE_LATE. */
static int pull_disk(struct job *job, const char *reference, struct err *e)
{
	struct regdisk *d = &job->disk;
	int rc = open_queue(job, e);

	d->q = &job->queue;
	d->repo = job->from.repo;
	d->dry = job->dry;
	if (rc == 0)
		rc = regdisk_find(d, reference, job->name, e);
	if (rc == 0)
		rc = regdisk_begin(d, e);
	if (rc < 0)
		return rc;
	job->total = d->total;
	job->bar.begun = now_ms();
	cli_note(job->c, "%s: %zu windows, %zu of them to download, %llu bytes", d->path, d->disk.n, d->nmissing,
	    (unsigned long long)d->total);
	if (job->dry) {
		print_plan(d);
		return 0;
	}
	rc = regdisk_pull(d, e);
	regprogress_clear(&job->bar);
	if (rc == 0)
		(void)printf("sha256:%s\n", d->hex);
	return rc;
}

/* Returns an exit code. */
static int run(struct job *job)
{
	const struct ref *r = &job->from;
	const char *wanted = r->tag != NULL ? r->tag : "latest";
	AUTO_FREE char *reference = NULL;
	AUTO_FREE char *name = NULL;
	struct err e = { 0 };
	int rc;

	if (asprintf(&reference, "%s%s", r->hex != NULL ? "sha256:" : "", r->hex != NULL ? r->hex : wanted) < 0)
		reference = NULL;
	if (asprintf(&name, "%s/%s%c%s", r->host, r->repo, r->hex != NULL ? '@' : ':',
		reference != NULL ? reference : "") < 0)
		name = NULL;
	if (reference == NULL || name == NULL) {
		(void)err_no_memory(&e);
		return cli_fail(job->c, EX_FAIL, &e);
	}
	job->name = name;
	(void)signal(SIGPIPE, SIG_IGN);
	unfinished_catch_signals();
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = job->disk.path != NULL ? pull_disk(job, reference, &e) : pull_image(job, reference, &e);
	regprogress_clear(&job->bar);
	free(job->blobs);
	regimage_free(&job->manifests.image);
	regdisk_free(&job->disk);
	regqueue_close(&job->queue);
	layout_close(&job->layout);
	curl_global_cleanup();
	if (rc == 0)
		return EX_DONE;
	return cli_fail(job->c, rc == REGQUEUE_LATE ? EX_LATE : EX_FAIL, &e);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &regpull_tool, .argc = argc, .argv = argv };
	struct job job = { .c = &c, .opts = REGOPTS_DEFAULTS, .layout = { .index_lock = -1, .blobs_lock = -1 } };
	int code;

	if (cli_options(&c, take, &job) == CLI_EXIT)
		code = c.exit_code;
	else if ((code = check(&c, &job)) == EX_DONE)
		code = run(&job);
	words_free(&job.disk.reuse);
	ref_free(&job.from);
	free(job.dir);
	return cli_end(&c, code);
}
