/*
 * YAML documents as trees, with bounds: libyaml follows whatever it is given, so that a kilobyte of aliases stands for
 * gigabytes, and looks for an anchor among all others.
 */
#ifndef KS_KUBE_YAML_H
#define KS_KUBE_YAML_H

#include <stddef.h>
#include <yaml.h>

#include "base/err.h"

enum {
	YAMLTREE_DEPTH = 200,      /* levels of nesting */
	YAMLTREE_ANCHORS = 1000,   /* in all documents of an input */
	YAMLTREE_STEPS = 50000000, /* values that are looked at, those behind aliases as often as they are named */
};

/* A document, and how many steps are left. */
struct yamltree {
	yaml_document_t *doc;
	long left;
};

/* Takes a document; ROOT is never NULL. Returns 0, or -1 to end the reading with that error. */
typedef int yamltree_fn(struct yamltree *t, yaml_node_t *root, int number, void *arg, struct err *e);

/*
 * Calls WITH for each document of N bytes of DATA that is not empty; NUMBER counts from 1. Returns 0, or -1 with the
 * line in E, and FILE before it: not well-formed, or more than the bounds allow.
 */
int yamltree_read(const char *file, const char *data, size_t n, yamltree_fn *with, void *arg, struct err *e);

/*
 * The value of KEY in the mapping NODE, also of one that is merged into it (<<), as a mapping of YAML 1.1 is. NULL in
 * VALUE: it is not there, or NODE is no mapping. Returns 0, or -1: it is there twice, or no step is left.
 */
int yamltree_get(struct yamltree *t, yaml_node_t *node, const char *key, yaml_node_t **value, struct err *e);

/* Takes N steps of what is left. Returns 0, or -1: that is more than there is. */
int yamltree_spend(struct yamltree *t, long n, struct err *e);

/* The text of a scalar, NULL where NODE is none, or has a NUL in it. It is the document's. */
const char *yamltree_text(const yaml_node_t *node);

#endif
