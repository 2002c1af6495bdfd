#include "provider/module.h"

#include <string.h>

#include "base/cleanup.h"

/* NAME is the name of a file. */
static bool is_program(const char *word)
{
	const char *package = strchr(word, '=');

	return package != NULL && package > word && package[1] != '\0' &&
	       memchr(word, '/', (size_t)(package - word)) == NULL;
}

/* The variable's name follows the last dot before "=". Its value may be empty. */
static bool is_variable(const char *word)
{
	size_t n = strcspn(word, "=");
	const char *dot = memrchr(word, '.', n);

	return word[n] == '=' && dot != NULL && dot > word && dot + 1 < word + n;
}

static int check_words(
    const struct provider *p, const char *key, bool (*is)(const char *), const char *what, struct err *e)
{
	const struct provider_value *v = provider_find(p, "module", key);
	AUTO_WORDS struct words words = { 0 };
	size_t i;

	if (v != NULL && words_split(&words, v->value) < 0)
		return err_no_memory(e);
	for (i = 0; i < words.n; i++)
		if (!is(words.v[i]))
			return provider_err(e, v, "'%s' is not %s", words.v[i], what);
	return 0;
}

int module_load(struct provider *p, const char *dir, struct err *e)
{
	const struct words none = { 0 };

	if (provider_load_as(p, &schema_module, dir, &none, e) < 0)
		return -1;
	if (check_words(p, "programs", is_program, "NAME=PACKAGE", e) == 0 &&
	    check_words(p, "variables", is_variable, "PACKAGE.VARIABLE=VALUE", e) == 0)
		return 0;
	provider_free(p);
	return -1;
}
