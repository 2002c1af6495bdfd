/* What a pool does with the end of a transfer: a login, a redirection, another attempt, or the task's next step. */
#ifndef KS_REGISTRY_TRY_H
#define KS_REGISTRY_TRY_H

#include "registry/pool.h"
#include "registry/url.h"

/* Calls T's step and takes note of the end. Returns REGTASK_MORE, 0 or -1. */
int regtry_step(struct regtask *t, struct err *e);

/* T's transfer ended, and reghttp_end said HTTP_RC. Returns 0, -1 or REGPOOL_LATE. */
int regtry_judge(struct regpool *p, struct regtask *t, int http_rc, struct err *e);

/* Lets the pool's own task fetch a new token. */
void regtry_renew(struct regpool *p);

#endif
