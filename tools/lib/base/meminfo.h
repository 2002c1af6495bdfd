/* The memory of this machine. */
#ifndef KS_BASE_MEMINFO_H
#define KS_BASE_MEMINFO_H

#include <stdint.h>

#include "base/err.h"

/* How much can be used without swapping, in MiB: MemAvailable of proc_meminfo(5). Returns 0 or -1. */
int meminfo_available(uint64_t *mib, struct err *e);

#endif
