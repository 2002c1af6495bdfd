/* ocipack: builds an image of an OCI layout from trees and files: the same inputs give the same digests. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/auto.h"
#include "lib/cli.h"
#include "lib/layer.h"
#include "lib/layout.h"
#include "lib/num.h"
#include "lib/tree.h"
#include "lib/words.h"

enum { DEFAULT_TIMEOUT = 600, MAX_TIMEOUT = 1000000, MAX_JOBS = LAYOUT_MAX_OPEN };
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
static const char *const media[] = {
	[SQUEEZE_NONE] = OCI_MEDIA_LAYER,
	[SQUEEZE_GZIP] = OCI_MEDIA_LAYER "+gzip",
	[SQUEEZE_ZSTD] = OCI_MEDIA_LAYER "+zstd",
};

/* A layer to be made, and what became of it. */
struct layer {
	struct layer_spec spec;
	struct squeeze_sums sums;
	struct words skipped;
	struct err err;
	int rc;
};

struct job {
	const char *tag, *from, *arch, *os;
	bool list, prune, json;
	int64_t jobs, timeout, epoch;
	struct layer *layers;
	size_t nlayers;
	struct words texts; /* sources and destinations of layers */
	struct words exclude;
	json_t *config, *annotations; /* what the options say of them */
	/* What applies to the layers that follow. */
	enum squeeze_kind kind;
	bool owner_given, keep_owner;
	int64_t uid, gid;
	/* While layers are packed. */
	struct layout *layout;
	atomic_size_t next;
	atomic_bool stop;
	int workers; /* threads that compress one layer */
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

static int set_config(struct cli *c, struct job *job, const struct setting *s, const char *arg)
{
	char port[32];
	size_t digits = strspn(arg, "0123456789");

	if (s->id == OPT_ENV && (strchr(arg, '=') == NULL || *arg == '='))
		return cli_usage(c, "'%s' is not NAME=VALUE", arg);
	if (s->id != OPT_PORT)
		return set_member(c, job->config, s->shape, s->member, arg);
	if (digits == 0 || digits > 5 || (arg[digits] != '\0' && strcmp(arg + digits, "/tcp") != 0 &&
					     strcmp(arg + digits, "/udp") != 0 && strcmp(arg + digits, "/sctp") != 0))
		return cli_usage(c, "'%s' is not PORT, PORT/tcp, PORT/udp or PORT/sctp", arg);
	(void)snprintf(port, sizeof port, "%s%s", arg, arg[digits] == '\0' ? "/tcp" : "");
	return set_member(c, job->config, s->shape, s->member, port);
}

static int set_owner(struct cli *c, struct job *job, const char *arg)
{
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

static int set_kind(struct cli *c, struct job *job, const char *arg)
{
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
static int add_layer(struct cli *c, struct job *job, enum layer_source source, char *arg)
{
	char *equals = source == LAYER_TAR ? NULL : strrchr(arg, '=');
	AUTO_FREE char *dest = NULL;
	struct layer *v = reallocarray(job->layers, job->nlayers + 1, sizeof *v), *l;

	if (v == NULL)
		return out_of_memory(c);
	job->layers = v;
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
	*l = (struct layer){ 0 };
	l->spec = (struct layer_spec){
		.source = source,
		.src = keep(job, arg),
		.dest = keep(job, dest),
		.kind = job->kind,
		.keep_owner = job->owner_given ? job->keep_owner : source == LAYER_TAR,
		.uid = (uid_t)job->uid,
		.gid = (gid_t)job->gid,
		.mtime = job->epoch,
		.nexclude = job->exclude.n,
		.stop = &job->stop,
	};
	return l->spec.src != NULL && l->spec.dest != NULL ? 0 : out_of_memory(c);
}

static int set_option(struct cli *c, struct job *job, int id)
{
	size_t i;

	for (i = 0; i < sizeof settings / sizeof *settings; i++)
		if (settings[i].id == id)
			return set_config(c, job, &settings[i], c->arg);
	return cli_usage(c, "unknown option");
}
