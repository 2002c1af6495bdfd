/* Prints the merged values of a provider or an add-on for other programs. */
#ifndef KS_PROVIDER_PRINT_H
#define KS_PROVIDER_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/words.h"
#include "provider/provider.h"

/* Each prints values to F, sorted by section and key; with SECTION, only the values of that section. */

/*
 * As one INI file, with long lines folded. With ORIGIN, a comment after each value gives the file and the line that set
 * it, and nothing is folded. Returns 0 or -1.
 */
int provprint_ini(FILE *f, const struct provider *p, const char *section, bool origin, struct err *e);

/* SECTION.KEY := VALUE; those of [stage NAME] are stage.NAME.KEY. Returns 0 or -1. */
int provprint_make(FILE *f, const struct provider *p, const char *section, struct err *e);

/*
 * section_key='value', with _ in place of other characters than letters and digits. Returns 0, or -1 if two keys would
 * have the same name (some lines have been printed by then).
 */
int provprint_sh(FILE *f, const struct provider *p, const char *section, struct err *e);

/* The parts of provprint_sh, for a choice of values. */

/* The values of SECTION (NULL: all), sorted, with NULL at the end. The caller frees the list. NULL: out of memory. */
const struct provider_value **provprint_sorted(const struct provider *p, const char *section, struct err *e);

/* The name of V's variable in the shell (to be freed), or NULL. */
char *provprint_sh_name(const struct provider_value *v, struct err *e);

/* Prints V and adds its name to NAMES. Returns 0, or -1 if it has the name of another one. */
int provprint_sh_value(FILE *f, const struct provider_value *v, struct words *names, struct err *e);

/*
 * The keys of S, in the order of its table: "SECTION.KEY TYPE NEED" with tabs between; "*" stands for any name. TYPE is
 * as schema_type says. NEED is required, with-section (required if the section has any key) or optional.
 */
void provprint_schema(FILE *f, const struct schema *s);

#endif
