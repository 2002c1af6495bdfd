#include "stage/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "provider/print.h"

/* Is V one of the values that TEXT names: words SECTION or SECTION.KEY, perhaps with ":PATTERN" after them? */
static bool names_value(const char *text, const struct provider_value *v)
{
	size_t section = strlen(v->section), n;

	for (; text != NULL && *text != '\0'; text += strcspn(text, " "), text += strspn(text, " ")) {
		n = strcspn(text, " :");
		if (n < section || strncmp(text, v->section, section) != 0)
			continue;
		if (n == section || (text[section] == '.' && n == section + 1 + strlen(v->key) &&
					strncmp(text + section + 1, v->key, strlen(v->key)) == 0))
			return true;
	}
	return false;
}

/* Does STAGE declare V, or a stage that it needs? */
static bool declares(
    const struct provider *p, const struct stages *stages, const struct stage *stage, const struct provider_value *v)
{
	size_t i;

	if (names_value(provider_get(p, stage->section, "sections"), v) ||
	    names_value(provider_get(p, stage->section, "incremental_files"), v))
		return true;
	for (i = 0; i < stage->needs.n; i++)
		if (declares(p, stages, stages_find(stages, stage->needs.v[i]), v))
			return true;
	return false;
}

static int put_unset(FILE *f, const struct provider_value *v, const struct words *names, struct err *e)
{
	AUTO_FREE char *name = provprint_sh_name(v, e);

	if (name == NULL)
		return -1;
	if (!words_has(names, name))
		(void)fprintf(f, "unset -v %s\n", name);
	return 0;
}

int stage_values_print(
    FILE *f, const struct provider *p, const struct stages *stages, const struct stage *stage, struct err *e)
{
	const struct provider_value **list = provprint_sorted(p, NULL, e);
	AUTO_WORDS struct words names = { 0 };
	int rc = list != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && list[i] != NULL; i++)
		if (declares(p, stages, stage, list[i]))
			rc = provprint_sh_value(f, list[i], &names, e);
	for (i = 0; rc == 0 && list[i] != NULL; i++)
		rc = put_unset(f, list[i], &names, e);
	free(list);
	if (rc < 0)
		return -1;
	(void)fputs("CONF_NAMES='", f);
	for (i = 0; i < names.n; i++)
		(void)fprintf(f, "%s%s", i > 0 ? " " : "", names.v[i]);
	(void)fputs("'\n", f);
	return 0;
}
