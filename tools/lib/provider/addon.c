#include "provider/addon.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"

/* Does the add-on have a file NAME+ENDING that is readable (R_OK) or executable (X_OK)? -1: out of memory. */
static int is_there(const struct provider *p, const char *name, const char *ending, int mode)
{
	AUTO_WORDS struct words path = { 0 };

	if (words_addf(&path, "%s/%s%s", p->dirs.v[0], name, ending) < 0)
		return -1;
	return access(path.v[0], mode) == 0;
}

static bool is_fetched(const struct provider *p, const char *name)
{
	const char *const section = "fetch ";
	size_t i;

	for (i = 0; i < p->nvalues; i++)
		if (strncmp(p->values[i].section, section, strlen(section)) == 0 &&
		    strcmp(p->values[i].section + strlen(section), name) == 0)
			return true;
	return false;
}

static int check_apply(const struct provider *p, const struct provider_value *v, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	int found, made;
	size_t i;

	if (words_split(&files, v->value) < 0)
		return err_no_memory(e);
	for (i = 0; i < files.n; i++) {
		found = is_there(p, files.v[i], "", R_OK);
		made = is_there(p, files.v[i], ".render", X_OK);
		if (found < 0 || made < 0)
			return err_no_memory(e);
		if (!found && !made && !is_fetched(p, files.v[i]))
			return provider_err(e, v, "%s is not in %s, and there is no section [fetch %s]", files.v[i],
			    p->dirs.v[0], files.v[i]);
	}
	return 0;
}

static int check_url(const struct provider_value *v, struct err *e)
{
	static const char *const moving[] = { "/latest", "/master/", "/main/", "/HEAD/" };
	size_t i;

	if (strncmp(v->value, "http://", 7) != 0 && strncmp(v->value, "https://", 8) != 0 &&
	    strncmp(v->value, "file:///", 8) != 0)
		return provider_err(e, v, "'%s' is not an http, https or file URL", v->value);
	if (strpbrk(v->value, " $#'\"\\") != NULL)
		return provider_err(e, v, "contains a character that is not allowed in a URL");
	for (i = 0; i < sizeof moving / sizeof *moving; i++)
		if (strstr(v->value, moving[i]) != NULL)
			return provider_err(
			    e, v, "%s: the URL must name a version, as the file would change over time", moving[i]);
	return 0;
}

static int check_replace(const struct provider *p, const struct provider_value *v, struct err *e)
{
	const char *file = strchr(v->section, ' ') + 1;
	const char *arrow = strstr(v->value, " => ");

	if (!is_fetched(p, file))
		return provider_err(e, v, "no section [fetch %s]", file);
	return arrow != NULL && arrow > v->value ? 0 : provider_err(e, v, "must be 'OLD => NEW'");
}

/* The number of parts of TEXT between slashes; 0 if one is empty. */
static size_t parts(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		if (*text == '/') {
			if (text[1] == '/' || text[1] == '\0')
				return 0;
			n++;
		}
	return n;
}

static bool is_wait(const char *text)
{
	static const char *const workloads[] = { "deployment/", "daemonset/", "statefulset/" };
	const char *equals = strchr(text, '=');
	size_t n = *text != '/' ? parts(text) : 0, i;
	int64_t number;

	if (equals != NULL)
		return (n == 2 || n == 3) && equals[1] != '\0' && strchr(equals, '/') == NULL;
	if (strncmp(text, "crd/", 4) == 0)
		return n == 2;
	if (strncmp(text, "pods/", 5) == 0)
		return n == 3 && num_parse(strrchr(text, '/') + 1, 1, 1000, &number) == 0;
	for (i = 0; i < sizeof workloads / sizeof *workloads; i++)
		if (strncmp(text, workloads[i], strlen(workloads[i])) == 0)
			return n == 3;
	return false;
}

static int check_wait(const struct provider_value *v, struct err *e)
{
	AUTO_WORDS struct words waits = { 0 };
	size_t i;

	if (words_split(&waits, v->value) < 0)
		return err_no_memory(e);
	for (i = 0; i < waits.n; i++)
		if (!is_wait(waits.v[i]))
			return provider_err(e, v, "'%s' is not a condition to wait for", waits.v[i]);
	return 0;
}

static int check_value(const struct provider *p, const struct provider_value *v, struct err *e)
{
	if (strcmp(v->section, "addon") == 0 && strcmp(v->key, "apply") == 0)
		return check_apply(p, v, e);
	if (strcmp(v->section, "addon") == 0 && strcmp(v->key, "wait") == 0)
		return check_wait(v, e);
	if (strncmp(v->section, "fetch ", 6) == 0)
		return check_url(v, e);
	return strncmp(v->section, "replace ", 8) == 0 ? check_replace(p, v, e) : 0;
}

int addon_load(struct provider *p, const char *dir, struct err *e)
{
	const struct words none = { 0 };
	size_t i;

	if (provider_load_as(p, &schema_addon, dir, &none, e) < 0)
		return -1;
	for (i = 0; i < p->nvalues; i++)
		if (check_value(p, &p->values[i], e) < 0) {
			provider_free(p);
			return -1;
		}
	return 0;
}
