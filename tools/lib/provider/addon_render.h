/*
 * The files of an add-on that are applied. An add-on is a file NAME.yaml, or a directory NAME with an addon.ini
 * (addon.h), in one of the directories of manifests; the first that has it counts. Its texts are templates
 * (template.h), in which the words of [values] are replaced first.
 */
#ifndef KS_PROVIDER_ADDON_RENDER_H
#define KS_PROVIDER_ADDON_RENDER_H

#include <stdbool.h>

#include "base/sha256.h"
#include "provider/provider.h"

/* Where add-ons are, and what the provider defines (template_define). */
struct addons {
	struct words dirs, values;
};

/* Initialize to zero. */
struct addon {
	const struct addons *all;
	const char *name;
	char *path;        /* its directory, or its one file */
	bool single;       /* it is one file: there is no addon.ini */
	struct provider p; /* its addon.ini */
};

/* Finds and reads the add-on NAME. Returns 0, or -1: there is none, or its addon.ini is not valid. */
int addon_open(struct addon *a, const struct addons *all, const char *name, struct err *e);
void addon_close(struct addon *a);

/* The value of [addon] KEY; "" if it is not set. */
const char *addon_get(const struct addon *a, const char *key);

/* Adds the add-ons NAMES and those that they need to ORDER, each after what it needs. Returns 0, or -1: also for a
 * circle. */
int addon_needs(const struct addons *all, char *const *names, size_t n, struct words *order, struct err *e);

/* Adds the names of the files that are fetched. Returns 0, or -1 when out of memory. */
int addon_fetched(const struct addon *a, struct words *files);

/* Renders the N bytes of IN, which NAME names in errors, to OUT (to be freed). Returns 0 or -1. */
int addon_render(
    const struct addon *a, const char *name, const char *in, size_t n, char **out, size_t *out_n, struct err *e);

/* The same for the value of [SECTION] KEY. */
int addon_render_value(const struct addon *a, const char *section, const char *key, char **out, struct err *e);

/* Where FILE is fetched from (to be freed). Returns 0 or -1. */
int addon_url(const struct addon *a, const char *file, char **url, struct err *e);

/* The path of its lock (to be freed; NULL: it needs none). Returns 0, or -1: it needs one, and has none. */
int addon_lock(const struct addon *a, char **lock, struct err *e);

/* Where FILE is fetched from (to be freed), and the digest that the lock has for that URL. Returns 0 or -1. */
int addon_pinned(const struct addon *a, const char *file, char **url, char hex[SHA256_HEX], struct err *e);

/* The N bytes of the fetched FILE, IN, with what [replace FILE] says. Returns 0, or -1: also if a text is not found. */
int addon_replace(
    const struct addon *a, const char *file, const char *in, size_t n, char **out, size_t *out_n, struct err *e);

#define AUTO_ADDON __attribute__((cleanup(addon_close)))

#endif
