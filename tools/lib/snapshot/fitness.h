/*
 * Can the saved state of a cluster still be used? That depends on this machine's clock, and on how long its
 * certificates are valid. Whether its files are intact is another question (verify.h).
 *
 * Saved state is a directory with nodeNN/ (one saved machine each), cluster/, registry/ and conf, which
 * mk/sh/cluster/state.sh writes (its format: base/conf.h). The settings read here, in seconds since 1970:
 *	saved_at=N	when it was saved
 *	expires_at=N	when the first of its certificates expires; empty: it has none
 */
#ifndef KS_SNAPSHOT_FITNESS_H
#define KS_SNAPSHOT_FITNESS_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"

/*
 * Can the saved state DIR be used at NOW? Returns 1; 0 with the reason in E: there is no saved state, its conf is
 * damaged, NOW is more than five minutes before it was saved, or a certificate expires within an hour of NOW; or -1.
 */
int fitness_check(const char *dir, time_t now, struct err *e);

/*
 * Finds the first time at which an X.509 certificate in a file *.crt (PEM) under DIR expires. Links to directories are
 * not followed. Returns 1; 0 if there is no certificate; or -1: also if such a file contains no certificate.
 */
int fitness_expires(const char *dir, time_t *expires, struct err *e);

#endif
