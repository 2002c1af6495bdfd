/*
 * YAML documents as trees, with limits. libyaml has none: a kilobyte of aliases can expand to gigabytes, and each alias
 * is searched among all anchors.
 */
#ifndef KS_KUBE_YAML_H
#define KS_KUBE_YAML_H

#include <stddef.h>
#include <yaml.h>

#include "base/err.h"

#define KUBEYAML_DEPTH 200 /* levels of nesting that kubeyaml_read accepts */

/* A document, and the number of steps left. */
struct kubeyaml {
	yaml_document_t *doc;
	long left;
};

/* Is called with a document; ROOT is never NULL. Returns 0, or -1 to stop with that error. */
typedef int kubeyaml_fn(struct kubeyaml *t, yaml_node_t *root, int number, void *arg, struct err *e);

/*
 * Calls WITH for each document in the N bytes of DATA that is not empty; NUMBER counts from 1. Returns 0, or -1: not
 * well-formed, or over a limit. E then begins with FILE and the line.
 */
int kubeyaml_read(const char *file, const char *data, size_t n, kubeyaml_fn *with, void *arg, struct err *e);

/*
 * Sets VALUE to the value of KEY in the mapping NODE or in a mapping merged into it (<<, YAML 1.1), or to NULL if there
 * is none or NODE is not a mapping. Returns 0, or -1: the key is duplicate, or no step is left.
 */
int kubeyaml_get(struct kubeyaml *t, yaml_node_t *node, const char *key, yaml_node_t **value, struct err *e);

/* Uses up N steps. Returns 0, or -1 if fewer are left. */
int kubeyaml_spend(struct kubeyaml *t, long n, struct err *e);

/* The text of a scalar, owned by the document. NULL: NODE is not a scalar, or has a NUL in it. */
const char *kubeyaml_text(const yaml_node_t *node);

#endif
