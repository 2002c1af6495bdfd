#include "provider/schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cidr.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/utf8.h"
#include "base/words.h"

static const struct schema_key provider_keys[] = {
	{ "provider", "inherit", SCHEMA_NAME, SCHEMA_OPTIONAL, NULL },
	{ "provider", "abstract", SCHEMA_BOOL, SCHEMA_OPTIONAL, NULL },
	{ "provider", "description", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "debian", "suite", SCHEMA_NAME, SCHEMA_ALWAYS, NULL },
	{ "kubernetes", "version", SCHEMA_VERSION, SCHEMA_WITH_SECTION, NULL },
	{ "kubernetes", "source", SCHEMA_CHOICE, SCHEMA_WITH_SECTION, "debian go upstream" },
	{ "kubernetes", "package_version", SCHEMA_VERSION, SCHEMA_OPTIONAL, NULL },
	{ "kubernetes", "kubeadm_api", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "v1beta2 v1beta3 v1beta4" },
	{ "kubernetes", "cgroup_driver", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "systemd cgroupfs" },
	{ "kubernetes", "dns", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "coredns manifest" },
	{ "kubernetes", "control_plane_labels", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "kubernetes", "cri_socket", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "kubernetes", "feature_gates", SCHEMA_GATES, SCHEMA_OPTIONAL, NULL },
	{ "kubernetes", "containerd", SCHEMA_VERSION, SCHEMA_OPTIONAL, NULL },
	{ "kubernetes", "crictl", SCHEMA_VERSION, SCHEMA_OPTIONAL, NULL },
	{ "node", "memory", SCHEMA_SIZE, SCHEMA_ALWAYS, NULL },
	{ "node", "cpus", SCHEMA_COUNT, SCHEMA_ALWAYS, NULL },
	{ "node", "disk", SCHEMA_SIZE, SCHEMA_ALWAYS, NULL },
	{ "node", "swap", SCHEMA_SIZE, SCHEMA_OPTIONAL, NULL },
	{ "node", "kernel", SCHEMA_NAME, SCHEMA_OPTIONAL, NULL },
	{ "node", "packages", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "node", "modules", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "node", "resume_priority", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "node", "restart_after_resume", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "node", "append", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "node", "emulated_append", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "node", "emulated_cpu", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "runner", "packages", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "builder", "packages", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "builder", "tools", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "builder host" },
	{ "go", "modules", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "images", "*", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "upstream", "*", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "network", "address", SCHEMA_CIDR, SCHEMA_OPTIONAL, NULL },
	{ "network", "address6", SCHEMA_CIDR, SCHEMA_OPTIONAL, NULL },
	{ "network", "first_node", SCHEMA_ADDRESS, SCHEMA_OPTIONAL, NULL },
	{ "network", "pod_cidr", SCHEMA_CIDR, SCHEMA_OPTIONAL, NULL },
	{ "network", "service_cidr", SCHEMA_CIDR, SCHEMA_OPTIONAL, NULL },
	{ "network", "dns_address", SCHEMA_ADDRESS, SCHEMA_OPTIONAL, NULL },
	{ "network", "domain", SCHEMA_NAME, SCHEMA_OPTIONAL, NULL },
	{ "network", "cni", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "bridge flannel" },
	{ "storage", "volumes", SCHEMA_INT, SCHEMA_OPTIONAL, NULL },
	{ "manifests", "apply", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "addons", "include", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "conformance", "images", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "title", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "enabled", SCHEMA_BOOL, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "needs", SCHEMA_STAGES, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "sections", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "files", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "upstream_files", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "incremental_files", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "tools", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "tools_by_name", SCHEMA_BOOL, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "live", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "no yes read-only" },
	{ "stage *", "drop_caches", SCHEMA_BOOL, SCHEMA_OPTIONAL, NULL },
	{ "stage *", "timeout", SCHEMA_INT, SCHEMA_OPTIONAL, NULL },
	{ NULL, NULL, SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
};

static const struct schema_rename provider_renames[] = {
	{ "node", "favour", NULL, "resume_priority" },
	{ "node", "outdated", NULL, "restart_after_resume" },
	{ "stage *", "lists", NULL, "incremental_files" },
	{ "stage *", "live", "looks", "read-only" },
	{ NULL, NULL, NULL, NULL },
};

const struct schema schema_provider = { "provider.ini", provider_keys, provider_renames };

static const struct schema_key addon_keys[] = {
	{ "addon", "title", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "addon", "apply", SCHEMA_NAMES, SCHEMA_ALWAYS, NULL },
	{ "addon", "needs", SCHEMA_NAMES, SCHEMA_OPTIONAL, NULL },
	{ "addon", "namespace", SCHEMA_NAME, SCHEMA_OPTIONAL, NULL },
	{ "addon", "wait", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "addon", "timeout", SCHEMA_INT, SCHEMA_OPTIONAL, NULL },
	{ "addon", "images", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ "values", "*", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "fetch *", "url", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "replace *", "*", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ NULL, NULL, SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
};

static const struct schema_rename no_renames[] = {
	{ NULL, NULL, NULL, NULL },
};

const struct schema schema_addon = { "addon.ini", addon_keys, no_renames };

static const struct schema_key module_keys[] = {
	{ "module", "path", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "module", "go", SCHEMA_VERSION, SCHEMA_ALWAYS, NULL },
	{ "module", "programs", SCHEMA_LIST, SCHEMA_ALWAYS, NULL },
	{ "module", "tags", SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
	{ "module", "generate", SCHEMA_CHOICE, SCHEMA_OPTIONAL, "openapi" },
	{ "module", "cgo", SCHEMA_BOOL, SCHEMA_OPTIONAL, NULL },
	{ "module", "variables", SCHEMA_LIST, SCHEMA_OPTIONAL, NULL },
	{ NULL, NULL, SCHEMA_STRING, SCHEMA_OPTIONAL, NULL },
};

const struct schema schema_module = { "module.ini", module_keys, no_renames };

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Is S a character of FIRST, followed only by characters of FIRST and MORE? */
static bool spelled(const char *s, const char *first, const char *more)
{
	if (*s == '\0' || strchr(first, *s) == NULL)
		return false;
	for (; *s != '\0'; s++)
		if (strchr(first, *s) == NULL && strchr(more, *s) == NULL)
			return false;
	return true;
}

static bool is_stage_name(const char *s)
{
	return spelled(s, lower, "-");
}

static bool is_name(const char *s)
{
	return spelled(s, alnum, "._+@:=~-");
}

/* NAME=true or NAME=false; names as in k8s.io/component-base/featuregate: letters and digits. */
static bool is_gate(const char *s)
{
	size_t n = strspn(s, alnum);

	return n > 0 && (strcmp(s + n, "=true") == 0 || strcmp(s + n, "=false") == 0);
}

static bool is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static bool are_cidrs(const char *s)
{
	struct cidr ignored;
	size_t len;

	for (;; s += len + 1) {
		len = strcspn(s, ",");
		if (cidr_parse(&ignored, s, len) < 0)
			return false;
		if (s[len] == '\0')
			return true;
	}
}

bool schema_alike(const char *a, const char *b)
{
	size_t row[40], i, j, n = strlen(a), m = strlen(b), corner, above, best;

	if (n == 0 || m == 0 || n >= 40 || m >= 40)
		return false;
	/* The Levenshtein distance, one row at a time. */
	for (j = 0; j <= m; j++)
		row[j] = j;
	for (i = 1; i <= n; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= m; j++) {
			above = row[j];
			best = above < row[j - 1] ? above + 1 : row[j - 1] + 1;
			if (corner + (a[i - 1] != b[j - 1]) < best)
				best = corner + (a[i - 1] != b[j - 1]);
			row[j] = best;
			corner = above;
		}
	}
	/* Any two short words are close: most letters have to agree. */
	return row[m] <= 2 && 2 * row[m] < n;
}

/* The length of "WORD " if PATTERN is "WORD *", which stands for all sections "WORD NAME"; else 0. */
static size_t open_pattern(const char *pattern)
{
	size_t n = strlen(pattern);

	return n > 2 && strcmp(pattern + n - 2, " *") == 0 ? n - 1 : 0;
}

static bool section_matches(const char *pattern, const char *section)
{
	size_t n = open_pattern(pattern);

	if (n == 0)
		return strcmp(pattern, section) == 0;
	if (strncmp(pattern, section, n) != 0)
		return false;
	return strncmp(section, "stage ", n) == 0 ? is_stage_name(section + n) : spelled(section + n, alnum, "._-");
}

int schema_section(const struct schema *s, const char *section, struct err *e)
{
	const struct schema_key *row;
	size_t n;

	for (row = s->keys; row->section != NULL; row++)
		if (section_matches(row->section, section))
			return 0;
	if (*section == '\0')
		return err_set(e, "a key before the first [section]");
	for (row = s->keys; row->section != NULL; row++) {
		n = open_pattern(row->section);
		if (n > 0 && strncmp(section, row->section, n - 1) == 0)
			return err_set(e, "the section of a %.*s is [%.*sNAME], with NAME of [%s-]", (int)n - 1,
			    section, (int)n, row->section,
			    strncmp(section, "stage", 5) == 0 ? "a-z0-9" : "A-Za-z0-9._");
	}
	for (row = s->keys; row->section != NULL; row++)
		if (schema_alike(section, row->section))
			return err_set(e, "unknown section (did you mean [%s]?)", row->section);
	return err_set(e, "unknown section");
}

/* The new name of a key, or NULL: it was not renamed. */
static const char *renamed_key(const struct schema *s, const char *section, const char *key)
{
	const struct schema_rename *r;

	for (r = s->renames; r->section != NULL; r++)
		if (r->value == NULL && section_matches(r->section, section) && strcmp(r->key, key) == 0)
			return r->now;
	return NULL;
}

static const char *renamed_value(const struct schema *s, const struct schema_key *row, const char *value)
{
	const struct schema_rename *r;

	for (r = s->renames; r->section != NULL; r++)
		if (r->value != NULL && strcmp(r->section, row->section) == 0 && strcmp(r->key, row->key) == 0 &&
		    strcmp(r->value, value) == 0)
			return r->now;
	return NULL;
}

const struct schema_key *schema_find(const struct schema *s, const char *section, const char *key, struct err *e)
{
	const struct schema_key *row, *like = NULL;
	const char *renamed;

	if (schema_section(s, section, e) < 0)
		return NULL;
	for (row = s->keys; row->section != NULL; row++) {
		if (!section_matches(row->section, section))
			continue;
		if (strcmp(row->key, key) == 0 || (strcmp(row->key, "*") == 0 && spelled(key, lower, "_.-")))
			return row;
		if (schema_alike(key, row->key))
			like = row;
	}
	renamed = renamed_key(s, section, key);
	if (renamed != NULL)
		(void)err_set(e, "renamed to %s", renamed);
	else if (like != NULL)
		(void)err_set(e, "unknown key (did you mean '%s'?)", like->key);
	else
		(void)err_set(e, "unknown key");
	return NULL;
}

/* Does IS accept each word? The error says which one is not WHAT. */
static int check_words(const char *value, bool (*is)(const char *), const char *what, struct err *e)
{
	AUTO_WORDS struct words w = { 0 };
	size_t i;

	if (words_split(&w, value) < 0)
		return err_no_memory(e);
	for (i = 0; i < w.n; i++)
		if (!is(w.v[i]))
			return err_set(e, "'%s' is not %s", w.v[i], what);
	return 0;
}

static int check_choice(const char *choices, const char *value, struct err *e)
{
	AUTO_WORDS struct words w = { 0 };

	if (words_split(&w, choices) < 0)
		return err_no_memory(e);
	return words_has(&w, value) ? 0 : err_set(e, "'%s' is not one of: %s", value, choices);
}

int schema_check(const struct schema *s, const struct schema_key *row, const char *value, struct err *e)
{
	const char *renamed;
	int64_t number;
	uint64_t size;

	if (!utf8_is_line(value))
		return err_set(e, "contains a control character (a tab?) or a byte that is not UTF-8");
	if (*value == '\0')
		return 0;
	renamed = renamed_value(s, row, value);
	if (renamed != NULL)
		return err_set(e, "%s: renamed to %s", value, renamed);
	switch (row->type) {
	case SCHEMA_STRING:
	case SCHEMA_LIST:
		return 0;
	case SCHEMA_NAME:
		return is_name(value) ? 0 : err_set(e, "'%s' is not a name", value);
	case SCHEMA_NAMES:
		return check_words(value, is_name, "a name", e);
	case SCHEMA_STAGES:
		return check_words(value, is_stage_name, "a name", e);
	case SCHEMA_GATES:
		return check_words(value, is_gate, "NAME=true or NAME=false", e);
	case SCHEMA_INT:
		return num_parse(value, 0, INT_MAX, &number) == 0 ? 0 : err_set(e, "'%s' is not a whole number", value);
	case SCHEMA_COUNT:
		return num_parse(value, 1, INT_MAX, &number) == 0 ? 0 : err_set(e, "'%s' is not a whole number from 1", value);
	case SCHEMA_SIZE:
		if (num_size(value, &size) == 0 && size > 0)
			return 0;
		return err_set(e, "'%s' is not a size, like 512M or 20G", value);
	case SCHEMA_BOOL:
		return check_choice("yes no", value, e);
	case SCHEMA_VERSION:
		return spelled(value, alnum, ".+~:-") && isdigit((unsigned char)*value)
			   ? 0
			   : err_set(e, "'%s' is not a version, like 1.20.2", value);
	case SCHEMA_CIDR:
		return are_cidrs(value) ? 0 : err_set(e, "'%s' is not ADDRESS/LENGTH, like 10.244.0.0/16", value);
	case SCHEMA_ADDRESS:
		return is_address(value) ? 0 : err_set(e, "'%s' is not an IPv4 or IPv6 address", value);
	case SCHEMA_CHOICE:
		return check_choice(row->choices, value, e);
	}
	return err_set(e, "no such type");
}

const char *schema_type(const struct schema_key *row)
{
	static const char *const names[] = {
		[SCHEMA_STRING] = "string",
		[SCHEMA_LIST] = "list",
		[SCHEMA_NAME] = "name",
		[SCHEMA_NAMES] = "names",
		[SCHEMA_STAGES] = "stages",
		[SCHEMA_GATES] = "gates",
		[SCHEMA_INT] = "integer",
		[SCHEMA_COUNT] = "count",
		[SCHEMA_SIZE] = "size",
		[SCHEMA_BOOL] = "boolean",
		[SCHEMA_VERSION] = "version",
		[SCHEMA_CIDR] = "cidr",
		[SCHEMA_ADDRESS] = "address",
	};

	return row->type == SCHEMA_CHOICE ? row->choices : names[row->type];
}

bool schema_is_list(const struct schema_key *row)
{
	return row->type == SCHEMA_LIST || row->type == SCHEMA_NAMES || row->type == SCHEMA_STAGES ||
	       row->type == SCHEMA_GATES;
}

bool schema_can_append(const struct schema_key *row)
{
	return schema_is_list(row) || row->type == SCHEMA_STRING;
}
