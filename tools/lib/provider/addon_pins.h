/* The locks of add-ons: what they pin, and writing one. */
#ifndef KS_PROVIDER_ADDON_PINS_H
#define KS_PROVIDER_ADDON_PINS_H

#include "provider/addon_render.h"
#include "provider/lock.h"

/*
 * Adds a line "IMAGE<tab>DIGEST" to LINES for each image in the locks of the add-ons NAMES and of those that they need,
 * sorted, then for each of the setting images_extra. Returns 0, or -1: a lock is missing or not valid, or an image of
 * images_extra is not NAME:TAG@sha256:DIGEST.
 */
int addon_pins(const struct addons *all, char *const *names, size_t n, struct words *lines, struct err *e);

/*
 * Adds a section to L (a lock_digest_fn): of the fetched file NAME of the add-on ADDON, with its URL, DIGEST being its
 * SHA-256; or of the image NAME. The section of an image has the last part of its name and six digits of a hash, as the
 * names of two images may differ only in the rest. Returns 0 or -1.
 */
int addon_pin(struct lock *l, const char *name, const char *digest, const void *addon, struct err *e);

/*
 * Adds the add-ons NAMES and those that they need to ORDER, each after what it needs, as they are packed in the
 * subdirectories of DIR (addon(1), --pack). Returns 0, or -1: one is not there.
 */
int addon_packed(const char *dir, char *const *names, size_t n, struct words *order, struct err *e);

#endif
