/* Variables that are released at the end of their scope, by the cleanup attribute of gcc and clang. */
#ifndef KS_BASE_CLEANUP_H
#define KS_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_(void *p)
{
	free(*(void **)p);
}

static inline void auto_close_(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void auto_fclose_(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

#define AUTO_FREE __attribute__((cleanup(auto_free_)))     /* char *p = NULL; freed at the end of its scope */
#define AUTO_CLOSE __attribute__((cleanup(auto_close_)))   /* int fd = -1; closed unless negative */
#define AUTO_FCLOSE __attribute__((cleanup(auto_fclose_))) /* FILE *f = NULL; closed unless NULL */

#endif
