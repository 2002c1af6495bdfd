/*
 * Templates: Kubernetes' manifests and kubeadm's configuration, with words that stand for a provider's settings.
 *
 *   @WORD@         the word's value. A word without one is an error.
 *   @WORD?@...     at the start of a line: the rest of the line, if the word has a value; else the line is left out
 *   @WORD=VALUE@.. the same, if this is the word's value
 *   @include NAME  a whole line: the file NAME of the same directory; "@kubeadm_api@" in NAME is replaced
 *
 * A WORD is of [a-z_]. What a value contains is not looked at again.
 */
#ifndef KS_PROVIDER_TEMPLATE_H
#define KS_PROVIDER_TEMPLATE_H

#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

/*
 * Adds a definition "NAME=VALUE" to VALUES. A NAME is a word itself, or SECTION_KEY of provider.ini, as provconf
 * --format sh prints them (see template_value). Returns 0, or -1 if it is not of that form.
 */
int template_define(struct words *values, const char *definition, struct err *e);

/*
 * The value of a word (to be freed): the definition of that name; else the key of that name in [kubernetes], [images]
 * or [network], or what is derived from them (api_address, feature_gates, feature_gates_flag, tools_image,
 * flannel_image, volumes). It is empty if there is none. Returns NULL when out of memory.
 */
char *template_value(const struct words *values, const char *word);

/*
 * Renders the N bytes of IN to OUT (to be freed; OUT_N bytes, and a NUL). NAME is what errors call the text; a file to
 * include is in the directory of NAME. Returns 0, or -1 with "NAME: what" in E.
 */
int template_render(
    const struct words *values, const char *name, const char *in, size_t n, char **out, size_t *out_n, struct err *e);

/* The same for the file PATH. */
int template_file(const struct words *values, const char *path, char **out, size_t *out_n, struct err *e);

#endif
