#include "kube/yaml.h"

#include <stdbool.h>
#include <string.h>

enum {
	ANCHORS_MAX = 1000,   /* in all documents of an input */
	STEPS_MAX = 50000000, /* values visited; an aliased one counts each time */
};

static int parser_err(const yaml_parser_t *p, const char *file, struct err *e)
{
	if (p->error == YAML_MEMORY_ERROR)
		return err_no_memory(e);
	/* For bytes that are not text libyaml has an offset, otherwise a line, counted from 0. */
	if (p->error == YAML_READER_ERROR)
		return err_set(e, "%s: byte %zu: %s", file, p->problem_offset, p->problem);
	return err_set(e, "%s:%zu: %s", file, p->problem_mark.line + 1, p->problem != NULL ? p->problem : "not YAML");
}

static bool has_anchor(const yaml_event_t *ev)
{
	return (ev->type == YAML_SCALAR_EVENT && ev->data.scalar.anchor != NULL) ||
	       (ev->type == YAML_SEQUENCE_START_EVENT && ev->data.sequence_start.anchor != NULL) ||
	       (ev->type == YAML_MAPPING_START_EVENT && ev->data.mapping_start.anchor != NULL);
}

/* Checks the limits on the events alone, before a tree is built. */
static int check_bounds(yaml_parser_t *p, const char *file, struct err *e)
{
	size_t depth = 0, anchors = 0;
	yaml_event_t ev;
	bool end = false;

	while (!end) {
		if (!yaml_parser_parse(p, &ev))
			return parser_err(p, file, e);
		end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT)
			depth--;
		anchors += has_anchor(&ev);
		if (depth > KUBEYAML_DEPTH || anchors > ANCHORS_MAX) {
			(void)err_set(e, "%s:%zu: more than %d %s", file, ev.start_mark.line + 1,
			    depth > KUBEYAML_DEPTH ? KUBEYAML_DEPTH : ANCHORS_MAX,
			    depth > KUBEYAML_DEPTH ? "levels of nesting" : "anchors");
			yaml_event_delete(&ev);
			return -1;
		}
		yaml_event_delete(&ev);
	}
	return 0;
}

static int read_documents(yaml_parser_t *p, const char *file, kubeyaml_fn *with, void *arg, struct err *e)
{
	yaml_document_t doc;
	struct kubeyaml t = { .doc = &doc, .left = STEPS_MAX };
	yaml_node_t *root;
	int number, rc;

	for (number = 1;; number++) {
		if (!yaml_parser_load(p, &doc))
			return parser_err(p, file, e);
		root = yaml_document_get_root_node(&doc);
		if (root == NULL) {
			yaml_document_delete(&doc);
			return 0;
		}
		rc = with(&t, root, number, arg, e);
		yaml_document_delete(&doc);
		if (rc < 0)
			return err_prefix(e, "%s", file);
	}
}

int kubeyaml_read(const char *file, const char *data, size_t n, kubeyaml_fn *with, void *arg, struct err *e)
{
	yaml_parser_t p;
	int pass, rc = 0;

	for (pass = 0; pass < 2 && rc == 0; pass++) {
		if (!yaml_parser_initialize(&p))
			return err_no_memory(e);
		yaml_parser_set_input_string(&p, (const unsigned char *)data, n);
		rc = pass == 0 ? check_bounds(&p, file, e) : read_documents(&p, file, with, arg, e);
		yaml_parser_delete(&p);
	}
	return rc;
}

const char *kubeyaml_text(const yaml_node_t *node)
{
	const char *text;

	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

int kubeyaml_spend(struct kubeyaml *t, long n, struct err *e)
{
	t->left -= n;
	return t->left < 0 ? err_set(e, "more than %d values", STEPS_MAX) : 0;
}

/* The value of KEY in the mapping NODE itself, without merged ones. */
static int get_own(struct kubeyaml *t, yaml_node_t *node, const char *key, yaml_node_t **value, struct err *e)
{
	const yaml_node_pair_t *pair;
	const char *name;

	*value = NULL;
	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return 0;
	if (kubeyaml_spend(t, node->data.mapping.pairs.top - node->data.mapping.pairs.start, e) < 0)
		return -1;
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		name = kubeyaml_text(yaml_document_get_node(t->doc, pair->key));
		if (name == NULL || strcmp(name, key) != 0)
			continue;
		if (*value != NULL)
			return err_set(e, "line %zu: duplicate key %s", node->start_mark.line + 1, key);
		*value = yaml_document_get_node(t->doc, pair->value);
	}
	return 0;
}

int kubeyaml_get(struct kubeyaml *t, yaml_node_t *node, const char *key, yaml_node_t **value, struct err *e)
{
	const yaml_node_item_t *item;
	yaml_node_t *merged;

	if (get_own(t, node, key, value, e) < 0)
		return -1;
	if (*value != NULL || get_own(t, node, "<<", &merged, e) < 0)
		return *value != NULL ? 0 : -1;
	if (merged == NULL || merged->type == YAML_MAPPING_NODE)
		return get_own(t, merged, key, value, e);
	if (merged->type != YAML_SEQUENCE_NODE)
		return 0;
	if (kubeyaml_spend(t, merged->data.sequence.items.top - merged->data.sequence.items.start, e) < 0)
		return -1;
	for (item = merged->data.sequence.items.start; item < merged->data.sequence.items.top; item++) {
		if (get_own(t, yaml_document_get_node(t->doc, *item), key, value, e) < 0)
			return -1;
		if (*value != NULL)
			return 0;
	}
	return 0;
}
