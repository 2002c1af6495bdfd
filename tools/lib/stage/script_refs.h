/* What a shell script of the checkout refers to: other scripts, and tools of ours. */
#ifndef KS_STAGE_SCRIPT_REFS_H
#define KS_STAGE_SCRIPT_REFS_H

#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

/*
 * Finds in the N bytes of TEXT
 *   - paths below the checkout's mk/sh, written as $TOP/mk/sh/ROOM/NAME, with or without quotes: "mk/sh/ROOM/NAME" is
 *     added to PATHS; of a pattern the directory,
 *   - tools that are run as $BIN/NAME, with or without quotes or braces, and programs that another stage has compiled,
 *     $IN_STAGE/bin/NAME: NAME is added to TOOLS.
 * Lines that begin with "#" do not count. Whether what is named exists is not checked. A word that is in the list
 * already is not added again. Returns 0, or -1 when out of memory.
 */
int script_refs(const char *text, size_t n, struct words *paths, struct words *tools, struct err *e);

#endif
