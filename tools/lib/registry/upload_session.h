/*
 * Upload sessions that outlive their process: the URLs at which interrupted uploads of blobs continue. Each is a file
 * in the user's cache, readable only by the user, since the URL alone may authorize the upload.
 */
#ifndef KS_REGISTRY_UPLOAD_SESSION_H
#define KS_REGISTRY_UPLOAD_SESSION_H

struct upload_session {
	char *path; /* NULL: the session is kept in memory only */
	char *url;  /* at which the upload continues, or NULL */
	int fd_;
};

/*
 * Looks up the session of the upload of blob HEX to REPO of the registry at BASE. A file that cannot be read or
 * written, or is in use by another process, counts as missing.
 */
void upload_session_open(struct upload_session *s, const char *base, const char *repo, const char *hex);

/* Removes files that were not used for a week: registries have dropped such sessions. */
void upload_session_sweep(void);

/* Stores URL, which is taken. NULL: the session has ended. */
void upload_session_set(struct upload_session *s, char *url);

/* Frees S; the file stays if the session has not ended. S may be all zeros. */
void upload_session_close(struct upload_session *s);

#endif
