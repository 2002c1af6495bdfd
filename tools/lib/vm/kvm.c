#include "vm/kvm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"

bool vm_kvm_usable(void)
{
	AUTO_CLOSE int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	AUTO_FCLOSE FILE *f = fopen("/proc/cpuinfo", "re");
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	char *rest, *word;

	if (kvm < 0 || f == NULL)
		return false;
	while (getline(&line, &room, f) > 0) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		rest = line;
		while ((word = strsep(&rest, " \t\n")) != NULL)
			if (strcmp(word, "vmx") == 0 || strcmp(word, "svm") == 0)
				return true;
	}
	return false;
}

int vm_cpu_identity(char hex[SHA256_HEX], struct err *e)
{
	static const char *const keys[] = { "vendor_id", "cpu family", "model\t", "stepping", "flags" };
	AUTO_FCLOSE FILE *f = fopen("/proc/cpuinfo", "re");
	AUTO_FREE char *line = NULL;
	struct sha256 *s = sha256_new();
	size_t room = 0, i;
	ssize_t n;

	if (f == NULL || s == NULL) {
		sha256_free(s);
		return err_sys(e, "/proc/cpuinfo");
	}
	/* The first processor's entry ends with an empty line. */
	while ((n = getline(&line, &room, f)) > 1)
		for (i = 0; i < sizeof keys / sizeof *keys; i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				(void)sha256_add(s, line, (size_t)n);
	return sha256_end(s, hex) < 0 ? err_set(e, "libcrypto failed") : 0;
}
