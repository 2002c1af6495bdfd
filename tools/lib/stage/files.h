/* The files that a stage depends on: what the words of "files" and "incremental_files" in provider.ini stand for. */
#ifndef KS_STAGE_FILES_H
#define KS_STAGE_FILES_H

#include "base/err.h"
#include "base/words.h"

/* The signs that can precede a name; see stagefiles_add and stagekey(1). */
#define STAGEFILES_SIGNS "-+"

/*
 * Adds to LINES a line for each file that NAME stands for, and its path to FOUND unless it is a link: a file, a
 * directory (everything in it, at any depth), or a pattern of glob(7), also with {a,b}. It is looked up in each of
 * DIRS, where a file hides those of the same path in later directories, and in TOP if none has it; with a leading slash
 * in TOP alone. The path in the line is relative to the directory where it was found. Of the signs before the name, which
 * are not part of it, "-" means that no file needs to exist, and "+" that a file does not hide those of the same path.
 * Returns 0 or -1.
 */
int stagefiles_add(struct words *lines, struct words *found, const struct words *dirs, const char *top,
    const char *name, struct err *e);

#endif
