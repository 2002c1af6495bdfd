/*
 * Packing and unpacking the files of a saved machine, in place or into a copy. The packed form of a file is that of
 * frames.h. The directory is locked meanwhile (saved_dir.h). Errors start with the directory and the file.
 */
#ifndef KS_SNAPSHOT_PACK_H
#define KS_SNAPSHOT_PACK_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Makes the packed form NAME.zst of the file NAME, adds it to the manifest, and then removes the raw form unless
 * KEEP_RAW. An intact packed form is left as it is. Returns 0, or -1 with DIR unchanged: also if the raw form is not
 * what the manifest says.
 */
int saved_pack(const char *dir, const char *name, bool keep_raw, struct err *e);

/*
 * Makes the raw form of the file NAME from its packed form, and then, unless KEEP_PACKED, removes the packed form and
 * its entry in the manifest. An intact raw form is left as it is; any other is replaced. Returns 0, or -1 with DIR
 * unchanged: also if the packed contents are not what the manifest says.
 */
int saved_unpack(const char *dir, const char *name, bool keep_packed, struct err *e);

/*
 * Makes DEST, which must not exist, a copy of DIR with every file raw and verified: hard links where possible, else
 * copies that share their blocks or are as sparse. The directory is named DEST.tmp.PID until it is complete; those of
 * processes that no longer run are removed first. Returns 0 or -1.
 */
int saved_copy(const char *dir, const char *dest, struct err *e);

#endif
