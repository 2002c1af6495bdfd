#include "registry/referrers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/manifest.h"

/* Appends to TO the descriptors of INDEX that are of the type ARTIFACT. Returns 0 or -1. */
static int choose(json_t *to, const json_t *index, const char *artifact, struct err *e)
{
	json_t *desc;
	const char *type;
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, desc) {
		type = json_string_value(json_object_get(desc, "artifactType"));
		if (type != NULL && strcmp(type, artifact) == 0 && json_array_append(to, desc) < 0)
			return err_no_memory(e);
	}
	return 0;
}

/*
 * Gets the index at URL. *INDEX is a new reference, or NULL if there is no index; WANTED: anything else but an index
 * and status 404 is an error. Returns 0, -1 or REGQUEUE_LATE.
 */
static int get(struct regqueue *q, const char *url, bool wanted, json_t **index, struct err *e)
{
	struct regmanifest doc = { .q = q, .name = url, .accept = OCI_MEDIA_INDEX };
	struct err why;
	int rc = regmanifest_ask(&doc, url, e);

	*index = NULL;
	if (rc == 0 && doc.answer.status == 200 && doc.answer.text != NULL) {
		*index = document_parse_index(doc.answer.text, doc.answer.n, &why);
		if (*index == NULL && wanted)
			rc = err_set(e, "%s: not an index: %s", url, why.msg);
	} else if (rc == 0 && wanted && doc.answer.status != 404) {
		(void)reghttp_refused(&doc.answer, e);
		rc = err_prefix(e, "%s", url);
	}
	regmanifest_free(&doc);
	return rc;
}

/* Gets the index with the tag for the image HEX. Like get. */
static int get_tagged(struct regqueue *q, const char *repo, const char *hex, json_t **index, struct err *e)
{
	AUTO_FREE char *url = NULL;

	*index = NULL;
	if (asprintf(&url, "%s/manifests/sha256-%s", repo, hex) < 0) {
		url = NULL;
		return err_no_memory(e);
	}
	return get(q, url, true, index, e);
}

int regreferrers_find(
    struct regqueue *q, const char *repo, const char *hex, const char *artifact, json_t **found, struct err *e)
{
	AUTO_FREE char *url = NULL;
	json_t *index = NULL;
	int rc;

	*found = json_array();
	if (*found == NULL || asprintf(&url, "%s/referrers/sha256:%s?artifactType=%s", repo, hex, artifact) < 0) {
		url = NULL;
		return err_no_memory(e);
	}
	/* Registries without the API answer with other statuses than 404 too. */
	rc = get(q, url, false, &index, e);
	if (rc == 0 && index == NULL)
		rc = get_tagged(q, repo, hex, &index, e);
	if (rc == 0)
		rc = choose(*found, index, artifact, e);
	json_decref(index);
	return rc;
}

/* The descriptor of the manifest J for a list of referrers, or NULL if out of memory. */
static json_t *referrer(const struct document_desc *d, const json_t *j)
{
	json_t *desc = document_new_desc(d->media, d->hex, d->size);
	json_t *type = json_object_get(j, "artifactType"), *notes = json_object_get(j, "annotations");

	if (!json_is_string(type))
		type = json_object_get(json_object_get(j, "config"), "mediaType");
	if ((type == NULL || json_object_set(desc, "artifactType", type) == 0) &&
	    (notes == NULL || json_object_set(desc, "annotations", notes) == 0))
		return desc;
	json_decref(desc);
	return NULL;
}

/* Sends the index of the image HEX. Returns 0, -1 or REGQUEUE_LATE. */
static int put(struct regqueue *q, const char *repo, const char *hex, const json_t *index, struct err *e)
{
	struct regmanifest doc = { .q = q, .type = OCI_MEDIA_INDEX, .text = document_dump(index) };
	AUTO_FREE char *url = NULL;
	int rc;

	if (doc.text == NULL || asprintf(&url, "%s/manifests/sha256-%s", repo, hex) < 0) {
		url = NULL;
		regmanifest_free(&doc);
		return err_no_memory(e);
	}
	doc.name = url;
	rc = regmanifest_ask(&doc, url, e);
	if (rc == 0 && doc.answer.status != 201 && doc.answer.status != 202) {
		(void)reghttp_refused(&doc.answer, e);
		rc = err_prefix(e, "%s", url);
	}
	regmanifest_free(&doc);
	return rc;
}

int regreferrers_add(
    struct regqueue *q, const char *repo, const struct document_desc *d, const char *text, size_t n, struct err *e)
{
	json_t *j = document_parse_manifest(text, n, e), *index = NULL, *desc;
	struct document_desc subject, ignored;
	int rc = j != NULL ? document_desc(json_object_get(j, "subject"), &subject, e) : -1;

	if (rc == 0)
		rc = get_tagged(q, repo, subject.hex, &index, e);
	if (rc == 0 && index == NULL) {
		index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", OCI_MEDIA_INDEX, "manifests");
		rc = index != NULL ? 0 : err_no_memory(e);
	}
	if (rc == 0 && !document_find_digest(json_object_get(index, "manifests"), d->hex, &ignored)) {
		desc = referrer(d, j);
		rc = json_array_append_new(json_object_get(index, "manifests"), desc) == 0 ? 0 : err_no_memory(e);
		if (rc == 0)
			rc = put(q, repo, subject.hex, index, e);
	}
	json_decref(index);
	json_decref(j);
	return rc;
}
