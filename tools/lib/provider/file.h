/* One file of settings as it is written, every line checked against the schema; provider.h merges several. */
#ifndef KS_PROVIDER_FILE_H
#define KS_PROVIDER_FILE_H

#include <stdbool.h>

#include "provider/provider.h"

struct provfile {
	const struct schema *schema; /* set before it is read */
	const char *path;
	struct provfile_value {
		struct provider_value v;
		bool append; /* "key += value" */
	} * values;
	size_t n;
	struct words headings; /* the sections that it names */
};

/*
 * Reads PATH, which has to stay valid as long as the values do. IN starts as zeros but for its schema, and has to be freed in any case.
 * Returns 0, or -1 with the file, the line and the key in E.
 */
int provfile_read(struct provfile *in, const char *path, struct err *e);

/* Text A becomes "A B", without the space where one of them is empty. Returns 0, or -1 when out of memory. */
int provfile_join(char **a, const char *b);

void provfile_free(struct provfile *in);

#endif
