/* What an addon.ini may hold. */
#include "provider/schema.h"

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

static const struct schema_rename addon_renames[] = {
	{ NULL, NULL, NULL, NULL },
};

const struct schema schema_addon = { "addon.ini", addon_keys, addon_renames };
