/* The stages of a provider: its sections "stage NAME", in order. */
#ifndef KS_STAGE_STAGES_H
#define KS_STAGE_STAGES_H

#include "provider/provider.h"

struct stage {
	const char *name;   /* points into the provider */
	char *section;      /* "stage NAME" */
	char *script;       /* the path of its script */
	struct words needs; /* stages that it needs; dropped ones are resolved */
};

struct stages {
	struct stage *v;
	size_t n;
};

/*
 * Orders the stages: each after those that it needs, otherwise by first appearance. A stage with "enabled = no" is
 * dropped, and stages that needed it need what it needed. P must outlive S. Returns 0, or -1 with the file, the line
 * and the key in E: an unknown stage in "needs", a circular dependency, or a stage without a script. S is then empty.
 */
int stages_load(struct stages *s, const struct provider *p, struct err *e);

/* The stage NAME, or NULL. */
const struct stage *stages_find(const struct stages *s, const char *name);

void stages_free(struct stages *s);

#define AUTO_STAGES __attribute__((cleanup(stages_free)))

#endif
