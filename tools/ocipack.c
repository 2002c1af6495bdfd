/* ocipack: builds an image in an OCI layout from trees and files; the same inputs give the same digests. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/unfinished.h"
#include "base/workers.h"
#include "disk/image.h"
#include "disk/read.h"
#include "oci/image.h"
#include "oci/image_index.h"
#include "oci/options.h"

enum { DEFAULT_TIMEOUT = 600, MAX_TIMEOUT = 1000000, MAX_JOBS = 4096 };
/* The last second of the year 9999, the last one that RFC 3339 can represent. */
#define MAX_EPOCH 253402300799

enum {
	OPT_FROM = OPT_LONG,
	OPT_TREE,
	OPT_FILE,
	OPT_TAR,
	OPT_DISK,
	OPT_IMAGE_DISK,
	OPT_SUBJECT,
	OPT_INDEX,
	OPT_COMPRESS,
	OPT_OWNER,
	OPT_DEVICES,
	OPT_MAX_SIZE,
	OPT_LAYER_ANNOTATION,
	OPT_EXCLUDE,
	OPT_ARCH,
	OPT_OS,
	OPT_VARIANT,
	OPT_ENTRYPOINT,
	OPT_CMD,
	OPT_ENV,
	OPT_LABEL,
	OPT_ANNOTATION,
	OPT_WORKDIR,
	OPT_USER,
	OPT_VOLUME,
	OPT_PORT,
	OPT_STOP_SIGNAL,
	OPT_LIST,
	OPT_PRUNE,
	OPT_JSON,
	OPT_TIMEOUT,
};

static const struct opt options[] = {
	{ 't', "tag", "NAME", "name of the image in the layout" },
	{ OPT_FROM, "from", "[LAYOUT:]TAG", "start from this image" },
	{ OPT_TREE, "tree", "DIR[=PREFIX]", "layer: the contents of DIR, at PREFIX (or the root)" },
	{ OPT_FILE, "file", "SRC=DEST", "layer: one file" },
	{ OPT_TAR, "tar", "FILE", "layer: a tar archive (-: standard input)" },
	{ OPT_DISK, "disk", "FILE[=FORMAT]", "instead of an image: a disk, in windows (qcow2)" },
	{ OPT_IMAGE_DISK, "image-disk", "[LAYOUT:]TAG", "the same, of the disk in a layer of this image" },
	{ OPT_SUBJECT, "subject", "TAG", "the image that the disk belongs to" },
	{ OPT_INDEX, "index", "TAG", "instead of an image: an index (repeatable)" },
	{ OPT_COMPRESS, "compress", "KIND", "for layers that follow: none, gzip or zstd (zstd)" },
	{ OPT_OWNER, "owner", "UID:GID|keep", "owner of all files in the layers that follow" },
	{ OPT_DEVICES, "devices", "keep|refuse", "devices in the layers that follow (keep)" },
	{ OPT_MAX_SIZE, "max-size", "SIZE", "limit for each layer that follows (64G)" },
	{ OPT_LAYER_ANNOTATION, "layer-annotation", "NAME=VALUE", "an annotation of the layers that follow" },
	{ OPT_EXCLUDE, "exclude", "GLOB", "leave matching files out of the trees that follow" },
	{ OPT_ARCH, "arch", "ARCH", "architecture, as Go names it (this machine's)" },
	{ OPT_OS, "os", "OS", "operating system (linux)" },
	{ OPT_VARIANT, "variant", "VARIANT", "of the architecture, such as v7 or v8" },
	{ OPT_ENTRYPOINT, "entrypoint", "ARG", "a word of the command (repeatable)" },
	{ OPT_CMD, "cmd", "ARG", "a default argument of the command (repeatable)" },
	{ OPT_ENV, "env", "NAME=VALUE", "an environment variable" },
	{ OPT_LABEL, "label", "NAME=VALUE", "a label of the image" },
	{ OPT_ANNOTATION, "annotation", "NAME=VALUE", "an annotation of the manifest" },
	{ OPT_WORKDIR, "workdir", "DIR", "the working directory" },
	{ OPT_USER, "user", "USER", "the user that runs the command" },
	{ OPT_VOLUME, "volume", "PATH", "a directory that is a volume" },
	{ OPT_PORT, "port", "PORT[/PROTO]", "a port that the command listens on" },
	{ OPT_STOP_SIGNAL, "stop-signal", "SIGNAL", "the signal that stops the command" },
	{ 'j', "jobs", "N", "layers packed at the same time (one per CPU)" },
	{ OPT_LIST, "list", NULL, "list the images of the layout" },
	{ OPT_PRUNE, "prune", NULL, "remove blobs that no image refers to" },
	{ OPT_JSON, "json", NULL, "print the image's digests as JSON" },
	{ OPT_TIMEOUT, "timeout", "SECONDS", "how long to wait for other processes (600)" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	const char *tag, *from, *arch, *os, *variant, *subject, *image_disk;
	char *disk, *format;  /* of --disk */
	struct words members; /* of --index */
	bool list, prune, json;
	int64_t jobs, timeout, epoch;
	struct ociopts image;
};

static const struct opt_member members[] = {
	OPT_MEMBER('t', struct job, tag),
	OPT_MEMBER(OPT_FROM, struct job, from),
	OPT_MEMBER(OPT_ARCH, struct job, arch),
	OPT_MEMBER(OPT_OS, struct job, os),
	OPT_MEMBER(OPT_VARIANT, struct job, variant),
	OPT_MEMBER(OPT_SUBJECT, struct job, subject),
	OPT_MEMBER(OPT_IMAGE_DISK, struct job, image_disk),
	OPT_MEMBER(OPT_INDEX, struct job, members),
	OPT_MEMBER(OPT_EXCLUDE, struct job, image.exclude),
	OPT_MEMBER(OPT_LIST, struct job, list),
	OPT_MEMBER(OPT_PRUNE, struct job, prune),
	OPT_MEMBER(OPT_JSON, struct job, json),
	{ 0, 0, OPT_TEXT },
};

static const struct tool ocipack_tool = {
	.name = "ocipack",
	.synopsis = "[options] LAYOUT",
	.about = "Build an image in an OCI layout from trees and files, reproducibly.",
	.opts = options,
	.members = members,
};

static const struct setting {
	int id;
	enum ociopts_shape shape;
	const char *member;
} settings[] = {
	{ OPT_ENTRYPOINT, OCIOPTS_LIST, "Entrypoint" },
	{ OPT_CMD, OCIOPTS_LIST, "Cmd" },
	{ OPT_LABEL, OCIOPTS_PAIRS, "Labels" },
	{ OPT_WORKDIR, OCIOPTS_TEXT, "WorkingDir" },
	{ OPT_USER, OCIOPTS_TEXT, "User" },
	{ OPT_VOLUME, OCIOPTS_KEYS, "Volumes" },
	{ OPT_STOP_SIGNAL, OCIOPTS_TEXT, "StopSignal" },
};

/* Options of the image's configuration. Returns 0 or -1. */
static int set_config(struct cli *c, struct job *job, int id, struct err *e)
{
	const struct setting *s = settings;

	while (s->id != id)
		s++;
	return ociopts_set(job->image.config, s->shape, s->member, c->arg, e);
}

/* "FILE" or "FILE=FORMAT". Returns 0 or -1. */
static int set_disk(struct cli *c, struct job *job, struct err *e)
{
	char *equals;

	free(job->disk);
	job->disk = strdup(c->arg);
	if (job->disk == NULL)
		return err_no_memory(e);
	equals = strrchr(job->disk, '=');
	job->format = equals != NULL ? equals + 1 : NULL;
	if (equals != NULL)
		*equals = '\0';
	if (*job->disk == '\0')
		return err_set(e, "the name of the disk is empty");
	return job->format == NULL || diskread_format_ok(job->format)
		   ? 0
		   : err_set(e, "'%s' is not a disk format", job->format);
}

static int set_number(struct cli *c, const char *what, int64_t max, int64_t *to, struct err *e)
{
	if (num_parse(c->arg, 1, max, to) == 0)
		return 0;
	return err_set(e, "%s '%s' is not a number from 1 to %lld", what, c->arg, (long long)max);
}

/* Options of layers. Returns 0 or -1. */
static int set_layers(struct cli *c, struct job *job, int id, struct err *e)
{
	struct ociopts *o = &job->image;

	switch (id) {
	case OPT_TREE:
		return ociopts_layer(o, LAYER_TREE, c->arg, e);
	case OPT_FILE:
		return ociopts_layer(o, LAYER_FILE, c->arg, e);
	case OPT_TAR:
		return ociopts_layer(o, LAYER_TAR, c->arg, e);
	case OPT_COMPRESS:
		return ociopts_kind(o, c->arg, e);
	case OPT_OWNER:
		return ociopts_owner(o, c->arg, e);
	case OPT_DEVICES:
		return ociopts_devices(o, c->arg, e);
	case OPT_MAX_SIZE:
		return ociopts_max(o, c->arg, e);
	case OPT_LAYER_ANNOTATION:
		return ociopts_set(o->notes, OCIOPTS_PAIRS, "annotations", c->arg, e);
	default:
		return set_config(c, job, id, e);
	}
}

/* Options that are not in the table of members. Returns 0 or -1. */
static int set_option(struct cli *c, struct job *job, int id, struct err *e)
{
	switch (id) {
	case OPT_DISK:
		return set_disk(c, job, e);
	case OPT_ANNOTATION:
		return ociopts_set(job->image.annotations, OCIOPTS_PAIRS, "annotations", c->arg, e);
	case OPT_ENV:
		return ociopts_env(&job->image, c->arg, e);
	case OPT_PORT:
		return ociopts_port(&job->image, c->arg, e);
	case 'j':
		return set_number(c, "number of jobs", MAX_JOBS, &job->jobs, e);
	case OPT_TIMEOUT:
		return set_number(c, "timeout", MAX_TIMEOUT, &job->timeout, e);
	default:
		return set_layers(c, job, id, e);
	}
}

static bool reads_stdin(const struct layer_spec *s)
{
	return s->source == LAYER_TAR && strcmp(s->src, LAYER_STDIN) == 0;
}

/* Reads SOURCE_DATE_EPOCH, the time stamp of everything. Returns 0 or an exit code. */
static int read_epoch(struct cli *c, struct job *job)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");

	if (text == NULL || num_parse(text, 0, MAX_EPOCH, &job->epoch) == 0)
		return 0;
	cli_warn(c, "SOURCE_DATE_EPOCH: '%s' is not a number of seconds", text);
	return EX_BAD_USAGE;
}

/* Completes the descriptions of the layers. Returns the number of layers that are read from standard input. */
static size_t finish_layers(struct job *job)
{
	struct ociopts *o = &job->image;
	size_t i, pipes = 0;

	for (i = 0; i < o->nlayers; i++) {
		pipes += reads_stdin(&o->layers[i].spec);
		o->layers[i].spec.mtime = job->epoch;
		o->layers[i].spec.exclude = o->exclude.v;
	}
	return pipes;
}

/* A disk and an index have no layers and no configuration. Returns 0 or an exit code. */
static int check_kind(struct cli *c, const struct job *job, bool ordinary)
{
	if (job->disk != NULL && (ordinary || job->members.n > 0))
		return cli_usage(c, "--disk cannot be combined with layers, configuration or --index");
	if (job->members.n > 0 && (ordinary || job->from != NULL))
		return cli_usage(c, "--index cannot be combined with layers, configuration or --from");
	if (job->image_disk != NULL &&
	    (ordinary || job->members.n > 0 || job->disk != NULL || json_object_size(job->image.annotations) > 0))
		return cli_usage(
		    c, "--image-disk cannot be combined with layers, configuration, --annotation, --disk or --index");
	if (job->image_disk != NULL && job->tag == NULL && job->prune)
		return cli_usage(c, "--image-disk cannot be combined with --prune without --tag");
	if (job->subject != NULL && job->disk == NULL)
		return cli_usage(c, "--subject requires --disk");
	return 0;
}

/* Checks the combination of options. Returns 0 or an exit code. */
static int check(struct cli *c, struct job *job)
{
	const struct ociopts *o = &job->image;
	bool ordinary = o->nlayers > 0 || json_object_size(o->config) > 0 || job->arch != NULL || job->os != NULL ||
			job->variant != NULL;
	bool disk = job->disk != NULL || job->image_disk != NULL;
	bool image = ordinary || job->from != NULL || json_object_size(o->annotations) > 0 || job->disk != NULL ||
		     job->members.n > 0;

	if (read_epoch(c, job) != 0)
		return EX_BAD_USAGE;
	if (c->argc != 1 || *c->argv[0] == '\0')
		return cli_usage(c, "expected one operand: the directory of the layout");
	if (finish_layers(job) > 1)
		return cli_usage(c, "standard input can be used for one layer only");
	if (job->list && (job->tag != NULL || image || disk || job->prune || job->json))
		return cli_usage(c, "--list cannot be combined with other options");
	if (job->tag == NULL && image)
		return cli_usage(c, "--tag is required: the name of the image");
	if (job->tag == NULL && job->json)
		return cli_usage(c, "--json requires --tag");
	if (job->tag != NULL && !document_good_tag(job->tag))
		return cli_usage(c, "'%s' is not a valid name of an image", job->tag);
	if (job->tag != NULL && o->nlayers == 0 && job->from == NULL && !disk && job->members.n == 0)
		return cli_usage(c, "the image has no layers: use --tree, --file, --tar or --from");
	if (job->tag == NULL && !job->list && !job->prune && !disk)
		return cli_usage(c, "nothing to do: use --tag, --list or --prune");
	return check_kind(c, job, ordinary);
}

/* Takes an option. Returns an exit code. */
static int take(struct cli *c, int id, void *arg)
{
	struct err e;

	return set_option(c, arg, id, &e) == 0 ? EX_DONE : cli_usage(c, "%s", e.msg);
}

/* The name of this machine's architecture in Go (go tool dist list). */
static const char *go_arch(const struct utsname *u)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
		{ "i686", "386" },
		{ "armv7l", "arm" },
		{ "loongarch64", "loong64" },
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(u->machine, names[i][0]) == 0)
			return names[i][1];
	return u->machine;
}

/* Begins the image, empty or from a base image. Returns 0, -1, LAYOUT_LATE or IMAGE_NONE. */
static int begin(const struct job *job, struct layout *l, const char *created, struct image *i, struct err *e)
{
	struct layout base = { .index_lock = -1, .blobs_lock = -1 };
	const char *tag = job->from, *arch = job->arch, *os = job->os;
	struct utsname u;
	int rc = 0;

	if (job->from != NULL) {
		rc = layout_open_from(&base, &tag, l->deadline, e);
		if (rc == 0)
			rc = image_from(i, l, base.dir != NULL ? &base : l, tag, created, e);
		layout_close(&base);
	} else {
		(void)uname(&u);
		arch = arch != NULL ? arch : go_arch(&u);
		os = os != NULL ? os : "linux";
		rc = image_new(i, created, e);
	}
	if (rc == 0 && arch != NULL && json_object_set_new(i->config, "architecture", json_string(arch)) < 0)
		rc = err_set(e, "architecture '%s' is not valid UTF-8", arch);
	if (rc == 0 && os != NULL && json_object_set_new(i->config, "os", json_string(os)) < 0)
		rc = err_set(e, "operating system '%s' is not valid UTF-8", os);
	if (rc == 0 && job->variant != NULL && json_object_set_new(i->config, "variant", json_string(job->variant)) < 0)
		rc = err_set(e, "variant '%s' is not valid UTF-8", job->variant);
	return rc;
}

/*
 * Builds the image from its base, its new layers and its configuration. Returns 0, -1, LAYOUT_LATE, LAYER_INVALID or
 * IMAGE_NONE.
 */
static int build(struct cli *c, struct job *job, struct layout *l, json_t **summary, struct err *e)
{
	struct ociopts *o = &job->image;
	struct image i = { 0 };
	char created[32];
	time_t when = (time_t)job->epoch;
	struct tm tm;
	size_t k, s;
	int rc;

	(void)strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	rc = begin(job, l, created, &i, e);
	if (rc == 0)
		rc = pack_layers(l, o->layers, o->nlayers, (int)job->jobs, e);
	for (k = 0; k < o->nlayers; k++)
		for (s = 0; s < o->layers[k].skipped.n; s++)
			cli_note(c, "%s: socket left out", o->layers[k].skipped.v[s]);
	for (k = 0; rc == 0 && k < o->nlayers; k++)
		rc = image_add_layer(&i, &o->layers[k], e);
	if (rc == 0)
		rc = document_edit(json_object_get(i.config, "config"), o->config, e);
	if (rc == 0 && json_object_update(i.manifest, o->annotations) < 0)
		rc = err_no_memory(e);
	if (rc == 0)
		rc = image_store(&i, l, job->tag, e);
	*summary = rc == 0 ? image_summary(&i) : NULL;
	image_free(&i);
	return rc;
}

/* Builds the artifact of the disk. Returns 0, -1, LAYOUT_LATE or DISKIMAGE_NONE. */
static int build_disk(struct cli *c, struct job *job, struct layout *l, json_t **summary, struct err *e)
{
	struct diskimage d = { .path = job->disk,
		.format = job->format,
		.image = job->image_disk,
		.from = job->from,
		.subject = job->subject,
		.notes = json_object_get(job->image.annotations, "annotations") };
	int rc = diskimage_build(&d, l, job->tag, e);

	if (rc < 0)
		return rc;
	cli_note(
	    c, "%s: %zu windows, %zu of them new", job->disk != NULL ? job->disk : job->image_disk, d.windows, d.fresh);
	*summary = json_pack("{s:s+, s:I, s:I, s:I}", "manifest", "sha256:", d.hex, "size", (json_int_t)d.size,
	    "windows", (json_int_t)d.windows, "new", (json_int_t)d.fresh);
	return 0;
}

/* Prints where the disk of --image-disk is. Returns 1, 0 if the image has none, or a negative code. */
static int show_disk(const struct job *job, const struct layout *l, struct err *e)
{
	struct layout from = { .index_lock = -1, .blobs_lock = -1 };
	struct disklayer d = { 0 };
	int rc = diskimage_find(&d, l, &from, job->image_disk, NULL, e);

	if (rc > 0)
		(void)printf("sha256:%s %llu %llu\n", d.hex, (unsigned long long)d.offset, (unsigned long long)d.size);
	disklayer_free(&d);
	layout_close(&from);
	return rc;
}

/* Builds the index. Returns 0, -1, LAYOUT_LATE or IMAGEINDEX_NONE. */
static int build_index(struct job *job, struct layout *l, json_t **summary, struct err *e)
{
	char hex[SHA256_HEX];
	int rc = imageindex_store(
	    l, job->tag, &job->members, json_object_get(job->image.annotations, "annotations"), hex, e);

	if (rc == 0)
		*summary = json_pack("{s:s+}", "index", "sha256:", hex);
	return rc;
}

/* Builds what --tag names; SUMMARY receives its digests. Returns 0 or a negative code. */
static int make(struct cli *c, struct job *job, struct layout *l, json_t **summary, struct err *e)
{
	int rc = layout_hold_blobs(l, e);

	if (rc < 0)
		return rc;
	if (job->disk != NULL || job->image_disk != NULL)
		return build_disk(c, job, l, summary, e);
	if (job->members.n > 0)
		return build_index(job, l, summary, e);
	return build(c, job, l, summary, e);
}

static int list(const struct layout *l, struct err *e)
{
	json_t *index = layout_index(l, e), *desc;
	size_t i;

	if (index == NULL)
		return -1;
	json_array_foreach (json_object_get(index, "manifests"), i, desc) {
		if (document_tag(desc) != NULL)
			(void)printf("%s %s\n", document_tag(desc), json_string_value(json_object_get(desc, "digest")));
	}
	json_decref(index);
	return 0;
}

static int print_summary(const json_t *summary, struct err *e)
{
	AUTO_FREE char *text = summary != NULL ? document_dump(summary) : NULL;

	if (text == NULL)
		return err_no_memory(e);
	(void)puts(text);
	return 0;
}

/* Runs what the options ask for. Returns an exit code. */
static int run(struct cli *c, struct job *job)
{
	struct err e = { 0 };
	struct layout l;
	json_t *summary = NULL;
	int has_disk = 1;
	int rc = layout_open(&l, c->argv[0], job->tag != NULL, now_ms() + job->timeout * 1000, &e);

	if (rc == 0 && job->list)
		rc = list(&l, &e);
	if (rc == 0 && job->tag != NULL)
		rc = make(c, job, &l, &summary, &e);
	else if (rc == 0 && job->image_disk != NULL)
		rc = (has_disk = show_disk(job, &l, &e)) > 0 ? 0 : has_disk;
	if (rc == 0 && job->prune)
		rc = layout_prune(&l, &e);
	if (rc == 0 && job->json)
		rc = print_summary(summary, &e);
	json_decref(summary);
	layout_close(&l);
	switch (rc) {
	case 0:
		return has_disk != 0 ? EX_DONE : EX_NO;
	case LAYOUT_LATE:
		return cli_fail(c, EX_LATE, &e);
	case LAYER_INVALID:
	case IMAGE_NONE:
		return cli_fail(c, EX_BAD_USAGE, &e);
	default:
		return cli_fail(c, EX_FAIL, &e);
	}
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &ocipack_tool, .argc = argc, .argv = argv };
	struct job job = { .timeout = DEFAULT_TIMEOUT, .image = OCIOPTS_DEFAULTS };
	struct err e;
	int code;

	job.jobs = workers_count(MAX_JOBS);
	if (ociopts_init(&job.image, &e) < 0) {
		code = cli_fail(&c, EX_FAIL, &e);
	} else if (cli_options(&c, take, &job) == CLI_EXIT) {
		code = c.exit_code;
	} else if ((code = check(&c, &job)) == EX_DONE) {
		unfinished_catch_signals();
		code = run(&c, &job);
	}
	ociopts_free(&job.image);
	words_free(&job.members);
	free(job.disk);
	return cli_end(&c, code);
}
