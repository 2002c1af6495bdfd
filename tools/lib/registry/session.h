/*
 * Upload sessions that outlive their process: where a blob's upload goes on. One file of the user's cache a blob,
 * which only the user can read, as the URL may let in who knows it.
 */
#ifndef KS_REGISTRY_SESSION_H
#define KS_REGISTRY_SESSION_H

struct regsession {
	char *path; /* NULL: it is kept in memory only */
	char *url;  /* where the upload goes on, or NULL */
	int fd_;
};

/*
 * Finds the session of the blob HEX's upload to REPO of the registry at BASE. What cannot be read or written is as if
 * it were not there; so is a session that another process uses.
 */
void regsession_open(struct regsession *s, const char *base, const char *repo, const char *hex);

/* Removes what was kept and not used for a week: no registry knows it any more. */
void regsession_sweep(void);

/* Keeps URL (free it no more), which may be NULL: there is no session any more. */
void regsession_set(struct regsession *s, char *url);

/* Forgets it in this process; what is kept stays. A struct of zeros has nothing to forget. */
void regsession_close(struct regsession *s);

#endif
