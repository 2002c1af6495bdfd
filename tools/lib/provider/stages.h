/* The stages of a provider: the sections "stage NAME", put in order. */
#ifndef KS_PROVIDER_STAGES_H
#define KS_PROVIDER_STAGES_H

#include "provider/provider.h"

struct stage {
	const char *name;   /* points into the provider, which has to stay */
	char *section;      /* "stage NAME" */
	char *script;       /* the path of its script */
	struct words needs; /* stages that it needs, without those that are dropped */
};

struct stages {
	struct stage *v;
	size_t n;
};

/*
 * Puts the stages in order: each after those that it needs, else as they first appear. A stage with "enabled = no"
 * is left out, and what needed it needs what it needed. Returns 0, or -1 with the file, the line and the key in E,
 * for a need that is no stage, a circle, or a stage without a script; S is then empty.
 */
int stages_load(struct stages *s, const struct provider *p, struct err *e);

/* The stage NAME, or NULL. */
const struct stage *stages_find(const struct stages *s, const char *name);

void stages_free(struct stages *s);

#define AUTO_STAGES __attribute__((cleanup(stages_free)))

#endif
