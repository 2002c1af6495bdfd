/* Add-ons: directories with an addon.ini: what is applied to a cluster, where it is from, and when it is done. */
#ifndef KS_PROVIDER_ADDON_H
#define KS_PROVIDER_ADDON_H

#include "provider/provider.h"

/*
 * Reads the add-on in DIR into P. Returns 0, or -1 with the file, the line and the key in E: as for
 * provider_load, or
 *   - a file to apply is neither in DIR, nor fetched, nor made (an executable FILE.render is in DIR),
 *   - a URL is not of http, https or file, or names no version: it says "latest", or a branch,
 *   - a [replace FILE] is of a file that is not fetched, or is not "OLD => NEW",
 *   - a wait is none of deployment/NS/NAME, daemonset/NS/NAME, statefulset/NS/NAME, crd/NAME, pods/NS/NUMBER and
 *     KIND/[NS/]NAME=CONDITION.
 */
int addon_load(struct provider *p, const char *dir, struct err *e);

#endif
