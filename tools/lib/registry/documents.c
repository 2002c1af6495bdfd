#include "registry/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/blob.h"

/* So many documents are on their way at a time at most, whatever the number of connections. */
enum { BATCH = 64 };

struct fetch {
	struct regtask task;
	struct regdocs *d;
	const char *reference; /* of the first document; NULL: it is number DOC */
	size_t doc;
	bool none; /* it is not there */
	char name[sizeof "sha256:" + SHA256_HEX];
};

/* What the document of the answer A is: it says so itself, or else its header does. */
static void media_of(const struct reghttp_answer *a, char media[128])
{
	json_t *j = json_loadb(a->text, a->n, 0, NULL);
	const char *own = json_string_value(json_object_get(j, "mediaType"));
	const char *said = a->media != NULL ? a->media : "";
	size_t n = strcspn(said, "; \t");

	if (own != NULL && *own != '\0')
		n = strlen(said = own);
	else if (strstr(said, ".manifest.") == NULL && strstr(said, ".index.") == NULL)
		n = strlen(said = json_object_get(j, "manifests") != NULL ? OCI_MEDIA_INDEX : OCI_MEDIA_MANIFEST);
	(void)snprintf(media, 128, "%.*s", n < 128 ? (int)n : 0, said);
	json_decref(j);
}

/* The text of a document has come. Returns 0 or -1. */
static int take(struct fetch *f, const struct reghttp_answer *a, struct err *e)
{
	struct regdocs *d = f->d;
	char hex[SHA256_HEX], media[128];
	const struct regimage_part *part;

	if (a->text == NULL)
		return err_set(e, "an empty answer");
	if (sha256_hex(a->text, a->n, hex) < 0)
		return err_set(e, "the digest failed");
	if (regblob_other_digest(a, hex))
		return err_set(e, "the registry says that its digest is %.80s, but it is sha256:%s", a->digest, hex);
	if (f->reference != NULL) {
		if (strncmp(f->reference, "sha256:", 7) == 0 && strcmp(f->reference + 7, hex) != 0)
			return err_set(e, "its digest is sha256:%s", hex);
		media_of(a, media);
		if (regimage_begin(&d->image, &(struct oci_desc){ media, hex, a->n }, e) < 0)
			return -1;
	}
	part = &d->image.docs.v[f->doc];
	if (strcmp(part->hex, hex) != 0 || part->size != a->n)
		return err_set(e, "its digest is sha256:%s, of %zu bytes", hex, a->n);
	if (regimage_follow(&d->image, f->doc, a->text, a->n, e) < 0)
		return -1;
	return d->keep ? layout_put_text(d->l, a->text, a->n, hex, e) : 0;
}

static int step(struct regtask *t, struct err *e)
{
	struct fetch *f = t->arg;
	const char *reference = f->reference != NULL ? f->reference : f->name;
	int rc;

	if (t->req.url == NULL) {
		if (regpool_request(f->d->p, t, "GET", e, "%s/manifests/%s", f->d->repo, reference) < 0)
			return -1;
		t->req.accept = REGIMAGE_ACCEPT;
		return REGTASK_MORE;
	}
	rc = t->ans.status == 200 ? take(f, &t->ans, e) : reghttp_refused(&t->ans, e);
	/* The reason stays in E for who cannot do without it. */
	f->none = rc < 0 && (f->d->lenient || (t->ans.status == 404 && f->reference != NULL));
	reghttp_answer_free(&t->ans);
	return f->none ? 0 : rc;
}

static void init(struct fetch *f, struct regdocs *d, const char *name)
{
	f->d = d;
	f->task = (struct regtask){ .step = step, .arg = f, .name = name, .req.fd = -1 };
}

/* Follows the document number DOC if the layout has it. Returns 1, 0 when not, or -1. */
static int follow_own(struct regdocs *d, size_t doc, struct err *e)
{
	const struct regimage_part *part = &d->image.docs.v[doc];
	AUTO_FREE char *path = layout_path(d->l, LAYOUT_BLOBS, part->hex, e);
	AUTO_FREE char *text = NULL;
	struct err ignored;
	size_t n;

	if (path == NULL)
		return -1;
	if (access(path, F_OK) < 0)
		return 0;
	text = layout_text(d->l, &(struct oci_desc){ part->media, part->hex, part->size }, &n, &ignored);
	if (text == NULL)
		return 0;
	return regimage_follow(&d->image, doc, text, n, e) < 0 && !d->lenient ? -1 : 1;
}

/* Gets the documents from number *DOC on, as far as they are known by now. Returns 0, -1 or REGPOOL_LATE. */
static int get_some(struct regdocs *d, size_t *doc, struct err *e)
{
	struct fetch *v = calloc(BATCH, sizeof *v);
	struct regtask *tasks[BATCH];
	size_t i, n = 0;
	int rc = v != NULL ? 0 : err_no_memory(e);

	for (; rc >= 0 && *doc < d->image.docs.n && n < BATCH; ++*doc) {
		rc = follow_own(d, *doc, e);
		if (rc != 0)
			continue;
		v[n].doc = *doc;
		(void)snprintf(v[n].name, sizeof v[n].name, "sha256:%s", d->image.docs.v[*doc].hex);
		init(&v[n], d, v[n].name);
		tasks[n] = &v[n].task;
		n++;
	}
	if (rc >= 0)
		rc = regpool_run(d->p, tasks, n, e);
	for (i = 0; i < n; i++)
		regtask_free(&v[i].task);
	free(v);
	return rc;
}

int regdocs_get(struct regdocs *d, const char *reference, const char *name, struct err *e)
{
	struct fetch first = { .reference = reference };
	struct regtask *task = &first.task;
	size_t doc = 1;
	int rc;

	init(&first, d, name);
	rc = regpool_run(d->p, &task, 1, e);
	if (rc == 0 && first.none) {
		(void)err_prefix(e, "%s", name);
		rc = REGDOCS_NONE;
	}
	regtask_free(&first.task);
	while (rc == 0 && doc < d->image.docs.n)
		rc = get_some(d, &doc, e);
	return rc;
}
