/* regpush: sends an image of an OCI layout to a registry: what is there already is not sent. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "registry/blob.h"
#include "registry/documents.h"
#include "registry/options.h"
#include "registry/referrers.h"

enum { OPT_MOUNT = OPT_LONG };

static const struct opt options[] = {
	REGOPTS_ROWS,
	{ OPT_MOUNT, "mount-from", "REPO", "of this registry, which may have the blobs" },
	{ 'n', "dry-run", NULL, "print what would be sent, and send nothing" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool regpush_tool = {
	.name = "regpush",
	.synopsis = "[options] LAYOUT[:TAG] REGISTRY/REPO[:TAG]",
	.about = "Send an image of an OCI layout to a registry.",
	.opts = options,
};

struct job {
	struct cli *c;
	struct regopts opts;
	const char *mount;
	bool dry;
	struct ref to;
	const char *tag;  /* of the layout; NULL: it has one image only */
	const char *name; /* of the image in the registry */
	struct layout layout;
	struct regpool pool;
	struct regimage image;
	struct regdocs current; /* what the tag names in the registry now */
	bool trust;             /* what it names is in the registry */
	bool missing;           /* the registry misses something after all */
	struct words unlisted;  /* documents with a subject, of which the registry keeps no list */
	struct regblob *blobs;
	size_t nblobs;
	struct regbar bar;
};

/* A document on its way. */
struct doc {
	struct job *job;
	const struct regimage_part *part;
	struct regtask task;
	int fd;
	char name[sizeof "sha256:" + SHA256_HEX];
};

/* Returns 0, or 1 with an exit code in *CODE. */
static int parse(struct cli *c, struct job *job, int *code)
{
	struct err e;
	int id;

	*code = 0;
	while (*code == 0 && (id = cli_next(c)) >= 0) {
		if (id == OPT_MOUNT)
			job->mount = c->arg;
		else if (id == 'n')
			job->dry = true;
		else if (regopts_set(&job->opts, id, c->arg, &e) < 0)
			*code = cli_usage(c, "%s", e.msg);
	}
	if (*code == 0 && id == CLI_EXIT) {
		*code = c->exit_code;
		return 1;
	}
	if (*code == 0 && (c->argc != 2 || *c->argv[0] == '\0'))
		*code = cli_usage(c, "two operands are needed: LAYOUT[:TAG] and REGISTRY/REPO[:TAG]");
	if (*code == 0 && ref_parse(&job->to, c->argv[1], &e) < 0)
		*code = cli_usage(c, "%s", e.msg);
	if (*code == 0 && job->to.hex != NULL)
		*code = cli_usage(c, "'%s': a digest is not a name to push to", c->argv[1]);
	if (*code == 0 && job->mount != NULL) {
		struct ref r = { 0 };
		AUTO_FREE char *both = NULL;

		if (asprintf(&both, "%s/%s", job->to.host, job->mount) < 0 || ref_parse(&r, both, &e) < 0 ||
		    r.tag != NULL || r.hex != NULL)
			*code = cli_usage(c, "'%s' is not a repository", job->mount);
		ref_free(&r);
	}
	return *code != 0;
}

static void on_note(void *arg, const char *text)
{
	const struct job *job = arg;

	cli_note(job->c, "%s", text);
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
		if (job->blobs[i].fate == REGBLOB_SENT || job->blobs[i].fate == REGBLOB_TO_SEND)
			total += job->blobs[i].part->size;
	regbar_show(&job->bar, job->name, sent, total);
}

/* The image that is meant: the one called TAG, or the only one. Returns a borrowed reference or NULL. */
static const json_t *choose(const struct job *job, const json_t *index, struct err *e)
{
	const json_t *list = json_object_get(index, "manifests"), *found;

	if (job->tag != NULL) {
		found = oci_find(index, job->tag);
		if (found == NULL)
			(void)err_set(e, "%s: no image '%s'", job->layout.dir, job->tag);
		return found;
	}
	if (json_array_size(list) != 1)
		(void)err_set(
		    e, "%s: it has %zu images: say which, as LAYOUT:TAG", job->layout.dir, json_array_size(list));
	return json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
}

/* Reads what the image consists of. Returns 0 or -1. */
static int read_image(struct job *job, struct err *e)
{
	json_t *index = layout_index(&job->layout, e);
	const json_t *found = index != NULL ? choose(job, index, e) : NULL;
	struct oci_desc d;
	int rc = -1;

	if (found != NULL && (rc = oci_desc(found, &d, e)) == 0)
		rc = regimage_read(&job->image, &job->layout, &d, e);
	json_decref(index);
	return rc;
}

static int by_size(const void *a, const void *b)
{
	const struct regblob *x = a, *y = b;

	return (x->part->size < y->part->size) - (x->part->size > y->part->size);
}

/* A blob that is to be had elsewhere goes to the registry only if it is here. */
static bool left_out(const struct job *job, const struct regimage_part *part)
{
	struct err ignored;
	AUTO_FREE char *path = layout_path(&job->layout, LAYOUT_BLOBS, part->hex, &ignored);

	return part->foreign && (path == NULL || access(path, F_OK) < 0);
}

/* The blobs that may have to be sent, the biggest first. Returns 0 or -1. */
static int gather(struct job *job, struct err *e)
{
	const struct regimage_list *all = &job->image.blobs;
	size_t i;

	free(job->blobs);
	job->nblobs = 0;
	job->blobs = calloc(all->n + 1, sizeof *job->blobs);
	if (job->blobs == NULL)
		return err_no_memory(e);
	for (i = 0; i < all->n; i++) {
		if ((job->trust && regimage_has(&job->current.image.blobs, all->v[i].hex)) || left_out(job, &all->v[i]))
			continue;
		job->blobs[job->nblobs++] = (struct regblob){ .p = &job->pool,
			.l = &job->layout,
			.repo = job->to.repo,
			.mount = job->mount,
			.part = &all->v[i],
			.dry = job->dry,
			.fate = REGBLOB_TO_SEND };
	}
	qsort(job->blobs, job->nblobs, sizeof *job->blobs, by_size);
	return 0;
}

/* A layout may leave blobs to the registry, which has to have them then. Returns 0 or -1. */
static int check_absent(const struct job *job, struct err *e)
{
	const char *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < job->nblobs; i++) {
		if (job->blobs[i].fate != REGBLOB_ABSENT)
			continue;
		if (n++ == 0)
			first = job->blobs[i].name_;
	}
	if (n == 0)
		return 0;
	return err_set(e, "%s: neither in %s nor in the registry%s", first, job->layout.dir,
	    n > 1 ? ", as others of its blobs" : "");
}

static int push_blobs(struct job *job, struct err *e)
{
	static const char *const fates[] = { "sent", "is there already", "mounted", "is to be sent",
		"is neither here nor there" };
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
		regblob_init(&job->blobs[i]);
		tasks[i] = &job->blobs[i].task;
	}
	job->bar.begun = now_ms();
	rc = regpool_run(&job->pool, tasks, job->nblobs, e);
	regbar_clear(&job->bar);
	if (rc == 0)
		rc = check_absent(job, e);
	for (i = 0; i < job->nblobs; i++) {
		if (rc == 0 || job->blobs[i].fate == REGBLOB_ABSENT)
			cli_note(job->c, "%s: %s", job->blobs[i].name_, fates[job->blobs[i].fate]);
		regblob_free(&job->blobs[i]);
	}
	free(tasks);
	return rc;
}

/* Makes the next request the one that sends the document. */
static int put_doc(struct doc *d, struct err *e)
{
	struct job *job = d->job;
	AUTO_FREE char *path = layout_path(&job->layout, LAYOUT_BLOBS, d->part->hex, e);
	const char *as = d->part->depth == 0 ? job->to.tag : d->name;

	if (path == NULL || regpool_request(&job->pool, &d->task, "PUT", e, "%s/manifests/%s", job->to.repo, as) < 0)
		return -1;
	d->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0)
		return err_sys(e, "%s", path);
	d->task.req.type = d->part->media;
	d->task.req.fd = d->fd;
	d->task.req.n = d->part->size;
	return REGTASK_MORE;
}

/* A registry that takes care of what refers to what says so. Returns 0 or -1. */
static int note_subject(struct doc *d, struct err *e)
{
	if (d->part->subject[0] == '\0' || d->task.ans.subject != NULL)
		return 0;
	return words_add(&d->job->unlisted, d->part->hex) == 0 ? 0 : err_no_memory(e);
}

static int doc_step(struct regtask *t, struct err *e)
{
	struct doc *d = t->arg;

	if (t->req.url == NULL)
		return put_doc(d, e);
	if (t->ans.status == 201 || t->ans.status == 202) {
		if (!regblob_other_digest(&t->ans, d->part->hex))
			return note_subject(d, e);
		return err_set(e, "the registry says that its digest is %.80s", t->ans.digest);
	}
	(void)reghttp_refused(&t->ans, e);
	d->job->missing = strstr(e->msg, "BLOB_UNKNOWN") != NULL || strstr(e->msg, "MANIFEST_UNKNOWN") != NULL;
	return -1;
}

/* Sends the documents that are DEPTH below the first one. Returns 0, -1 or REGPOOL_LATE. */
static int push_level(struct job *job, int depth, struct err *e)
{
	const struct regimage_list *all = &job->image.docs;
	struct doc *v = calloc(all->n, sizeof *v);
	struct regtask **tasks = calloc(all->n, sizeof(struct regtask *));
	size_t i, n = 0;
	int rc = v != NULL && tasks != NULL ? 0 : err_no_memory(e);

	for (i = 0; rc == 0 && i < all->n; i++) {
		/* The first one is sent even if the registry has it: it gets the tag. */
		if (all->v[i].depth != depth ||
		    (depth > 0 && job->trust && regimage_has(&job->current.image.docs, all->v[i].hex)))
			continue;
		v[n] = (struct doc){ .job = job, .part = &all->v[i], .fd = -1 };
		(void)snprintf(v[n].name, sizeof v[n].name, "sha256:%s", all->v[i].hex);
		v[n].task = (struct regtask){ .step = doc_step, .arg = &v[n], .req.fd = -1 };
		v[n].task.name = depth == 0 ? job->name : v[n].name;
		tasks[n] = &v[n].task;
		n++;
	}
	if (rc == 0)
		rc = regpool_run(&job->pool, tasks, n, e);
	for (i = 0; i < n; i++) {
		if (v[i].fd >= 0)
			(void)close(v[i].fd);
		regtask_free(&v[i].task);
	}
	free(v);
	free(tasks);
	return rc;
}

static int push_docs(struct job *job, struct err *e)
{
	size_t i;
	int depth = 0, rc = 0;

	for (i = 0; i < job->image.docs.n; i++)
		if (job->image.docs.v[i].depth > depth)
			depth = job->image.docs.v[i].depth;
	for (; depth >= 0 && rc == 0; depth--)
		rc = push_level(job, depth, e);
	return rc;
}

/* Lists the documents that refer to others, where the registry does not. Returns 0, -1 or REGPOOL_LATE. */
static int list_referrers(struct job *job, struct err *e)
{
	const struct regimage_list *docs = &job->image.docs;
	size_t i, n;
	int rc = 0;

	for (i = 0; rc == 0 && i < docs->n; i++) {
		const struct oci_desc d = { docs->v[i].media, docs->v[i].hex, docs->v[i].size };
		AUTO_FREE char *text = NULL;

		if (!words_has(&job->unlisted, d.hex))
			continue;
		text = layout_text(&job->layout, &d, &n, e);
		rc = text != NULL ? regrefer_add(&job->pool, job->to.repo, &d, text, n, e) : -1;
		if (rc == 0)
			cli_note(job->c, "sha256:%s: listed as sha256-%s", d.hex, docs->v[i].subject);
	}
	return rc;
}

/* What would be sent: digest, bytes and media type, a line each. */
static void print_plan(const struct job *job)
{
	const struct regimage_list *docs = &job->image.docs;
	size_t i;

	for (i = 0; i < job->nblobs; i++)
		if (job->blobs[i].fate == REGBLOB_TO_SEND)
			(void)printf("%s %llu %s\n", job->blobs[i].name_, (unsigned long long)job->blobs[i].part->size,
			    job->blobs[i].part->media);
	for (i = docs->n; i-- > 0;)
		if (i == 0 || !regimage_has(&job->current.image.docs, docs->v[i].hex))
			(void)printf("sha256:%s %llu %s\n", docs->v[i].hex, (unsigned long long)docs->v[i].size,
			    docs->v[i].media);
}

/* Blobs, then documents. Returns 0, -1 or REGPOOL_LATE. */
static int push(struct job *job, struct err *e)
{
	const struct regimage_list *now = &job->current.image.docs;
	const char *hex = job->image.docs.v[0].hex;
	/* It is sent again if it refers to another: who sent it may have been stopped before that was listed. */
	bool again = job->image.docs.v[0].subject[0] != '\0' && !job->dry;
	int rc;

	if (now->n > 0 && job->trust && strcmp(now->v[0].hex, hex) == 0 && !again) {
		cli_note(job->c, "%s: is there already", job->name);
	} else {
		rc = push_blobs(job, e);
		if (rc == 0 && job->dry)
			print_plan(job);
		if (rc == 0 && !job->dry)
			rc = push_docs(job, e);
		if (rc == 0)
			rc = list_referrers(job, e);
		if (rc < 0)
			return rc;
	}
	if (!job->dry)
		(void)printf("sha256:%s\n", hex);
	return 0;
}

/* Returns 0, -1, REGPOOL_LATE or LAYOUT_LATE, which are the same. */
static int work(struct job *job, struct err *e)
{
	int rc = layout_hold_blobs(&job->layout, e);

	if (rc < 0)
		return rc;
	if (read_image(job, e) < 0)
		return -1;
	if (regopts_open(&job->opts, &job->pool, &job->to, job->dry ? "pull" : "pull,push", e) < 0)
		return -1;
	if (job->mount != NULL && regopts_scope(&job->pool, job->mount, "pull", e) < 0)
		return -1;
	job->pool.arg = job;
	job->pool.note = on_note;
	job->pool.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	job->current = (struct regdocs){ .p = &job->pool, .repo = job->to.repo, .l = &job->layout, .lenient = true };
	rc = regdocs_get(&job->current, job->to.tag, job->name, e);
	if (rc < 0 && rc != REGDOCS_NONE)
		return rc;
	job->trust = true;
	rc = push(job, e);
	if (rc == 0 || !job->missing)
		return rc;
	/* Registries lose blobs, or collect them as garbage too early. */
	cli_note(job->c, "%s; everything is asked for", e->msg);
	job->trust = job->missing = false;
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
	regsession_sweep();
	rc = layout_open(&job->layout, dir, false, now_ms() + job->opts.timeout * 1000, &e);
	if (rc == 0)
		rc = work(job, &e);
	regbar_clear(&job->bar);
	free(job->blobs);
	words_free(&job->unlisted);
	regimage_free(&job->image);
	regimage_free(&job->current.image);
	regpool_close(&job->pool);
	layout_close(&job->layout);
	curl_global_cleanup();
	if (rc == 0)
		return EX_DONE;
	return cli_fail(job->c, rc == REGPOOL_LATE ? EX_LATE : EX_FAIL, &e);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &regpush_tool, .argc = argc, .argv = argv };
	struct job job = { .c = &c, .opts = REGOPTS_DEFAULTS };
	int code;

	if (parse(&c, &job, &code) == 0)
		code = run(&job);
	ref_free(&job.to);
	return cli_end(&c, code);
}
