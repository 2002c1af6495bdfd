/* Pinned Go modules: directories providers/go/NAME-VERSION with a module.ini(5). */
#ifndef KS_PROVIDER_MODULE_H
#define KS_PROVIDER_MODULE_H

#include "provider/provider.h"

/*
 * Reads DIR/module.ini into P. Returns 0, or -1 with the file, the line and the key in E: as for provider_load, or a
 * program is not NAME=PACKAGE, or a variable not PACKAGE.VARIABLE=VALUE.
 */
int module_load(struct provider *p, const char *dir, struct err *e);

#endif
