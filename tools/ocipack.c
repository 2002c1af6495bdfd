/* ocipack: builds an image of an OCI layout from trees and files: the same inputs give the same digests. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/auto.h"
#include "lib/cli.h"
#include "lib/image.h"
#include "lib/num.h"
#include "lib/pack.h"
#include "lib/tree.h"
#include "lib/words.h"

enum { DEFAULT_TIMEOUT = 600, MAX_TIMEOUT = 1000000, MAX_JOBS = 4096 };
/* The last second of the year 9999, the last that RFC 3339 can say. */
#define MAX_EPOCH 253402300799

enum {
	OPT_FROM = OPT_LONG,
	OPT_TREE,
	OPT_FILE,
	OPT_TAR,
	OPT_COMPRESS,
	OPT_OWNER,
	OPT_EXCLUDE,
	OPT_ARCH,
	OPT_OS,
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
	{ 't', "tag", "NAME", "what the layout shall call the image" },
	{ OPT_FROM, "from", "[LAYOUT:]TAG", "start from this image" },
	{ OPT_TREE, "tree", "DIR[=PREFIX]", "layer: what is in DIR, at PREFIX (or the root)" },
	{ OPT_FILE, "file", "SRC=DEST", "layer: one file" },
	{ OPT_TAR, "tar", "FILE", "layer: an archive (-: standard input)" },
	{ OPT_COMPRESS, "compress", "KIND", "of layers that follow: none, gzip or zstd (zstd)" },
	{ OPT_OWNER, "owner", "UID:GID|keep", "of files of layers that follow" },
	{ OPT_EXCLUDE, "exclude", "GLOB", "leave these out of trees that follow" },
	{ OPT_ARCH, "arch", "ARCH", "architecture, as Go names it (this machine's)" },
	{ OPT_OS, "os", "OS", "operating system (linux)" },
	{ OPT_ENTRYPOINT, "entrypoint", "ARG", "a word of the command (repeatable)" },
	{ OPT_CMD, "cmd", "ARG", "a word of its default arguments (repeatable)" },
	{ OPT_ENV, "env", "NAME=VALUE", "a variable of the environment" },
	{ OPT_LABEL, "label", "NAME=VALUE", "a label of the image" },
	{ OPT_ANNOTATION, "annotation", "NAME=VALUE", "an annotation of the manifest" },
	{ OPT_WORKDIR, "workdir", "DIR", "the working directory" },
	{ OPT_USER, "user", "USER", "who runs the command" },
	{ OPT_VOLUME, "volume", "PATH", "a directory that is a volume" },
	{ OPT_PORT, "port", "PORT[/PROTO]", "a port that is listened at" },
	{ OPT_STOP_SIGNAL, "stop-signal", "SIGNAL", "what ends the command" },
	{ 'j', "jobs", "N", "layers packed at the same time (one a CPU)" },
	{ OPT_LIST, "list", NULL, "print the tags of the layout" },
	{ OPT_PRUNE, "prune", NULL, "remove blobs that no image needs" },
	{ OPT_JSON, "json", NULL, "print the image's digests as JSON" },
	{ OPT_TIMEOUT, "timeout", "SECONDS", "wait this long for others at the layout (600)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool ocipack_tool = {
	.name = "ocipack",
	.synopsis = "[options] LAYOUT",
	.about = "Build an image of an OCI layout from trees and files, reproducibly.",
	.opts = options,
};

/* What a member of an image's "config" is made of. */
enum shape { TEXT, LIST, PAIRS, KEYS };

static const struct setting {
	int id;
	enum shape shape;
	const char *member;
} settings[] = {
	{ OPT_ENTRYPOINT, LIST, "Entrypoint" },
	{ OPT_CMD, LIST, "Cmd" },
	{ OPT_ENV, LIST, "Env" },
	{ OPT_LABEL, PAIRS, "Labels" },
	{ OPT_WORKDIR, TEXT, "WorkingDir" },
	{ OPT_USER, TEXT, "User" },
	{ OPT_VOLUME, KEYS, "Volumes" },
	{ OPT_PORT, KEYS, "ExposedPorts" },
	{ OPT_STOP_SIGNAL, TEXT, "StopSignal" },
};

static const char *const kinds[] = { [SQUEEZE_NONE] = "none", [SQUEEZE_GZIP] = "gzip", [SQUEEZE_ZSTD] = "zstd" };

struct job {
	const char *tag, *from, *arch, *os;
	bool list, prune, json;
	int64_t jobs, timeout, epoch;
	struct pack *layers;
	size_t nlayers;
	struct words texts; /* sources and destinations of layers */
	struct words exclude;
	json_t *config, *annotations; /* what the options say of them */
	/* What applies to the layers that follow. */
	enum squeeze_kind kind;
	bool owner_given, keep_owner;
	int64_t uid, gid;
};

static int out_of_memory(const struct cli *c)
{
	cli_warn(c, "out of memory");
	return EX_FAIL;
}

/* Sets one member of an image's configuration. Returns 0 or an exit code. */
static int set_member(struct cli *c, json_t *to, enum shape shape, const char *name, const char *arg)
{
	const char *value = shape == PAIRS ? strchr(arg, '=') : NULL;
	json_t *old = json_object_get(to, name), *text;
	int rc;

	if (shape == PAIRS && (value == NULL || value == arg))
		return cli_usage(c, "'%s' is not NAME=VALUE", arg);
	text = json_string(value != NULL ? value + 1 : arg);
	if (text == NULL)
		return cli_usage(c, "'%s' is not valid UTF-8", arg);
	if (shape == TEXT)
		return json_object_set_new(to, name, text) == 0 ? 0 : out_of_memory(c);
	if (old == NULL) {
		old = shape == LIST ? json_array() : json_object();
		if (json_object_set_new(to, name, old) < 0) {
			json_decref(text);
			return out_of_memory(c);
		}
	}
	if (shape == LIST)
		return json_array_append_new(old, text) == 0 ? 0 : out_of_memory(c);
	if (shape == PAIRS) {
		rc = json_object_setn_new(old, arg, (size_t)(value - arg), text);
	} else {
		json_decref(text);
		rc = json_object_set_new(old, arg, json_object());
	}
	return rc == 0 ? 0 : cli_usage(c, "'%s' cannot be said in JSON", arg);
}

static int set_config(struct cli *c, struct job *job, int id)
{
	const struct setting *s = settings;
	const char *arg = c->arg;
	char port[32];
	size_t digits = strspn(arg, "0123456789");

	while (s->id != id)
		s++;
	if (s->id == OPT_ENV && (strchr(arg, '=') == NULL || *arg == '='))
		return cli_usage(c, "'%s' is not NAME=VALUE", arg);
	if (s->id != OPT_PORT)
		return set_member(c, job->config, s->shape, s->member, arg);
	if (digits == 0 || digits > 5 ||
	    (arg[digits] != '\0' && strcmp(arg + digits, "/tcp") != 0 && strcmp(arg + digits, "/udp") != 0 &&
		strcmp(arg + digits, "/sctp") != 0))
		return cli_usage(c, "'%s' is not PORT, PORT/tcp, PORT/udp or PORT/sctp", arg);
	(void)snprintf(port, sizeof port, "%s%s", arg, arg[digits] == '\0' ? "/tcp" : "");
	return set_member(c, job->config, s->shape, s->member, port);
}

static int set_owner(struct cli *c, struct job *job)
{
	const char *arg = c->arg;
	char uid[16];
	size_t n = strcspn(arg, ":");

	job->owner_given = true;
	job->keep_owner = strcmp(arg, "keep") == 0;
	if (job->keep_owner)
		return 0;
	if (arg[n] == ':' && n < sizeof uid) {
		(void)memcpy(uid, arg, n);
		uid[n] = '\0';
		if (num_parse(uid, 0, UINT32_MAX - 1, &job->uid) == 0 &&
		    num_parse(arg + n + 1, 0, UINT32_MAX - 1, &job->gid) == 0)
			return 0;
	}
	return cli_usage(c, "owner '%s' is neither UID:GID nor keep", arg);
}

static int set_kind(struct cli *c, struct job *job)
{
	const char *arg = c->arg;
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(arg, kinds[i]) == 0) {
			job->kind = (enum squeeze_kind)i;
			return 0;
		}
	return cli_usage(c, "compression '%s' is none of none, gzip and zstd", arg);
}

/* Keeps a copy of TEXT as long as the job. Returns it, or NULL. */
static const char *keep(struct job *job, const char *text)
{
	return words_add(&job->texts, text) == 0 ? job->texts.v[job->texts.n - 1] : NULL;
}

/* Adds a layer from "SRC=DEST" or "SRC". Returns 0 or an exit code. */
static int add_layer(struct cli *c, struct job *job, enum layer_source source)
{
	AUTO_FREE char *arg = strdup(c->arg);
	char *equals;
	AUTO_FREE char *dest = NULL;
	struct pack *v = reallocarray(job->layers, job->nlayers + 1, sizeof *v), *l;

	if (v == NULL)
		return out_of_memory(c);
	job->layers = v;
	if (arg == NULL)
		return out_of_memory(c);
	equals = source == LAYER_TAR ? NULL : strrchr(arg, '=');
	if (source == LAYER_FILE && (equals == NULL || equals[1] == '\0' || equals[strlen(equals) - 1] == '/'))
		return cli_usage(c, "'%s' is not SRC=DEST with a file's name as DEST", arg);
	if (equals != NULL)
		*equals = '\0';
	dest = tree_path(equals != NULL ? equals + 1 : "");
	if (dest == NULL || (source == LAYER_FILE && *dest == '\0'))
		return cli_usage(c, "'%s' is not a path for an image", equals != NULL ? equals + 1 : "");
	if (*arg == '\0')
		return cli_usage(c, "a layer's source has no name");
	l = &v[job->nlayers++];
	*l = (struct pack){ 0 };
	l->spec = (struct layer_spec){
		.source = source,
		.src = keep(job, arg),
		.dest = keep(job, dest),
		.kind = job->kind,
		.keep_owner = job->owner_given ? job->keep_owner : source == LAYER_TAR,
		.uid = (uid_t)job->uid,
		.gid = (gid_t)job->gid,
		.nexclude = job->exclude.n,
	};
	return l->spec.src != NULL && l->spec.dest != NULL ? 0 : out_of_memory(c);
}

static int set_number(struct cli *c, const char *what, int64_t max, int64_t *to)
{
	return num_parse(c->arg, 1, max, to) == 0
		   ? 0
		   : cli_usage(c, "%s '%s' is not 1 to %lld", what, c->arg, (long long)max);
}

/* Options of layers and of the layout. Returns 0 or an exit code. */
static int set_option(struct cli *c, struct job *job, int id)
{
	switch (id) {
	case OPT_TREE:
		return add_layer(c, job, LAYER_TREE);
	case OPT_FILE:
		return add_layer(c, job, LAYER_FILE);
	case OPT_TAR:
		return add_layer(c, job, LAYER_TAR);
	case OPT_COMPRESS:
		return set_kind(c, job);
	case OPT_OWNER:
		return set_owner(c, job);
	case OPT_EXCLUDE:
		return words_add(&job->exclude, c->arg) == 0 ? 0 : out_of_memory(c);
	case OPT_ANNOTATION:
		return set_member(c, job->annotations, PAIRS, "annotations", c->arg);
	case 'j':
		return set_number(c, "number of jobs", MAX_JOBS, &job->jobs);
	case OPT_TIMEOUT:
		return set_number(c, "timeout", MAX_TIMEOUT, &job->timeout);
	default:
		return set_config(c, job, id);
	}
}

/* A name as image-spec has it (annotations.md): components of letters and digits with separators between them. */
static bool good_tag(const char *tag)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:@/+";

	return strchr("-._:@/+", tag[0]) == NULL && tag[strspn(tag, letters)] == '\0';
}

static bool reads_stdin(const struct layer_spec *s)
{
	return s->source == LAYER_TAR && strcmp(s->src, LAYER_STDIN) == 0;
}

/* The seconds since 1970 that everything is stamped with. Returns 0 or an exit code. */
static int read_epoch(struct cli *c, struct job *job)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");

	if (text == NULL || num_parse(text, 0, MAX_EPOCH, &job->epoch) == 0)
		return 0;
	cli_warn(c, "SOURCE_DATE_EPOCH: '%s' is not a number of seconds", text);
	return EX_BAD_USAGE;
}

/* Is what was asked for possible? Returns 0 or an exit code. */
static int check(struct cli *c, struct job *job)
{
	size_t i, pipes = 0;
	bool image = job->nlayers > 0 || job->from != NULL || json_object_size(job->config) > 0 ||
		     json_object_size(job->annotations) > 0 || job->arch != NULL || job->os != NULL;

	if (read_epoch(c, job) != 0)
		return EX_BAD_USAGE;
	if (c->argc != 1 || *c->argv[0] == '\0')
		return cli_usage(c, "one operand is needed: the layout's directory");
	for (i = 0; i < job->nlayers; i++) {
		pipes += reads_stdin(&job->layers[i].spec);
		job->layers[i].spec.mtime = job->epoch;
		job->layers[i].spec.exclude = job->exclude.v;
	}
	if (pipes > 1)
		return cli_usage(c, "standard input can be one layer only");
	if (job->list && (job->tag != NULL || image || job->prune || job->json))
		return cli_usage(c, "--list goes with no other option");
	if (job->tag == NULL && image)
		return cli_usage(c, "the image needs a name: --tag");
	if (job->tag == NULL && job->json)
		return cli_usage(c, "--json goes with an image only");
	if (job->tag != NULL && !good_tag(job->tag))
		return cli_usage(c, "'%s' is not a name for an image", job->tag);
	if (job->tag != NULL && job->nlayers == 0 && job->from == NULL)
		return cli_usage(c, "an image needs layers: --tree, --file, --tar or --from");
	if (job->tag == NULL && !job->list && !job->prune)
		return cli_usage(c, "nothing to do: --tag, --list or --prune");
	return 0;
}

/* Parses the command line. Returns 0, or with an exit code in *CODE 1. */
static int parse(struct cli *c, struct job *job, int *code)
{
	int id, rc;

	while ((id = cli_next(c)) >= 0) {
		rc = 0;
		switch (id) {
		case 't':
			job->tag = c->arg;
			break;
		case OPT_FROM:
			job->from = c->arg;
			break;
		case OPT_ARCH:
			job->arch = c->arg;
			break;
		case OPT_OS:
			job->os = c->arg;
			break;
		case OPT_LIST:
			job->list = true;
			break;
		case OPT_PRUNE:
			job->prune = true;
			break;
		case OPT_JSON:
			job->json = true;
			break;
		default:
			rc = set_option(c, job, id);
		}
		if (rc != 0) {
			*code = rc;
			return 1;
		}
	}
	*code = id == CLI_EXIT ? c->exit_code : check(c, job);
	return id == CLI_EXIT || *code != 0;
}

/* This machine's architecture by the name that Go has for it (go tool dist list). */
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

/* Opens the layout that "LAYOUT:TAG" begins with, if it does, and leaves TAG in *TAG. Returns 0, -1 or LAYOUT_LATE. */
static int open_base(struct layout *base, const char **tag, int64_t deadline, struct err *e)
{
	AUTO_FREE char *dir = strdup(*tag);
	AUTO_FREE char *mark = NULL;
	char *colon;

	if (dir == NULL || (mark = malloc(strlen(dir) + sizeof "/oci-layout")) == NULL)
		return err_set(e, "out of memory");
	/* Both may have colons in them: it is where the text before one is a layout. */
	for (colon = strchr(dir, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		*colon = '\0';
		(void)sprintf(mark, "%s/oci-layout", dir);
		if (access(mark, F_OK) == 0) {
			*tag += colon + 1 - dir;
			return layout_open(base, dir, false, deadline, e);
		}
		*colon = ':';
	}
	return 0;
}

/* Begins the image, from a base or empty. Returns 0, -1, LAYOUT_LATE or IMAGE_NONE. */
static int begin(const struct job *job, struct layout *l, const char *created, struct image *i, struct err *e)
{
	struct layout base = { .index_lock = -1, .blobs_lock = -1 };
	const char *tag = job->from, *arch = job->arch, *os = job->os;
	struct utsname u;
	int rc = 0;

	if (job->from != NULL) {
		rc = open_base(&base, &tag, l->deadline, e);
		if (rc == 0 && base.dir != NULL)
			rc = layout_hold_blobs(&base, e);
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
		rc = err_set(e, "'%s' is not an architecture", arch);
	if (rc == 0 && os != NULL && json_object_set_new(i->config, "os", json_string(os)) < 0)
		rc = err_set(e, "'%s' is not an operating system", os);
	return rc;
}

/*
 * Makes the image from its base, its new layers and what the options say. Returns 0, -1, LAYOUT_LATE, LAYER_INVALID or
 * IMAGE_NONE.
 */
static int build(struct cli *c, struct job *job, struct layout *l, struct image *i, struct err *e)
{
	char created[32];
	time_t when = (time_t)job->epoch;
	struct tm tm;
	size_t k, s;
	int rc;

	(void)strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	if ((rc = layout_hold_blobs(l, e)) < 0)
		return rc;
	if ((rc = begin(job, l, created, i, e)) < 0)
		return rc;
	rc = pack_layers(l, job->layers, job->nlayers, (int)job->jobs, e);
	for (k = 0; k < job->nlayers; k++)
		for (s = 0; s < job->layers[k].skipped.n; s++)
			cli_note(c, "%s: a socket, left out", job->layers[k].skipped.v[s]);
	if (rc < 0)
		return rc;
	for (k = 0; k < job->nlayers; k++)
		if (image_add_layer(i, job->layers[k].spec.kind, &job->layers[k].sums, e) < 0)
			return -1;
	if (oci_edit(json_object_get(i->config, "config"), job->config, e) < 0)
		return -1;
	if (json_object_update(i->manifest, job->annotations) < 0)
		return err_set(e, "out of memory");
	return image_store(i, l, job->tag, e);
}

static int list(const struct layout *l, struct err *e)
{
	json_t *index = layout_index(l, e), *desc;
	size_t i;

	if (index == NULL)
		return -1;
	json_array_foreach(json_object_get(index, "manifests"), i, desc)
	{
		if (oci_tag(desc) != NULL)
			(void)printf("%s %s\n", oci_tag(desc), json_string_value(json_object_get(desc, "digest")));
	}
	json_decref(index);
	return 0;
}

static int print_summary(const struct image *i, struct err *e)
{
	json_t *summary = image_summary(i);
	AUTO_FREE char *text = summary != NULL ? oci_dump(summary) : NULL;

	json_decref(summary);
	if (text == NULL)
		return err_set(e, "out of memory");
	(void)puts(text);
	return 0;
}

/* Does what the options ask for. Returns an exit code. */
static int run(struct cli *c, struct job *job)
{
	struct err e = { 0 };
	struct layout l;
	struct image image = { 0 };
	int rc = layout_open(&l, c->argv[0], job->tag != NULL, now_ms() + job->timeout * 1000, &e);

	if (rc == 0 && job->list)
		rc = list(&l, &e);
	if (rc == 0 && job->tag != NULL)
		rc = build(c, job, &l, &image, &e);
	if (rc == 0 && job->prune)
		rc = layout_prune(&l, &e);
	if (rc == 0 && job->json)
		rc = print_summary(&image, &e);
	image_free(&image);
	layout_close(&l);
	switch (rc) {
	case 0:
		return EX_DONE;
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
	struct job job = { .kind = SQUEEZE_ZSTD, .timeout = DEFAULT_TIMEOUT, .config = json_object() };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int code;
	size_t i;

	job.jobs = cpus > 0 ? cpus : 1;
	job.annotations = json_object();
	if (parse(&c, &job, &code) == 0) {
		out_catch_signals();
		code = run(&c, &job);
	}
	for (i = 0; i < job.nlayers; i++)
		words_free(&job.layers[i].skipped);
	free(job.layers);
	words_free(&job.texts);
	words_free(&job.exclude);
	json_decref(job.config);
	json_decref(job.annotations);
	return cli_end(&c, code);
}
