/* Add-ons: directories with an addon.ini(5). */
#ifndef KS_PROVIDER_ADDON_H
#define KS_PROVIDER_ADDON_H

#include "provider/provider.h"

/*
 * Reads the add-on in DIR into P. Returns 0, or -1 with the file, the line and the key in E: as for
 * provider_load, or
 *   - a file to apply is neither in DIR, nor fetched, nor rendered (by an executable FILE.render in DIR),
 *   - a URL is not an http, https or file URL, or names a branch or "latest" instead of a version,
 *   - a [replace FILE] is for a file that is not fetched, or is not "OLD => NEW",
 *   - a wait is not one of deployment/NS/NAME, daemonset/NS/NAME, statefulset/NS/NAME, crd/NAME, pods/NS/NUMBER and
 *     KIND/[NS/]NAME=CONDITION.
 */
int addon_load(struct provider *p, const char *dir, struct err *e);

#endif
