/* Unfinished output files and directories: a signal that ends the process removes them first. */
#ifndef KS_BASE_UNFINISHED_H
#define KS_BASE_UNFINISHED_H

/*
 * Registers NAME, a file or a directory of files, until unfinished_drop. Call it before creating NAME. The string
 * stays the caller's and must not change meanwhile. Returns 0, or -1 with errno when too many are registered.
 */
int unfinished_add(char *name);

/* Unregisters NAME, the pointer that was given to unfinished_add. */
void unfinished_drop(const char *name);

/* Removes the directory PATH and its files. Safe in a signal handler. Returns 0, or -1 with errno. */
int unfinished_remove_dir(const char *path);

/* From now on SIGINT, SIGTERM and SIGHUP remove what is registered before they end the process. */
void unfinished_catch_signals(void);

#endif
