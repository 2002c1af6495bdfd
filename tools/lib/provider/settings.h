/*
 * The settings of a cluster: which there are, what each may be, and which of several sources gives each its value. A
 * new setting is a new row of the table in settings.c.
 *
 * A source is a struct conf: names, values, and where each comes from. Those of a cluster, the first with a value for a
 * setting wins: what is settled already (the caller's words, a cluster's conf), make's variables, the provider (of the
 * image, or in the checkout), the table's default. A further source, such as a user's file, is one more struct conf.
 */
#ifndef KS_PROVIDER_SETTINGS_H
#define KS_PROVIDER_SETTINGS_H

#include "base/conf.h"
#include "provider/provider.h"

/*
 * These fill an empty source, and return 0 or -1.
 *
 * settings_from_environment: the variables of with-settings (mk/settings.mk). SETTINGS_FROM_COMMAND_LINE and
 * SETTINGS_FROM_ENVIRONMENT (names, perhaps NAME:ALIAS) say where they come from. IMAGE_FROM is the image, which
 * has the provider.
 */
int settings_from_environment(struct conf *source, struct err *e);

/* Values that the caller has determined: WORDS, N times NAME=VALUE. Also -1 if there is no setting of that name. */
int settings_from_words(struct conf *source, char *const words[], size_t n, struct err *e);

/*
 * The values that IMAGE (the image's provider.conf; NULL: not known) and PROVIDER (the one in the checkout; NULL: none)
 * have for settings. Those of the image are what its nodes use; where the checkout has the same, it says where they
 * come from.
 */
int settings_from_provider(
    struct conf *source, const struct conf *image, const struct provider *provider, struct err *e);

/*
 * Sets every setting in OUT, in the order of the table, from the first of the N SOURCES that has a value for it.
 * Returns 0, or -1 if one has no valid value: E is "NAME=VALUE: what it must be".
 */
int settings_resolve(struct conf *out, const struct conf *const sources[], size_t n, struct err *e);

/* Writes name, value (or -) and origin of each line of C in columns, except lines without any of the last two. */
void settings_columns(FILE *f, const struct conf *c);

#endif
