/*
 * A saved state directory DIR: the files of one saved VM, and DIR/files.json, the manifest, which says what they are:
 *	{"format":1,"files":[{"name":"ram","size":N,"digest":"HEX","packed":{"name":"ram.zst","size":N,"digest":"HEX"}}]}
 * A digest is that of chunks.h, a packed form that of frames.h ("packed" is left out where there is none). Of a file
 * the raw form is there, or the packed one, or both.
 *
 * DIR/verified remembers which files were read in full, and what stat(2) said of them then: a file that has not
 * changed since is not read again. A copy of the directory is read once.
 *
 * A process that works on DIR locks it; the others wait, up to ten minutes. Nothing outside DIR (and DEST) is written,
 * whatever the manifest says; files of DIR that are not plain files are refused. lib/out's signal handling removes
 * what is unfinished; what a killed process left in DIR is removed by the next vmdir_pack or vmdir_unpack.
 * In E every reason names DIR and the file.
 */
#ifndef KS_SNAPSHOT_DIR_H
#define KS_SNAPSHOT_DIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define VMDIR_MANIFEST "files.json"
#define VMDIR_VERIFIED "verified"

/*
 * Makes the manifest of the N files NAMES (in DIR; they must not change meanwhile), SYNC: after they have been written
 * to the disk; else they are read again when the system has booted, as a crash may have taken some of it. An earlier
 * manifest is replaced; what DIR/verified knows of its files is not read again. Returns 0, or -1: a name that is no plain
 * file name or comes twice, a file that is missing, not a plain file or changes while it is read, a system error.
 */
int vmdir_seal(const char *dir, const char *const names[], size_t n, bool sync, struct err *e);

/*
 * Is every file there, raw or else packed, and what the manifest says? Returns 1: yes; 0: no, and E says why (no
 * manifest or a damaged one, a file that is missing, of another size, or whose contents are not those that were
 * saved); -1 on a system error. Where DIR cannot be written the answer is the same, and not remembered.
 */
int vmdir_check(const char *dir, struct err *e);

/*
 * Makes the packed form NAME.zst of the file NAME, tells the manifest, and then removes the raw form unless KEEP_RAW.
 * A packed form that is there and right stays as it is. Returns 0, or -1 with DIR as it was: also when the raw form is
 * not what the manifest says.
 */
int vmdir_pack(const char *dir, const char *name, bool keep_raw, struct err *e);

/*
 * Makes the raw form of the file NAME from its packed one, and then, unless KEEP_PACKED, removes the packed form and
 * its entry in the manifest. A raw form that is there and right stays as it is; one that is wrong is replaced.
 * Returns 0, or -1 with DIR as it was: also when what was packed is not what the manifest says.
 */
int vmdir_unpack(const char *dir, const char *name, bool keep_packed, struct err *e);

/*
 * Makes DEST, which must not exist, a copy of DIR with every file raw and verified: hard links where that is
 * possible, else copies that share their blocks or are as sparse. It is called DEST.tmp.PID until it is whole; such
 * directories of processes that are gone are removed first. Returns 0 or -1.
 */
int vmdir_copy(const char *dir, const char *dest, struct err *e);

/*
 * What is in DIR, without a look into the files: {"files":[{"name","size","data","packed"}]}. DATA is what the raw form
 * takes on the disk in bytes, null when it is not there; PACKED is {"name","size"}, or null. Returns it (json_decref),
 * or NULL.
 */
json_t *vmdir_facts(const char *dir, struct err *e);

#endif
