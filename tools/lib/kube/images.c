#include "kube/images.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "base/words.h"
#include "kube/yaml.h"

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static bool is_component(const char *s, size_t n)
{
	return n > 0 && strchr("._-", *s) == NULL && strspn(s, name_chars) >= n;
}

/* distribution-spec 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
static bool is_tag(const char *s, size_t n)
{
	return n > 0 && n <= 128 && strchr(".-", *s) == NULL && strspn(s, name_chars) >= n;
}

/* The tag of TEXT, or NULL; NAME is reduced to the length of the name without the tag. */
static const char *find_tag(const char *text, size_t *name)
{
	size_t i;

	for (i = *name; i > 0 && text[i - 1] != '/' && text[i - 1] != ':'; i--)
		continue;
	if (i == 0 || text[i - 1] == '/')
		return NULL;
	*name = i - 1;
	return text + i;
}

bool kubeimages_is_name(const char *text)
{
	size_t name = strcspn(text, "@"), part, port;
	const char *at = text + name, *tag, *s;

	if (*at != '\0' && sha256_parse(at + 1) == NULL)
		return false;
	tag = find_tag(text, &name);
	if (tag != NULL && !is_tag(tag, (size_t)(at - tag)))
		return false;
	for (s = text;; s += part + 1) {
		part = strcspn(s, "/");
		if (s + part > text + name)
			part = (size_t)(text + name - s);
		port = s == text ? strcspn(s, ":") : part;
		/* Only a registry has a port, and a name has to follow it. */
		if (port < part &&
		    (s[part] != '/' || part - port < 2 || strspn(s + port + 1, "0123456789") != part - port - 1))
			return false;
		if (!is_component(s, port < part ? port : part))
			return false;
		if (s + part == text + name)
			return true;
	}
}

static bool is_latest(const char *image)
{
	size_t name = strlen(image);
	const char *tag;

	if (strchr(image, '@') != NULL)
		return false;
	tag = find_tag(image, &name);
	return tag == NULL || strcmp(tag, "latest") == 0;
}

/* The position in a document. */
struct walk {
	struct kubeimages *k;
	const char *file;
	struct kubeyaml *t;
	const char *object; /* the enclosing object: KIND/NAMESPACE/NAME */
	int depth;
	struct err *e;
};

/* Adds an image; WHAT and NAME are the part of the object that names it. */
static int add(struct walk *w, const char *image, const char *what, const char *name, bool always)
{
	struct kubeimage *v, *new;
	size_t room;

	if (name == NULL || !utf8_is_line(name))
		name = "?";
	if (!kubeimages_is_name(image))
		return err_set(w->e, "%s: %s %s: '%.100s' is not an image", w->object, what, name,
		    utf8_is_line(image) ? image : "?");
	if (w->k->n == w->k->room_) {
		room = w->k->room_ * 2 + 16;
		v = reallocarray(w->k->v, room, sizeof *v);
		if (v == NULL)
			return err_no_memory(w->e);
		w->k->v = v;
		w->k->room_ = room;
	}
	new = &w->k->v[w->k->n++];
	*new = (struct kubeimage){ .file = w->file, .always = always, .latest = is_latest(image) };
	new->image = strdup(image);
	new->object = strdup(w->object);
	if (asprintf(&new->part, "%s %s", what, name) < 0)
		new->part = NULL;
	return new->image == NULL || new->object == NULL || new->part == NULL ? err_no_memory(w->e) : 0;
}

/* Sets TEXT to the text of KEY in NODE, or to NULL. */
static int get_text(const struct walk *w, yaml_node_t *node, const char *key, const char **text)
{
	yaml_node_t *value;

	if (kubeyaml_get(w->t, node, key, &value, w->e) < 0)
		return -1;
	*text = kubeyaml_text(value);
	if (*text == NULL && value != NULL && value->type == YAML_SCALAR_NODE)
		return err_set(w->e, "line %zu: %s: a NUL byte", value->start_mark.line + 1, key);
	return 0;
}

/* Takes an environment variable of a container. */
static int take_variable(struct walk *w, yaml_node_t *node)
{
	const char *name, *value;
	size_t n;

	if (get_text(w, node, "name", &name) < 0 || get_text(w, node, "value", &value) < 0)
		return -1;
	n = name != NULL ? strlen(name) : 0;
	if (n < 6 || strcmp(name + n - 6, "_IMAGE") != 0 || value == NULL || strchr(value, '/') == NULL ||
	    !kubeimages_is_name(value))
		return 0;
	return add(w, value, "variable", name, false);
}

/* Calls TAKE for each item of KEY in NODE if that is a list. */
static int each(struct walk *w, yaml_node_t *node, const char *key, int (*take)(struct walk *, yaml_node_t *))
{
	const yaml_node_item_t *item;
	yaml_node_t *list;

	if (kubeyaml_get(w->t, node, key, &list, w->e) < 0)
		return -1;
	if (list == NULL || list->type != YAML_SEQUENCE_NODE)
		return 0;
	for (item = list->data.sequence.items.start; item < list->data.sequence.items.top; item++) {
		if (kubeyaml_spend(w->t, 1, w->e) < 0 || take(w, yaml_document_get_node(w->t->doc, *item)) < 0)
			return -1;
	}
	return 0;
}

static int take_container(struct walk *w, yaml_node_t *node)
{
	const char *image, *name, *policy;

	if (get_text(w, node, "image", &image) < 0 || get_text(w, node, "name", &name) < 0 ||
	    get_text(w, node, "imagePullPolicy", &policy) < 0)
		return -1;
	if (image != NULL && add(w, image, "container", name, policy != NULL && strcmp(policy, "Always") == 0) < 0)
		return -1;
	return each(w, node, "env", take_variable);
}

static int take_volume(struct walk *w, yaml_node_t *node)
{
	const char *reference, *name, *policy;
	yaml_node_t *image;

	if (kubeyaml_get(w->t, node, "image", &image, w->e) < 0 || get_text(w, node, "name", &name) < 0 ||
	    get_text(w, image, "reference", &reference) < 0 || get_text(w, image, "pullPolicy", &policy) < 0)
		return -1;
	if (reference == NULL)
		return 0;
	return add(w, reference, "volume", name, policy != NULL && strcmp(policy, "Always") == 0);
}

/* Sets OBJECT to the name of NODE if it is an object, which has apiVersion and kind. The caller frees it. */
static int name_object(struct walk *w, yaml_node_t *node, char **object)
{
	const char *api, *kind, *name, *namespace;
	yaml_node_t *meta;

	if (get_text(w, node, "apiVersion", &api) < 0 || get_text(w, node, "kind", &kind) < 0)
		return -1;
	if (api == NULL || kind == NULL)
		return 0;
	if (kubeyaml_get(w->t, node, "metadata", &meta, w->e) < 0 || get_text(w, meta, "name", &name) < 0 ||
	    get_text(w, meta, "namespace", &namespace) < 0)
		return -1;
	if (!utf8_is_line(kind) || (name != NULL && !utf8_is_line(name)) ||
	    (namespace != NULL && !utf8_is_line(namespace)))
		return err_set(w->e, "line %zu: a name that is not one line of text", node->start_mark.line + 1);
	if (asprintf(object, "%s/%s%s%s", kind, namespace != NULL ? namespace : "", namespace != NULL ? "/" : "",
		name != NULL ? name : "?") < 0) {
		*object = NULL;
		return err_no_memory(w->e);
	}
	return 0;
}

static int visit(struct walk *w, yaml_node_t *node);

static int visit_mapping(struct walk *w, yaml_node_t *node)
{
	AUTO_FREE char *object = NULL;
	const char *around = w->object;
	const yaml_node_pair_t *pair;
	int rc;

	if (name_object(w, node, &object) < 0)
		return -1;
	if (object != NULL)
		w->object = object;
	rc = each(w, node, "containers", take_container) < 0 || each(w, node, "initContainers", take_container) < 0 ||
	     each(w, node, "ephemeralContainers", take_container) < 0 || each(w, node, "volumes", take_volume) < 0;
	for (pair = node->data.mapping.pairs.start; rc == 0 && pair < node->data.mapping.pairs.top; pair++)
		rc = visit(w, yaml_document_get_node(w->t->doc, pair->value));
	w->object = around;
	return rc != 0 ? -1 : 0;
}

static int visit_children(struct walk *w, yaml_node_t *node)
{
	const yaml_node_item_t *item;

	if (node->type == YAML_MAPPING_NODE)
		return visit_mapping(w, node);
	if (node->type != YAML_SEQUENCE_NODE)
		return 0;
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
		if (visit(w, yaml_document_get_node(w->t->doc, *item)) < 0)
			return -1;
	return 0;
}

/* An alias may refer to a node that contains it; the depth limit stops that. */
static int visit(struct walk *w, yaml_node_t *node)
{
	int rc;

	if (node == NULL)
		return 0;
	if (kubeyaml_spend(w->t, 1, w->e) < 0)
		return -1;
	if (w->depth >= KUBEYAML_DEPTH)
		return err_set(w->e, "more than %d levels of nesting", KUBEYAML_DEPTH);
	w->depth++;
	rc = visit_children(w, node);
	w->depth--;
	return rc;
}

static int take_document(struct kubeyaml *t, yaml_node_t *root, int number, void *arg, struct err *e)
{
	struct walk *w = arg;
	AUTO_WORDS struct words place = { 0 };

	if (words_addf(&place, "document %d", number) < 0)
		return err_no_memory(e);
	w->t = t;
	w->object = place.v[0];
	w->e = e;
	return visit(w, root);
}

int kubeimages_read(struct kubeimages *k, const char *file, const char *data, size_t n, struct err *e)
{
	struct walk w = { .k = k, .file = file };

	return kubeyaml_read(file, data, n, take_document, &w, e);
}

static int compare(const void *a, const void *b)
{
	const struct kubeimage *x = a, *y = b;
	int rc = strcmp(x->image, y->image);

	if (rc == 0)
		rc = strcmp(x->object, y->object);
	return rc != 0 ? rc : strcmp(x->part, y->part);
}

void kubeimages_sort(struct kubeimages *k)
{
	if (k->n > 1)
		qsort(k->v, k->n, sizeof *k->v, compare);
}

void kubeimages_free(struct kubeimages *k)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		free(k->v[i].image);
		free(k->v[i].object);
		free(k->v[i].part);
	}
	free(k->v);
	*k = (struct kubeimages){ 0 };
}
