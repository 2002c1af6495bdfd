#include "provider/template.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/readfile.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

enum { INCLUDE_DEPTH = 8 };

int template_define(struct words *values, const char *definition, struct err *e)
{
	const char *equals = strchr(definition, '=');

	if (equals == NULL || equals == definition ||
	    strspn(definition, LOWER DIGITS "_") != (size_t)(equals - definition))
		return err_set(e, "'%s' is not NAME=VALUE", definition);
	return words_add(values, definition) < 0 ? err_no_memory(e) : 0;
}

/* What is defined for PREFIX + NAME, or NULL. The last definition counts. */
static const char *find(const struct words *values, const char *prefix, const char *name)
{
	size_t p = strlen(prefix), n = strlen(name), i;

	for (i = values->n; i > 0; i--) {
		const char *v = values->v[i - 1];

		if (strncmp(v, prefix, p) == 0 && strncmp(v + p, name, n) == 0 && v[p + n] == '=')
			return v + p + n + 1;
	}
	return NULL;
}

static const char *find_or_empty(const struct words *values, const char *name)
{
	const char *value = find(values, "", name);

	return value != NULL ? value : "";
}

/* The address after the first node's: the API server's. */
static char *api_address(const struct words *values)
{
	const char *node = find_or_empty(values, "network_first_node");
	const char *dot = strrchr(node, '.');
	char *text = NULL;
	int64_t last;

	if (dot == NULL || num_parse(dot + 1, 0, 255, &last) < 0)
		return strdup("");
	return asprintf(&text, "%.*s.%d", (int)(dot - node), node, (int)last + 1) < 0 ? NULL : text;
}

/* TEXT with BETWEEN for each space and EQUALS for each "=". */
static char *gates(const char *text, const char *between, const char *equals)
{
	size_t size = strlen(text) * 2 + 1, n = 0;
	char *out = calloc(1, size);

	for (; out != NULL && *text != '\0'; text++) {
		const char c[] = { *text, '\0' };

		n += (size_t)snprintf(out + n, size - n, "%s", *text == ' ' ? between : *text == '=' ? equals : c);
	}
	return out;
}

/* The image NAME, of those that are built for a provider; its tag is the value of KEY. */
static char *own_image(const struct words *values, const char *name, const char *key)
{
	const char *repository = find_or_empty(values, "images_tools_repository");
	const char *tag = find_or_empty(values, key);
	char *text = NULL;

	if (*repository == '\0')
		repository = find_or_empty(values, "images_repository");
	if (*repository == '\0' || *tag == '\0')
		return strdup("");
	return asprintf(&text, "%s/%s:%s", repository, name, tag) < 0 ? NULL : text;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

char *template_value(const struct words *values, const char *word)
{
	static const char *const of_kubernetes[] = { "version", "kubeadm_api", "cgroup_driver", "cri_socket", "dns",
		NULL };
	static const char *const of_images[] = { "repository", "etcd", "pause", "coredns", NULL };
	const char *value = find(values, "", word);

	if (value != NULL)
		return strdup(value);
	if (strcmp(word, "api_address") == 0)
		return api_address(values);
	if (strcmp(word, "feature_gates") == 0)
		return gates(find_or_empty(values, "kubernetes_feature_gates"), ", ", ": ");
	if (strcmp(word, "feature_gates_flag") == 0)
		return gates(find_or_empty(values, "kubernetes_feature_gates"), ",", "=");
	if (strcmp(word, "tools_image") == 0)
		return own_image(values, "kubestamp-tools", "images_tools");
	if (strcmp(word, "flannel_image") == 0)
		return own_image(values, "flannel", "images_flannel");
	if (strcmp(word, "volumes") == 0)
		return strdup(find_or_empty(values, "storage_volumes"));
	if (is_one_of(word, of_kubernetes))
		value = find(values, "kubernetes_", word);
	else
		value = find(values, is_one_of(word, of_images) ? "images_" : "network_", word);
	return strdup(value != NULL ? value : "");
}

/* The length of "@WORD@" at S, before END, and WORD (to be freed); 0: no such word, or no memory (WORD is NULL). */
static size_t word_at(const char *s, const char *end, char **word)
{
	size_t n = 1;

	*word = NULL;
	while (s + n < end && ((s[n] >= 'a' && s[n] <= 'z') || s[n] == '_'))
		n++;
	if (n == 1 || s + n >= end || s[n] != '@')
		return 0;
	*word = strndup(s + 1, n - 1);
	return n + 1;
}

/* A mark at the start of a line: "@WORD?@" or "@WORD=VALUE@". */
struct mark {
	size_t len; /* of all of it; 0: none is there */
	char *word;
	char *value; /* NULL: any */
};

static struct mark mark_at(const char *s, const char *end)
{
	struct mark m = { 0 };
	const char *value;
	size_t word = 0, n = 0;

	if (s < end && *s == '@')
		for (word = 1; s + word < end && ((s[word] >= 'a' && s[word] <= 'z') || s[word] == '_'); word++)
			;
	value = s + word + 1;
	if (word < 2 || value >= end || (value[-1] != '=' && value[-1] != '?'))
		return m;
	if (value[-1] == '=')
		while (
		    value + n < end && ((value[n] >= 'a' && value[n] <= 'z') || (value[n] >= '0' && value[n] <= '9')))
			n++;
	if (value + n >= end || value[n] != '@' || (value[-1] == '=' && n == 0))
		return m;
	m.len = word + 1 + n + 1;
	m.word = strndup(s + 1, word - 1);
	if (value[-1] == '=')
		m.value = strndup(value, n);
	return m;
}

/*
 * Goes past the marks at the start of the line *S. Returns 1: the line stays, 0: it is left out, or -1.
 */
static int take_marks(const struct words *values, const char **s, const char *end, struct err *e)
{
	for (;;) {
		struct mark m = mark_at(*s, end);
		AUTO_FREE char *word = m.word;
		AUTO_FREE char *want = m.value;
		AUTO_FREE char *value = NULL;

		if (m.len == 0)
			return 1;
		value = word != NULL ? template_value(values, word) : NULL;
		if (value == NULL || ((*s)[strlen(word) + 1] == '=' && want == NULL))
			return err_no_memory(e);
		if (*value == '\0' || (want != NULL && strcmp(want, value) != 0))
			return 0;
		*s += m.len;
	}
}

/* Writes the text from S to END, words replaced. */
static int put_text(
    const struct words *values, const char *name, const char *s, const char *end, FILE *f, struct err *e)
{
	for (; s < end; s++) {
		AUTO_FREE char *word = NULL;
		AUTO_FREE char *value = NULL;
		size_t n = *s == '@' ? word_at(s, end, &word) : 0;

		if (n == 0) {
			(void)putc(*s, f);
			continue;
		}
		value = word != NULL ? template_value(values, word) : NULL;
		if (value == NULL)
			return err_no_memory(e);
		if (*value == '\0')
			return err_set(e, "%s: @%s@ has no value in provider.ini", name, word);
		(void)fputs(value, f);
		s += n - 1;
	}
	return 0;
}

static int include(
    const struct words *values, const char *name, const char *s, const char *end, FILE *f, int depth, struct err *e);

static int put_lines(
    const struct words *values, const char *name, const char *s, const char *end, FILE *f, int depth, struct err *e)
{
	static const char directive[] = "@include ";
	const char *next, *stop;
	int rc = 0;

	for (; rc == 0 && s < end; s = next) {
		stop = memchr(s, '\n', (size_t)(end - s));
		next = stop != NULL ? stop + 1 : end;
		if ((size_t)(end - s) > strlen(directive) && strncmp(s, directive, strlen(directive)) == 0) {
			rc = include(values, name, s + strlen(directive), stop != NULL ? stop : end, f, depth, e);
			continue;
		}
		rc = take_marks(values, &s, next, e);
		if (rc > 0)
			rc = put_text(values, name, s, next, f, e);
	}
	return rc;
}

/* The path of the file that the text from S to END names, beside NAME. To be freed; NULL: no memory. */
static char *include_path(const struct words *values, const char *name, const char *s, const char *end)
{
	static const char word[] = "@kubeadm_api@";
	AUTO_FREE char *api = template_value(values, "kubeadm_api");
	const char *slash = strrchr(name, '/');
	char *path = NULL;
	size_t n;
	FILE *f = open_memstream(&path, &n);

	if (f == NULL || api == NULL) {
		if (f != NULL)
			(void)fclose(f);
		free(path);
		return NULL;
	}
	(void)fwrite(name, 1, slash != NULL ? (size_t)(slash + 1 - name) : 0, f);
	while (s < end)
		if ((size_t)(end - s) >= strlen(word) && strncmp(s, word, strlen(word)) == 0) {
			(void)fputs(api, f);
			s += strlen(word);
		} else {
			(void)putc(*s++, f);
		}
	if (fclose(f) == 0)
		return path;
	free(path);
	return NULL;
}

static int include(
    const struct words *values, const char *name, const char *s, const char *end, FILE *f, int depth, struct err *e)
{
	AUTO_FREE char *path = include_path(values, name, s, end);
	AUTO_FREE char *api = template_value(values, "kubeadm_api");
	AUTO_FREE char *text = NULL;
	size_t n;

	if (path == NULL || api == NULL)
		return err_no_memory(e);
	if (depth == INCLUDE_DEPTH)
		return err_set(e, "%s: files include each other more than %d deep", name, INCLUDE_DEPTH);
	if (read_file(path, READ_FILE_MAX, &text, &n, e) < 0)
		return err_prefix(e, "%s: cannot include a file (kubeadm_api = %s)", name, api);
	return put_lines(values, path, text, text + n, f, depth + 1, e);
}

int template_render(
    const struct words *values, const char *name, const char *in, size_t n, char **out, size_t *out_n, struct err *e)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, out_n);
	int rc;

	if (f == NULL)
		return err_no_memory(e);
	rc = put_lines(values, name, in, in + n, f, 0, e);
	if (fclose(f) != 0 && rc == 0)
		rc = err_no_memory(e);
	if (rc < 0)
		free(text);
	else
		*out = text;
	return rc;
}

int template_file(const struct words *values, const char *path, char **out, size_t *out_n, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;

	if (read_file(path, READ_FILE_MAX, &text, &n, e) < 0)
		return -1;
	return template_render(values, path, text, n, out, out_n, e);
}
