/* Unfinished output files and directories: a signal that ends the process removes them first. */
#ifndef KS_BASE_UNFINISHED_H
#define KS_BASE_UNFINISHED_H

/*
 * Registers NAME, a file or a directory of files, until out_unguard. Call it before creating NAME. The string
 * stays the caller's and must not change meanwhile. Returns 0, or -1 with errno when too many are registered.
 */
int out_guard(char *name);

/* Unregisters NAME, the pointer that was given to out_guard. */
void out_unguard(const char *name);

/* Removes the directory PATH and its files. Safe in a signal handler. Returns 0, or -1 with errno. */
int outdir_remove(const char *path);

/* From now on SIGINT, SIGTERM and SIGHUP remove what is registered before they end the process. */
void out_catch_signals(void);

#endif
