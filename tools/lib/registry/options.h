/* The options that regpush and regpull share, and the pool that they make. */
#ifndef KS_REGISTRY_OPTIONS_H
#define KS_REGISTRY_OPTIONS_H

#include "base/cli.h"
#include "oci/ref.h"
#include "registry/pool.h"

enum { REGOPT_STALL = OPT_LONG + 100, REGOPT_TLS_VERIFY, REGOPT_CERT_DIR, REGOPT_AUTHFILE };

#define REGOPTS_ROWS                                                                                      \
	{ 'j', "jobs", "N", "connections at the same time (4)" },                                         \
	    { 't', "timeout", "SECONDS", "for all of it (3600)" },                                        \
	    { REGOPT_STALL, "stall", "SECONDS", "try anew where nothing moved so long (30)" },            \
	    { 'r', "retries", "N", "of each request (5)" },                                               \
	    { REGOPT_TLS_VERIFY, "tls-verify", "true|false", "false: http, and any certificate (true)" }, \
	    { REGOPT_CERT_DIR, "cert-dir", "DIR", "certificates: *.crt, *.cert with *.key" },             \
	{                                                                                                 \
		REGOPT_AUTHFILE, "authfile", "FILE", "where the credentials are"                          \
	}

struct regopts {
	int64_t jobs, timeout, stall, retries; /* seconds */
	bool insecure;
	const char *cert_dir, *authfile;
};

#define REGOPTS_DEFAULTS                                              \
	{                                                             \
		.jobs = 4, .timeout = 3600, .stall = 30, .retries = 5 \
	}

/* Takes the option ID. Returns 0, or -1: the argument ARG is wrong. */
int regopts_set(struct regopts *o, int id, const char *arg, struct err *e);

/* Readies the pool P, of zeros, for the registry of R, which lives as long. ACTIONS: "pull,push". Returns 0 or -1. */
int regopts_open(const struct regopts *o, struct regpool *p, const struct ref *r, const char *actions, struct err *e);

/* The scope "repository:REPO:ACTIONS" is asked for too. Returns 0 or -1. */
int regopts_scope(struct regpool *p, const char *repo, const char *actions, struct err *e);

/* How far it is, in a terminal's last line. Of now_ms: when it began (set by the caller), when it was shown. */
struct regbar {
	int64_t begun, shown;
};

/* "NAME: DONE of TOTAL MiB (N%), M MiB/s", of bytes, five times a second. */
void regbar_show(struct regbar *b, const char *name, uint64_t done, uint64_t total);

/* Takes it off the terminal, if it is there. */
void regbar_clear(struct regbar *b);

#endif
