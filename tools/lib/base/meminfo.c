#include "base/meminfo.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

int meminfo_available(uint64_t *mib, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/meminfo", "re");
	uint64_t kib;
	char line[256];

	if (f == NULL)
		return err_sys(e, "/proc/meminfo");
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1) {
			*mib = kib / 1024;
			return 0;
		}
	return err_set(e, "/proc/meminfo: there is no MemAvailable");
}
