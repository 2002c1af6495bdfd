#include "oci/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "oci/tree.h"

static const char *const kinds[] = { [COMPRESS_NONE] = "none", [COMPRESS_GZIP] = "gzip", [COMPRESS_ZSTD] = "zstd" };

int ociopts_init(struct ociopts *o, struct err *e)
{
	o->config = json_object();
	o->annotations = json_object();
	o->notes = json_object();
	return o->config != NULL && o->annotations != NULL && o->notes != NULL ? 0 : err_no_memory(e);
}

void ociopts_free(struct ociopts *o)
{
	size_t i;

	for (i = 0; i < o->nlayers; i++) {
		words_free(&o->layers[i].skipped);
		json_decref(o->layers[i].annotations);
	}
	free(o->layers);
	words_free(&o->texts);
	words_free(&o->exclude);
	json_decref(o->config);
	json_decref(o->annotations);
	json_decref(o->notes);
	*o = (struct ociopts){ 0 };
}

int ociopts_set(json_t *to, enum ociopts_shape shape, const char *name, const char *arg, struct err *e)
{
	const char *value = shape == OCIOPTS_PAIRS ? strchr(arg, '=') : NULL;
	json_t *old = json_object_get(to, name), *text;
	int rc;

	if (shape == OCIOPTS_PAIRS && (value == NULL || value == arg))
		return err_set(e, "'%s' is not NAME=VALUE", arg);
	text = json_string(value != NULL ? value + 1 : arg);
	if (text == NULL)
		return err_set(e, "'%s' is not valid UTF-8", arg);
	if (shape == OCIOPTS_TEXT)
		return json_object_set_new(to, name, text) == 0 ? 0 : err_no_memory(e);
	if (old == NULL) {
		old = shape == OCIOPTS_LIST ? json_array() : json_object();
		if (json_object_set_new(to, name, old) < 0) {
			json_decref(text);
			return err_no_memory(e);
		}
	}
	if (shape == OCIOPTS_LIST)
		return json_array_append_new(old, text) == 0 ? 0 : err_no_memory(e);
	if (shape == OCIOPTS_PAIRS) {
		rc = json_object_setn_new(old, arg, (size_t)(value - arg), text);
	} else {
		json_decref(text);
		rc = json_object_set_new(old, arg, json_object());
	}
	return rc == 0 ? 0 : err_set(e, "'%s' is not valid UTF-8", arg);
}

int ociopts_env(struct ociopts *o, const char *arg, struct err *e)
{
	if (strchr(arg, '=') == NULL || *arg == '=')
		return err_set(e, "'%s' is not NAME=VALUE", arg);
	return ociopts_set(o->config, OCIOPTS_LIST, "Env", arg, e);
}

int ociopts_port(struct ociopts *o, const char *arg, struct err *e)
{
	size_t digits = strspn(arg, "0123456789");
	char port[32];

	if (digits == 0 || digits > 5 ||
	    (arg[digits] != '\0' && strcmp(arg + digits, "/tcp") != 0 && strcmp(arg + digits, "/udp") != 0 &&
		strcmp(arg + digits, "/sctp") != 0))
		return err_set(e, "'%s' is not PORT, PORT/tcp, PORT/udp or PORT/sctp", arg);
	(void)snprintf(port, sizeof port, "%s%s", arg, arg[digits] == '\0' ? "/tcp" : "");
	return ociopts_set(o->config, OCIOPTS_KEYS, "ExposedPorts", port, e);
}

int ociopts_owner(struct ociopts *o, const char *arg, struct err *e)
{
	char uid[16];
	size_t n = strcspn(arg, ":");

	o->owner_given = true;
	o->keep_owner = strcmp(arg, "keep") == 0;
	if (o->keep_owner)
		return 0;
	if (arg[n] == ':' && n < sizeof uid) {
		(void)memcpy(uid, arg, n);
		uid[n] = '\0';
		if (num_parse(uid, 0, UINT32_MAX - 1, &o->uid) == 0 &&
		    num_parse(arg + n + 1, 0, UINT32_MAX - 1, &o->gid) == 0)
			return 0;
	}
	return err_set(e, "owner '%s' is neither UID:GID nor 'keep'", arg);
}

int ociopts_kind(struct ociopts *o, const char *arg, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(arg, kinds[i]) == 0) {
			o->kind = (enum compress_kind)i;
			return 0;
		}
	return err_set(e, "unknown compression '%s' (none, gzip or zstd)", arg);
}

int ociopts_devices(struct ociopts *o, const char *arg, struct err *e)
{
	o->no_devices = strcmp(arg, "refuse") == 0;
	return o->no_devices || strcmp(arg, "keep") == 0
		   ? 0
		   : err_set(e, "devices '%s' is neither 'keep' nor 'refuse'", arg);
}

int ociopts_max(struct ociopts *o, const char *arg, struct err *e)
{
	return num_size(arg, &o->max) == 0 ? 0 : err_set(e, "'%s' is not a size", arg);
}

/* Returns a copy of TEXT that is freed with O, or NULL. */
static const char *keep(struct ociopts *o, const char *text)
{
	return words_add(&o->texts, text) == 0 ? o->texts.v[o->texts.n - 1] : NULL;
}

/* Adds a layer of SRC at DEST in the image. Returns 0 or -1. */
static int add(struct ociopts *o, enum layer_source source, const char *src, const char *dest, struct err *e)
{
	struct pack *v = reallocarray(o->layers, o->nlayers + 1, sizeof *v), *l;
	json_t *notes = json_object_get(o->notes, "annotations");

	if (v == NULL)
		return err_no_memory(e);
	o->layers = v;
	l = &v[o->nlayers++];
	*l = (struct pack){ .annotations = notes != NULL ? json_copy(notes) : NULL };
	l->spec = (struct layer_spec){
		.source = source,
		.src = keep(o, src),
		.dest = keep(o, dest),
		.kind = o->kind,
		.keep_owner = o->owner_given ? o->keep_owner : source == LAYER_TAR,
		.uid = (uid_t)o->uid,
		.gid = (gid_t)o->gid,
		.no_devices = o->no_devices,
		.max = o->max,
		.nexclude = o->exclude.n,
	};
	if (l->spec.src != NULL && l->spec.dest != NULL && (notes == NULL || l->annotations != NULL))
		return 0;
	return err_no_memory(e);
}

int ociopts_layer(struct ociopts *o, enum layer_source source, const char *arg, struct err *e)
{
	AUTO_FREE char *src = strdup(arg);
	AUTO_FREE char *dest = NULL;
	char *equals;

	if (src == NULL)
		return err_no_memory(e);
	equals = source == LAYER_TAR ? NULL : strrchr(src, '=');
	if (source == LAYER_FILE && (equals == NULL || equals[1] == '\0' || equals[strlen(equals) - 1] == '/'))
		return err_set(e, "'%s' is not SRC=DEST, where DEST is the name of a file", src);
	if (equals != NULL)
		*equals = '\0';
	dest = tree_path(equals != NULL ? equals + 1 : "");
	if (dest == NULL || (source == LAYER_FILE && *dest == '\0'))
		return err_set(e, "'%s' is not a valid path in an image", equals != NULL ? equals + 1 : "");
	if (*src == '\0')
		return err_set(e, "the source of a layer is empty");
	return add(o, source, src, dest, e);
}
