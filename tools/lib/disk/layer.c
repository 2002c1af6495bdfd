#include "disk/layer.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/qemu_img.h"
#include "base/unfinished.h"
#include "oci/ustar.h"

#define NOTE_LAYER "org.kubestamp.layer.digest"
#define NOTE_PATH "org.kubestamp.layer.path"
#define NOTE_HEAD "org.kubestamp.layer.head"
#define NOTE_TAIL "org.kubestamp.layer.tail"
#define NOTE_OPTIONS "org.kubestamp.disk.options"
#define NOTE_PROBE "org.kubestamp.disk.probe"

/* The head consists of some tar headers and must fit in an annotation. The sample: its lines and its size in bytes. */
enum { MAX_HEAD = 65536, SAMPLE_LINES = 500000, SAMPLE_SIZE = 4 << 20 };

static const char magic[] = { 'Q', 'F', 'I', (char)0xfb };
static const char sha256_head[] = "sha256:";

static void unmap(struct disklayer *d)
{
	if (d->data_ != NULL)
		(void)munmap(d->data_, d->ndata_);
	free(d->blob_);
	d->data_ = NULL;
	d->blob_ = NULL;
}

/* Maps the layer HEX. Returns 1, 0 if it cannot be read, or -1. */
static int map(struct disklayer *d, const struct layout *l, const char *hex, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, LAYOUT_BLOBS, hex, e);
	AUTO_CLOSE int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	void *data;

	if (path == NULL)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return 0;
	d->blob_ = realpath(path, NULL);
	if (d->blob_ == NULL)
		return err_sys(e, "%s", path);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(e, "%s", path);
	d->data_ = data;
	d->ndata_ = (size_t)st.st_size;
	(void)strcpy(d->hex, hex);
	return 1;
}

/* Finds the disk in the layer that is mapped. Anything that is not a plain archive ends the search. */
static bool find_in_layer(struct disklayer *d)
{
	struct ustar t = { d->data_, d->ndata_ };
	struct ustar_entry f;
	struct err ignored;

	while (ustar_next(&t, &f, &ignored) == 1) {
		if (f.dir || strcmp(f.name, DISKLAYER_PATH) != 0)
			continue;
		d->offset = (uint64_t)(f.data - d->data_);
		d->size = f.n;
		return f.n >= sizeof magic && memcmp(f.data, magic, sizeof magic) == 0;
	}
	return false;
}

int disklayer_find(struct disklayer *d, const struct layout *l, const json_t *manifest, struct err *e)
{
	const json_t *layer;
	struct document_desc desc;
	size_t i;
	int rc;

	json_array_foreach (json_object_get(manifest, "layers"), i, layer) {
		if (document_desc(layer, &desc, e) < 0)
			return -1;
		if (strcmp(desc.media, OCI_MEDIA_LAYER) != 0)
			continue;
		rc = map(d, l, desc.hex, e);
		if (rc > 0 && find_in_layer(d))
			return 1;
		unmap(d);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Looks at one descriptor of an index. Anything that is not an image is skipped. */
static int find_in_image(struct disklayer *d, const struct layout *l, const json_t *json, struct err *e)
{
	struct document_desc desc;
	json_t *manifest = NULL;
	struct err ignored;
	int rc = 0;

	if (document_desc(json, &desc, &ignored) == 0 && strcmp(desc.media, OCI_MEDIA_MANIFEST) == 0)
		manifest = layout_get(l, &desc, document_parse_manifest, &ignored);
	if (manifest != NULL)
		rc = disklayer_find(d, l, manifest, e);
	json_decref(manifest);
	return rc;
}

int disklayer_find_earlier(struct disklayer *d, const struct layout *l, const char *repo, struct err *e)
{
	json_t *index = layout_index(l, e);
	const json_t *list = json_object_get(index, "manifests");
	int rc = index != NULL ? 0 : -1, others;
	size_t i;

	/* New images are added at the end. */
	for (others = 0; rc == 0 && others <= 1; others++) {
		for (i = json_array_size(list); rc == 0 && i-- > 0;) {
			const json_t *desc = json_array_get(list, i);
			const char *tag = document_tag(desc);
			bool own = tag != NULL && strncmp(tag, repo, strlen(repo)) == 0;

			if (own == (others == 0))
				rc = find_in_image(d, l, desc, e);
		}
	}
	json_decref(index);
	return rc;
}

/* The name of the disk within the layer, for qemu-img: "json:{...}". Returns it (free it), or NULL. */
static char *inner(const struct disklayer *d)
{
	/* qemu-img accepts only multiples of 512; the archive pads the disk to one with zeros. */
	uint64_t size = (d->size + 511) / 512 * 512;
	json_t *j = json_pack("{s:s, s:n, s:{s:s, s:I, s:I, s:{s:s, s:s}}}", "driver", "qcow2", "backing", "file",
	    "driver", "raw", "offset", (json_int_t)d->offset, "size", (json_int_t)size, "file", "driver", "file",
	    "filename", d->blob_);
	AUTO_FREE char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	char *name;

	json_decref(j);
	return text != NULL && asprintf(&name, "json:%s", text) >= 0 ? name : NULL;
}

static int make_dir(struct disklayer *d, const struct layout *l, struct err *e)
{
	size_t n = strlen(l->dir);
	char *dir;

	while (n > 1 && l->dir[n - 1] == '/')
		n--;
	if (asprintf(&dir, "%.*s.XXXXXX", (int)n, l->dir) < 0)
		return err_no_memory(e);
	if (mkdtemp(dir) == NULL) {
		(void)err_sys(e, "%s", dir);
		free(dir);
		return -1;
	}
	d->dir = dir;
	return unfinished_add(dir) == 0 ? 0 : err_sys(e, "%s", dir);
}

int disklayer_view(struct disklayer *d, const struct layout *l, int64_t deadline, struct err *e)
{
	AUTO_FREE char *name = inner(d);
	struct args a = { 0 };

	if (make_dir(d, l, e) < 0)
		return -1;
	if (asprintf(&d->view, "%s/view.qcow2", d->dir) < 0)
		d->view = NULL;
	if (d->view == NULL || name == NULL)
		return err_no_memory(e);
	args_add(&a, "qemu-img");
	args_add(&a, "create");
	args_add(&a, "-q");
	args_add(&a, "-fqcow2");
	args_add(&a, "-Fqcow2");
	args_add(&a, "-b%s", name);
	qemu_img_file(&a, d->view);
	return qemu_img(&a, d->view, -1, deadline, NULL, e);
}

/* Converts a raw disk to qcow2 as the stage disk does, with the same result every time. Returns 0 or -1. */
static int convert(const char *options, const char *from, const char *to, int64_t deadline, struct err *e)
{
	struct args a = { 0 };

	args_add(&a, "qemu-img");
	args_add(&a, "convert");
	args_add(&a, "-qc");
	args_add(&a, "-m2");
	args_add(&a, "-fraw");
	args_add(&a, "-Oqcow2");
	args_add(&a, "-o%s", options);
	qemu_img_file(&a, from);
	qemu_img_file(&a, to);
	return qemu_img(&a, to, -1, deadline, NULL, e);
}

/* Writes the sample, numbers and then zeros. Returns 0 or -1. */
static int write_sample(const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "we");
	int i;

	if (f == NULL)
		return err_sys(e, "%s", path);
	for (i = 1; i <= SAMPLE_LINES; i++)
		(void)fprintf(f, "%d\n", i);
	if (fflush(f) != 0 || ferror(f) || ftruncate(fileno(f), SAMPLE_SIZE) < 0)
		return err_sys(e, "%s", path);
	return 0;
}

/* Sets HEX to the digest of the sample that qemu-img writes with OPTIONS. Returns 0 or -1. */
static int probe(const char *options, const char *dir, int64_t deadline, char hex[SHA256_HEX], struct err *e)
{
	AUTO_FREE char *raw = NULL;
	AUTO_FREE char *qcow2 = NULL;

	if (asprintf(&raw, "%s/sample", dir) < 0)
		raw = NULL;
	if (asprintf(&qcow2, "%s/sample.qcow2", dir) < 0)
		qcow2 = NULL;
	if (raw == NULL || qcow2 == NULL)
		return err_no_memory(e);
	if (write_sample(raw, e) < 0 || convert(options, raw, qcow2, deadline, e) < 0)
		return -1;
	return sha256_file(qcow2, hex, NULL, e);
}

/* The options with which qemu-img made the disk. Returns them (free them), or NULL. */
static char *read_options(const struct disklayer *d, int64_t deadline, struct err *e)
{
	AUTO_FREE char *name = inner(d);
	AUTO_FREE char *text = NULL;
	char *options = NULL;
	const char *type;
	json_t *j;
	struct args a = { 0 };
	json_int_t cluster;

	if (name == NULL) {
		(void)err_no_memory(e);
		return NULL;
	}
	args_add(&a, "qemu-img");
	args_add(&a, "info");
	args_add(&a, "--output=json");
	args_add(&a, "%s", name);
	if (qemu_img(&a, d->blob_, -1, deadline, &text, e) < 0)
		return NULL;
	j = json_loads(text, 0, NULL);
	cluster = json_integer_value(json_object_get(j, "cluster-size"));
	if (json_unpack(j, "{s:{s:{s:s}}}", "format-specific", "data", "compression-type", &type) < 0)
		(void)err_set(e, "%s: qemu-img does not report how the disk is compressed", d->blob_);
	else if (asprintf(&options, "compression_type=%s,cluster_size=%lld", type, (long long)cluster) < 0) {
		options = NULL;
		(void)err_no_memory(e);
	}
	json_decref(j);
	return options;
}

/* Sets HEX to the digest of the bytes after the disk. Returns 0 or -1. */
static int digest_tail(const struct disklayer *d, char hex[SHA256_HEX], struct err *e)
{
	uint64_t end = d->offset + d->size;

	return sha256_hex(d->data_ + end, d->ndata_ - end, hex) == 0 ? 0 : err_set(e, "cannot compute the digest");
}

json_t *disklayer_notes(const struct disklayer *d, int64_t deadline, struct err *e)
{
	AUTO_FREE char *options = NULL;
	AUTO_FREE char *head = NULL;
	char tail[SHA256_HEX], sample[SHA256_HEX];
	json_t *notes;

	if (d->offset > MAX_HEAD) {
		(void)err_set(e, "the disk is not at the beginning of its layer");
		return NULL;
	}
	options = read_options(d, deadline, e);
	if (options == NULL || probe(options, d->dir, deadline, sample, e) < 0 || digest_tail(d, tail, e) < 0)
		return NULL;
	head = malloc(d->offset / 3 * 4 + 5);
	if (head != NULL)
		(void)EVP_EncodeBlock((unsigned char *)head, d->data_, (int)d->offset);
	notes = head == NULL ? NULL
			     : json_pack("{s:s+, s:s, s:s, s:s+, s:s, s:s+}", NOTE_LAYER, sha256_head, d->hex,
				   NOTE_PATH, DISKLAYER_PATH, NOTE_HEAD, head, NOTE_TAIL, sha256_head, tail,
				   NOTE_OPTIONS, options, NOTE_PROBE, sha256_head, sample);
	if (notes == NULL)
		(void)err_no_memory(e);
	return notes;
}

void disklayer_free(struct disklayer *d)
{
	unmap(d);
	if (d->dir != NULL) {
		(void)unfinished_remove_dir(d->dir);
		unfinished_drop(d->dir);
	}
	free(d->view);
	free(d->dir);
	*d = (struct disklayer){ 0 };
}

/* Is TEXT "compression_type=NAME,cluster_size=NUMBER"? */
static bool good_options(const char *text)
{
	static const char type[] = "compression_type=", size[] = ",cluster_size=";
	size_t n;

	if (strncmp(text, type, sizeof type - 1) != 0)
		return false;
	text += sizeof type - 1;
	n = strspn(text, "abcdefghijklmnopqrstuvwxyz");
	if (n == 0 || strncmp(text + n, size, sizeof size - 1) != 0)
		return false;
	text += n + sizeof size - 1;
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The annotation NAME; "" if it is missing. */
static const char *note(const json_t *notes, const char *name)
{
	const char *text = json_string_value(json_object_get(notes, name));

	return text != NULL ? text : "";
}

int disklayer_parse(struct disklayer_recipe *r, const json_t *notes, struct err *e)
{
	const char *hex = sha256_parse(note(notes, NOTE_LAYER));

	*r = (struct disklayer_recipe){ .head = note(notes, NOTE_HEAD),
		.tail = note(notes, NOTE_TAIL),
		.options = note(notes, NOTE_OPTIONS),
		.probe = note(notes, NOTE_PROBE) };
	if (hex == NULL || !good_options(r->options))
		return err_set(e, "invalid annotations");
	(void)strcpy(r->hex, hex);
	return 0;
}

/* Is DIGEST "sha256:HEX"? */
static bool digest_is(const char *digest, const char *hex)
{
	const char *own = sha256_parse(digest);

	return own != NULL && strcmp(own, hex) == 0;
}

int disklayer_probe(const struct disklayer_recipe *r, const char *dir, int64_t deadline, struct err *e)
{
	char hex[SHA256_HEX];

	if (probe(r->options, dir, deadline, hex, e) < 0)
		return -1;
	return digest_is(r->probe, hex)
		   ? 0
		   : err_set(e, "qemu-img here does not write the same bytes as where the disk was published");
}

/* Writes what is before the disk. Returns 0 or -1. */
static int write_head(const struct disklayer_recipe *r, FILE *f, const char *path, struct err *e)
{
	size_t n = strlen(r->head);
	AUTO_FREE unsigned char *data = malloc(n / 4 * 3 + 1);
	int len;

	if (data == NULL)
		return err_no_memory(e);
	len = n <= INT32_MAX && n % 4 == 0 ? EVP_DecodeBlock(data, (const unsigned char *)r->head, (int)n) : -1;
	/* The padding is decoded too. */
	if (len >= 3)
		len -= (r->head[n - 1] == '=') + (r->head[n - 2] == '=');
	if (len < 0)
		return err_set(e, "the annotation " NOTE_HEAD " is not base64");
	return fwrite(data, 1, (size_t)len, f) == (size_t)len ? 0 : err_sys(e, "%s", path);
}

/* Appends the contents of the file FROM. Returns 0 or -1. */
static int append(FILE *f, const char *path, const char *from, struct err *e)
{
	AUTO_FCLOSE FILE *in = fopen(from, "re");
	char buf[65536];
	size_t n;

	if (in == NULL)
		return err_sys(e, "%s", from);
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		if (fwrite(buf, 1, n, f) != n)
			return err_sys(e, "%s", path);
	return ferror(in) ? err_sys(e, "%s", from) : 0;
}

int disklayer_make(const struct disklayer_recipe *r, const struct disklayer *old, const char *raw, const char *path,
    int64_t deadline, struct err *e)
{
	AUTO_FREE char *qcow2 = NULL;
	AUTO_FCLOSE FILE *f = NULL;
	uint64_t end = old->offset + old->size;
	char tail[SHA256_HEX];

	if (asprintf(&qcow2, "%s.qcow2", path) < 0) {
		qcow2 = NULL;
		return err_no_memory(e);
	}
	if (convert(r->options, raw, qcow2, deadline, e) < 0)
		return -1;
	(void)unlink(raw);
	f = fopen(path, "we");
	if (f == NULL)
		return err_sys(e, "%s", path);
	if (write_head(r, f, path, e) < 0 || append(f, path, qcow2, e) < 0 || digest_tail(old, tail, e) < 0)
		return -1;
	if (digest_is(r->tail, tail) && fwrite(old->data_ + end, 1, old->ndata_ - end, f) != old->ndata_ - end)
		return err_sys(e, "%s", path);
	return fflush(f) == 0 ? 0 : err_sys(e, "%s", path);
}
