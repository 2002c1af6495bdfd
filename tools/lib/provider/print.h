/* The merged values of a provider, printed for other programs. */
#ifndef KS_PROVIDER_PRINT_H
#define KS_PROVIDER_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "provider/provider.h"

/* Each writes values to F, sorted by section and key; with SECTION, only those of that section. */

/*
 * As a provider.ini that stands for all, with long lines folded. With ORIGIN, a comment after each value says where it
 * came from, and nothing is folded. Returns 0 or -1.
 */
int provprint_ini(FILE *f, const struct provider *p, const char *section, bool origin, struct err *e);

/* SECTION.KEY := VALUE; those of [stage NAME] are stage.NAME.KEY. Returns 0 or -1. */
int provprint_make(FILE *f, const struct provider *p, const char *section, struct err *e);

/*
 * section_key='value', with _ for what cannot be in a name. Returns 0, or -1 when two keys would have one name
 * (some lines are written then).
 */
int provprint_sh(FILE *f, const struct provider *p, const char *section, struct err *e);

#endif
