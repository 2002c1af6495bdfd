#include "registry/manifest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* At most this many manifests are requested at a time, whatever the number of connections. */
enum { BATCH = 64 };

static int doc_step(struct regtask *t, struct err *e)
{
	struct regmanifest *d = t->arg;

	if (t->req.url != NULL)
		return 0;
	if (regqueue_request(d->q, t, d->text != NULL ? "PUT" : "GET", e, "%s", d->url_) < 0)
		return -1;
	t->req.accept = d->accept;
	if (d->text == NULL)
		return REGTASK_MORE;
	t->req.type = d->type;
	t->req.n = strlen(d->text);
	t->req.text = d->text;
	d->text = NULL;
	return REGTASK_MORE;
}

int regmanifest_ask(struct regmanifest *d, const char *url, struct err *e)
{
	struct regtask *task = &d->task_;
	int rc;

	d->url_ = url;
	*task = (struct regtask){ .step = doc_step, .arg = d, .name = d->name, .req.fd = -1 };
	rc = regqueue_run(d->q, &task, 1, e);
	d->answer = task->ans;
	task->ans = (struct reghttp_answer){ 0 };
	regtask_free(task);
	return rc;
}

int regmanifest_get(struct regmanifest *d, const char *url, const char *hex, struct err *e)
{
	char is[SHA256_HEX];
	int rc = regmanifest_ask(d, url, e);

	if (rc < 0)
		return rc;
	if (d->answer.status != 200)
		(void)reghttp_refused(&d->answer, e);
	else if (d->answer.text == NULL)
		(void)err_set(e, "an empty answer");
	else if (sha256_hex(d->answer.text, d->answer.n, is) < 0)
		(void)err_set(e, "cannot compute the digest");
	else if (hex != NULL && strcmp(hex, is) != 0)
		(void)err_set(e, "its digest is sha256:%s", is);
	else
		return 0;
	return err_prefix(e, "%s", d->name);
}

void regmanifest_free(struct regmanifest *d)
{
	free(d->text);
	reghttp_answer_free(&d->answer);
	*d = (struct regmanifest){ 0 };
}

/* A manifest that is pulled. */
struct pull {
	struct regtask task;
	struct regmanifest_pull *m;
	const char *reference; /* of the first manifest; NULL: it is number DOC */
	size_t doc;
	bool none; /* the registry does not have it */
	char name[sizeof "sha256:" + SHA256_HEX];
};

/* Sets MEDIA to the type of the manifest in A: what the manifest itself says, or else the header. */
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

/* Takes the manifest that A holds. Returns 0 or -1. */
static int take(struct pull *p, const struct reghttp_answer *a, struct err *e)
{
	struct regmanifest_pull *m = p->m;
	char hex[SHA256_HEX], media[128];
	const struct regimage_part *part;

	if (a->text == NULL)
		return err_set(e, "an empty answer");
	if (sha256_hex(a->text, a->n, hex) < 0)
		return err_set(e, "cannot compute the digest");
	if (reghttp_other_digest(a, hex))
		return err_set(e, "the registry says that its digest is %.80s, but it is sha256:%s", a->digest, hex);
	if (p->reference != NULL) {
		if (strncmp(p->reference, "sha256:", 7) == 0 && strcmp(p->reference + 7, hex) != 0)
			return err_set(e, "its digest is sha256:%s", hex);
		media_of(a, media);
		if (regimage_begin(&m->image, &(struct document_desc){ media, hex, a->n }, e) < 0)
			return -1;
	}
	part = &m->image.docs.v[p->doc];
	if (strcmp(part->hex, hex) != 0 || part->size != a->n)
		return err_set(e, "its digest is sha256:%s, of %zu bytes", hex, a->n);
	if (regimage_follow(&m->image, p->doc, a->text, a->n, e) < 0)
		return -1;
	return m->keep ? layout_put_text(m->l, a->text, a->n, hex, e) : 0;
}

static int pull_step(struct regtask *t, struct err *e)
{
	struct pull *p = t->arg;
	const char *reference = p->reference != NULL ? p->reference : p->name;
	int rc;

	if (t->req.url == NULL) {
		if (regqueue_request(p->m->q, t, "GET", e, "%s/manifests/%s", p->m->repo, reference) < 0)
			return -1;
		t->req.accept = REGIMAGE_ACCEPT;
		return REGTASK_MORE;
	}
	rc = t->ans.status == 200 ? take(p, &t->ans, e) : reghttp_refused(&t->ans, e);
	/* E keeps the reason for callers that need the manifest. */
	p->none = rc < 0 && (p->m->lenient || (t->ans.status == 404 && p->reference != NULL));
	reghttp_answer_free(&t->ans);
	return p->none ? 0 : rc;
}

static void init_pull(struct pull *p, struct regmanifest_pull *m, const char *name)
{
	p->m = m;
	p->task = (struct regtask){ .step = pull_step, .arg = p, .name = name, .req.fd = -1 };
}

/* Adds what manifest number DOC names if the layout has it. Returns 1, 0 if the layout does not have it, or -1. */
static int follow_own(struct regmanifest_pull *m, size_t doc, struct err *e)
{
	const struct regimage_part *part = &m->image.docs.v[doc];
	AUTO_FREE char *path = layout_path(m->l, LAYOUT_BLOBS, part->hex, e);
	AUTO_FREE char *text = NULL;
	struct err ignored;
	size_t n;

	if (path == NULL)
		return -1;
	if (access(path, F_OK) < 0)
		return 0;
	text = layout_text(m->l, &(struct document_desc){ part->media, part->hex, part->size }, &n, &ignored);
	if (text == NULL)
		return 0;
	return regimage_follow(&m->image, doc, text, n, e) < 0 && !m->lenient ? -1 : 1;
}

/* Pulls the manifests from number *DOC on that are known so far. Returns 0, -1 or REGQUEUE_LATE. */
static int pull_some(struct regmanifest_pull *m, size_t *doc, struct err *e)
{
	struct pull *v = calloc(BATCH, sizeof *v);
	struct regtask *tasks[BATCH];
	size_t i, n = 0;
	int rc = v != NULL ? 0 : err_no_memory(e);

	for (; rc >= 0 && *doc < m->image.docs.n && n < BATCH; ++*doc) {
		rc = follow_own(m, *doc, e);
		if (rc != 0)
			continue;
		v[n].doc = *doc;
		(void)snprintf(v[n].name, sizeof v[n].name, "sha256:%s", m->image.docs.v[*doc].hex);
		init_pull(&v[n], m, v[n].name);
		tasks[n] = &v[n].task;
		n++;
	}
	if (rc >= 0)
		rc = regqueue_run(m->q, tasks, n, e);
	for (i = 0; i < n; i++)
		regtask_free(&v[i].task);
	free(v);
	return rc;
}

int regmanifest_pull(struct regmanifest_pull *m, const char *reference, const char *name, struct err *e)
{
	struct pull first = { .reference = reference };
	struct regtask *task = &first.task;
	size_t doc = 1;
	int rc;

	init_pull(&first, m, name);
	rc = regqueue_run(m->q, &task, 1, e);
	if (rc == 0 && first.none) {
		(void)err_prefix(e, "%s", name);
		rc = REGMANIFEST_NONE;
	}
	regtask_free(&first.task);
	while (rc == 0 && doc < m->image.docs.n)
		rc = pull_some(m, &doc, e);
	return rc;
}

/* A manifest that is pushed. */
struct push {
	struct regmanifest_push *m;
	const struct regimage_part *part;
	struct regtask task;
	int fd;
	char name[sizeof "sha256:" + SHA256_HEX];
};

/* Makes the next request the one that sends the manifest. */
static int put_manifest(struct push *p, struct err *e)
{
	AUTO_FREE char *path = layout_path(p->m->l, LAYOUT_BLOBS, p->part->hex, e);
	const char *as = p->part->depth == 0 ? p->m->tag : p->name;

	if (path == NULL || regqueue_request(p->m->q, &p->task, "PUT", e, "%s/manifests/%s", p->m->repo, as) < 0)
		return -1;
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		return err_sys(e, "%s", path);
	p->task.req.type = p->part->media;
	p->task.req.fd = p->fd;
	p->task.req.n = p->part->size;
	return REGTASK_MORE;
}

static int push_step(struct regtask *t, struct err *e)
{
	struct push *p = t->arg;

	if (t->req.url == NULL)
		return put_manifest(p, e);
	if (t->ans.status != 201 && t->ans.status != 202) {
		(void)reghttp_refused(&t->ans, e);
		p->m->missing = strstr(e->msg, "BLOB_UNKNOWN") != NULL || strstr(e->msg, "MANIFEST_UNKNOWN") != NULL;
		return -1;
	}
	if (reghttp_other_digest(&t->ans, p->part->hex))
		return err_set(e, "the registry says that its digest is %.80s", t->ans.digest);
	/* A registry that maintains the list of referrers itself answers with OCI-Subject. */
	if (p->part->subject[0] != '\0' && t->ans.subject == NULL && words_add(&p->m->unlisted, p->part->hex) < 0)
		return err_no_memory(e);
	return 0;
}

/* Pushes the manifests that are DEPTH below the first one. Returns 0, -1 or REGQUEUE_LATE. */
static int push_level(struct regmanifest_push *m, int depth, struct err *e)
{
	const struct regimage_list *all = &m->image->docs;
	struct push *v = calloc(all->n, sizeof *v);
	struct regtask **tasks = calloc(all->n, sizeof(struct regtask *));
	size_t i, n = 0;
	int rc = v != NULL && tasks != NULL ? 0 : err_no_memory(e);

	for (i = 0; rc == 0 && i < all->n; i++) {
		/* The first one is sent even if the registry has it, to set the tag. */
		if (all->v[i].depth != depth ||
		    (depth > 0 && m->known != NULL && regimage_has(m->known, all->v[i].hex)))
			continue;
		v[n] = (struct push){ .m = m, .part = &all->v[i], .fd = -1 };
		(void)snprintf(v[n].name, sizeof v[n].name, "sha256:%s", all->v[i].hex);
		v[n].task = (struct regtask){ .step = push_step, .arg = &v[n], .req.fd = -1 };
		v[n].task.name = depth == 0 ? m->name : v[n].name;
		tasks[n] = &v[n].task;
		n++;
	}
	if (rc == 0)
		rc = regqueue_run(m->q, tasks, n, e);
	for (i = 0; i < n; i++) {
		if (v[i].fd >= 0)
			(void)close(v[i].fd);
		regtask_free(&v[i].task);
	}
	free(v);
	free(tasks);
	return rc;
}

int regmanifest_push(struct regmanifest_push *m, struct err *e)
{
	size_t i;
	int depth = 0, rc = 0;

	for (i = 0; i < m->image->docs.n; i++)
		if (m->image->docs.v[i].depth > depth)
			depth = m->image->docs.v[i].depth;
	for (; depth >= 0 && rc == 0; depth--)
		rc = push_level(m, depth, e);
	return rc;
}
