#include "stage/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "provider/schema.h"

static const char prefix[] = "stage ";

/* A stage that has no place in the order yet. */
struct draft {
	struct stage stage;
	const struct provider_value *first; /* the first value of its section */
	bool dropped, placed;
	enum { FRESH, OPEN, DONE } visit;
	const struct draft *by; /* while OPEN: the stage that needs this one */
};

struct drafts {
	struct draft *v;
	size_t n;
};

static void stage_free(struct stage *s)
{
	free(s->section);
	free(s->script);
	words_free(&s->needs);
}

static void drafts_free(struct drafts *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!d->v[i].placed)
			stage_free(&d->v[i].stage);
	free(d->v);
}

static struct draft *find(const struct drafts *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->v[i].stage.name, name) == 0)
			return &d->v[i];
	return NULL;
}

/* Makes a draft for each section "stage NAME", in order of appearance. */
static int collect(struct drafts *d, const struct provider *p, struct err *e)
{
	const char *name, *enabled;
	struct draft *new;
	size_t i;

	d->v = calloc(p->nvalues + 1, sizeof *d->v);
	if (d->v == NULL)
		return err_no_memory(e);
	for (i = 0; i < p->nvalues; i++) {
		if (strncmp(p->values[i].section, prefix, strlen(prefix)) != 0)
			continue;
		name = p->values[i].section + strlen(prefix);
		if (find(d, name) != NULL)
			continue;
		new = &d->v[d->n++];
		new->stage.name = name;
		new->first = &p->values[i];
		new->stage.section = strdup(p->values[i].section);
		if (new->stage.section == NULL)
			return err_no_memory(e);
		enabled = provider_get(p, new->stage.section, "enabled");
		new->dropped = enabled != NULL &&strcmp(enabled, "no") == 0;
	}
	return 0;
}

static int unknown_need(const struct drafts *d, const struct provider_value *needs, const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (schema_alike(name, d->v[i].stage.name))
			return provider_err(e, needs, "no stage '%s' (did you mean '%s'?)", name, d->v[i].stage.name);
	return provider_err(e, needs, "no stage '%s'", name);
}

/* OF needs NEED, which leads back to OF: sets E to the whole circle. */
static int circle(const struct draft *of, const struct draft *need, const struct provider_value *needs, struct err *e)
{
	char way[256], longer[sizeof way + 64];
	const struct draft *d;

	(void)snprintf(way, sizeof way, "%s", need->stage.name);
	for (d = of;; d = d->by) {
		(void)snprintf(longer, sizeof longer, "%s -> %s", d->stage.name, way);
		(void)snprintf(way, sizeof way, "%.*s", (int)sizeof way - 1, longer);
		if (d == need)
			return provider_err(e, needs, "circular dependency of stages: %s", way);
	}
}

static int resolve(const struct drafts *d, const struct provider *p, struct draft *of, struct err *e);

/* Adds the stage NAME to the needs of OF; if it is dropped, the stages that it needs. */
static int add_need(const struct drafts *d, const struct provider *p, struct draft *of,
    const struct provider_value *needs, const char *name, struct err *e)
{
	struct draft *need = find(d, name);
	size_t i;

	if (need == NULL)
		return unknown_need(d, needs, name, e);
	if (need->visit == OPEN)
		return circle(of, need, needs, e);
	if (need->visit == FRESH)
		need->by = of;
	if (resolve(d, p, need, e) < 0)
		return -1;
	if (!need->dropped) {
		if (!words_has(&of->stage.needs, name) && words_add(&of->stage.needs, name) < 0)
			return err_no_memory(e);
		return 0;
	}
	for (i = 0; i < need->stage.needs.n; i++)
		if (!words_has(&of->stage.needs, need->stage.needs.v[i]) &&
		    words_add(&of->stage.needs, need->stage.needs.v[i]) < 0)
			return err_no_memory(e);
	return 0;
}

/* Resolves the needs of OF; those of the stages it needs come first. */
static int resolve(const struct drafts *d, const struct provider *p, struct draft *of, struct err *e)
{
	const struct provider_value *needs = provider_find(p, of->stage.section, "needs");
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (of->visit == DONE)
		return 0;
	of->visit = OPEN;
	if (needs != NULL && words_split(&names, needs->value) < 0)
		return err_no_memory(e);
	for (i = 0; i < names.n; i++)
		if (add_need(d, p, of, needs, names.v[i], e) < 0)
			return -1;
	of->visit = DONE;
	return 0;
}

static int find_script(const struct provider *p, struct draft *of, struct err *e)
{
	AUTO_FREE char *name = NULL;

	if (asprintf(&name, "stage/%s", of->stage.name) < 0) {
		name = NULL;
		return err_no_memory(e);
	}
	of->stage.script = provider_path(p, name);
	if (of->stage.script == NULL)
		return provider_err(e, of->first, "the stage has no script: no %s in %s%s", name, p->dirs.v[0],
		    p->dirs.n > 1 ? " or the directories it inherits" : "");
	return 0;
}

static bool ready(const struct stages *s, const struct draft *d)
{
	size_t i;

	for (i = 0; i < d->stage.needs.n; i++)
		if (stages_find(s, d->stage.needs.v[i]) == NULL)
			return false;
	return true;
}

/* The first stage whose needs are all placed; NULL when all stages are placed. Without circles there is always one. */
static struct draft *next(const struct stages *s, const struct drafts *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!d->v[i].placed && !d->v[i].dropped && ready(s, &d->v[i]))
			return &d->v[i];
	return NULL;
}

static int place(struct stages *s, const struct drafts *d, struct err *e)
{
	struct draft *draft;

	s->v = calloc(d->n + 1, sizeof *s->v);
	if (s->v == NULL)
		return err_no_memory(e);
	while ((draft = next(s, d)) != NULL) {
		s->v[s->n++] = draft->stage;
		draft->placed = true;
	}
	return 0;
}

static int load(struct stages *s, struct drafts *d, const struct provider *p, struct err *e)
{
	size_t i;

	if (collect(d, p, e) < 0)
		return -1;
	for (i = 0; i < d->n; i++)
		if (resolve(d, p, &d->v[i], e) < 0)
			return -1;
	for (i = 0; i < d->n; i++)
		if (!d->v[i].dropped && find_script(p, &d->v[i], e) < 0)
			return -1;
	return place(s, d, e);
}

int stages_load(struct stages *s, const struct provider *p, struct err *e)
{
	struct drafts d = { 0 };
	int rc;

	*s = (struct stages){ 0 };
	rc = load(s, &d, p, e);
	drafts_free(&d);
	if (rc < 0)
		stages_free(s);
	return rc;
}

const struct stage *stages_find(const struct stages *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	return NULL;
}

void stages_free(struct stages *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		stage_free(&s->v[i]);
	free(s->v);
	*s = (struct stages){ 0 };
}
