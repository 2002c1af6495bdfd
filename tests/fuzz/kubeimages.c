/* Manifests from an untrusted source, as kubeimages(1) reads them: accepted images have valid names, on one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "kube/images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_KUBEIMAGES struct kubeimages k = { 0 };
	struct err e = { 0 };
	size_t i;

	if (kubeimages_read(&k, "input", (const char *)data, size, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
		return 0;
	}
	kubeimages_sort(&k);
	for (i = 0; i < k.n; i++)
		if (!kubeimages_is_name(k.v[i].image) || !utf8_is_line(k.v[i].object) || !utf8_is_line(k.v[i].part) ||
		    (i > 0 && strcmp(k.v[i - 1].image, k.v[i].image) > 0))
			abort();
	return 0;
}
