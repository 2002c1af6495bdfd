/* Prints the merged values of a provider or an add-on for other programs. */
#ifndef KS_PROVIDER_PRINT_H
#define KS_PROVIDER_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "provider/provider.h"
#include "provider/stages.h"

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

/*
 * What the script of STAGE may use, in the format of provprint_sh: the values that STAGE and the stages that it needs,
 * directly or not, declare (sections, incremental_files), which are therefore part of its key. "unset -v" of all other
 * names follows, and CONF_NAMES with the names of the values. Returns 0 or -1.
 */
int provprint_stage(
    FILE *f, const struct provider *p, const struct stages *stages, const struct stage *stage, struct err *e);

/*
 * The keys of S, in the order of its table: "SECTION.KEY TYPE NEED" with tabs between; "*" stands for any name. TYPE is
 * as schema_type says. NEED is required, with-section (required if the section has any key) or optional.
 */
void provprint_schema(FILE *f, const struct schema *s);

#endif
