/*
 * Everything that a stage's key depends on, as lines of text. The key is the SHA-256 of these lines:
 *   stage NAME
 *   script stage/NAME SHA256
 *   conf SECTION.KEY=VALUE      the provider's values that it depends on
 *   file PATH SHA256 [x|l]      x: executable by its owner; l: a symbolic link, hashed as its target's name
 *   tool NAME VERSION           see tool_inputs.h
 *   need STAGE KEY              with tools_by_name = yes: the SHA-256 of its lines without those of kind tool
 * in this order, each kind sorted by bytes. Nothing else may be added: no absolute path, host, user, time or locale.
 */
#ifndef KS_STAGE_INPUTS_H
#define KS_STAGE_INPUTS_H

#include "base/sha256.h"
#include "stage/stages.h"

struct stagekeys {
	const struct provider *provider;
	const struct stages *stages;
	const char *top;            /* the top directory of the checkout */
	const char *bin;            /* the directory of the compiled tools, or NULL */
	struct words versions;      /* "NAME VERSION" of the tools that are not ours */
	char (*keys)[SHA256_HEX];   /* of each stage in STAGES, as far as computed */
	char (*needed)[SHA256_HEX]; /* what counts of each stage for those that need it */
	struct words *inputs;       /* the lines of each stage in STAGES */
};

/* Adds the lines of the file PATH, "NAME VERSION" each, to VERSIONS. Returns 0 or -1. */
int stageinputs_versions(struct words *versions, const char *path, struct err *e);

/* Fills in KEYS and INPUTS; the other members are set. Returns 0 or -1; stageinputs_free in any case. */
int stageinputs_compute(struct stagekeys *k, struct err *e);

void stageinputs_free(struct stagekeys *k);

#endif
