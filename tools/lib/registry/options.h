/* The options that regpush and regpull share (kubestamp-registry(7)), and the transfer queue that follows from them. */
#ifndef KS_REGISTRY_OPTIONS_H
#define KS_REGISTRY_OPTIONS_H

#include "base/cli.h"
#include "oci/ref.h"
#include "registry/queue.h"

enum { REGOPT_STALL = OPT_LONG + 100, REGOPT_TLS_VERIFY, REGOPT_CERT_DIR, REGOPT_AUTHFILE };

/* Rows of a tool's option table. */
#define REGOPTS_ROWS                                                                                               \
	{ 'j', "jobs", "N", "number of connections (4)" }, { 't', "timeout", "SECONDS", "for everything (3600)" }, \
	    { REGOPT_STALL, "stall", "SECONDS", "abort a request without any progress (30)" },                     \
	    { 'r', "retries", "N", "of each request (5)" },                                                        \
	    { REGOPT_TLS_VERIFY, "tls-verify", "true|false", "false: allow http and any certificate (true)" },     \
	    { REGOPT_CERT_DIR, "cert-dir", "DIR", "with certificates: *.crt, *.cert and *.key" },                  \
	{                                                                                                          \
		REGOPT_AUTHFILE, "authfile", "FILE", "with credentials"                                            \
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

/* Takes the option ID. Returns 0, or -1: the argument ARG is invalid. */
int regopts_set(struct regopts *o, int id, const char *arg, struct err *e);

/*
 * Sets up Q, initialized to zero, for the registry of R, which must live as long; retries are reported with -v of C.
 * ACTIONS ("pull,push") are those for which tokens are requested. Returns 0 or -1.
 */
int regopts_open(const struct regopts *o, struct regqueue *q, const struct cli *c, const struct ref *r,
    const char *actions, struct err *e);

/* Requests tokens for "repository:REPO:ACTIONS" too. Returns 0 or -1. */
int regopts_scope(struct regqueue *q, const char *repo, const char *actions, struct err *e);

#endif
