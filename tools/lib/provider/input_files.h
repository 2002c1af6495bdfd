/* Files as inputs of a stage: what a name in provider.ini stands for, as lines with a digest each. */
#ifndef KS_PROVIDER_INPUT_FILES_H
#define KS_PROVIDER_INPUT_FILES_H

#include "base/err.h"
#include "base/words.h"

/*
 * Adds to LINES a line for each file that NAME stands for:
 *   file PATH SHA256      a file; " x" follows if its owner may execute it
 *   file PATH SHA256 l    a symbolic link; the digest is of the text that it holds
 * NAME is a file, a directory (all that is in it, at any depth), or a pattern of glob(7), also with {a,b}. It is looked
 * for in each of DIRS, where a file hides those of the same PATH in later directories; and in TOP if none has it. With
 * a slash in front it is looked for in TOP alone. PATH is relative to where it was found. What editors leave behind
 * (*~, .*.swp, #*#) does not count. Where NAME begins with "-", which is not part of it, there need be no such file.
 * The path of each file, links excepted, is added to FOUND too (NULL: not wanted). Returns 0, or -1: nothing is found, "." or ".." is in NAME, a file cannot be read or is
 * neither file, directory nor link, or PATH has a control character or bytes that are not UTF-8.
 */
int inputfiles_add(struct words *lines, struct words *found, const struct words *dirs, const char *top, const char *name,
    struct err *e);

#endif
