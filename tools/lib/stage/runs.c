#include "stage/runs.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static bool is_run(const char *name, const char *stage)
{
	if (stage == NULL)
		return *name != '.';
	return strncmp(name, stage, strlen(stage)) == 0 && name[strlen(stage)] == '.';
}

int runs_list(struct words *names, const char *dir, const char *stage, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int rc = 0;

	if (d == NULL)
		return err_sys(e, "%s", dir);
	while (rc == 0 && (entry = readdir(d)) != NULL)
		if (is_run(entry->d_name, stage) && words_add(names, entry->d_name) < 0)
			rc = err_no_memory(e);
	(void)closedir(d);
	words_sort(names);
	return rc;
}

bool run_has(const char *dir, const char *name, const char *what, struct timespec *mtime)
{
	AUTO_FREE char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s/%s", dir, name, what) < 0) {
		path = NULL;
		return false;
	}
	if (stat(path, &st) < 0)
		return false;
	if (mtime != NULL)
		*mtime = st.st_mtim;
	return true;
}
