/* Templates: rendered, or refused with an error that names the file; twice with the same result. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "provider/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const definitions[] = { "kubernetes_version=1.30.2", "kubernetes_kubeadm_api=v1beta3",
		"kubernetes_feature_gates=A=true B=false", "network_first_node=192.168.66.100", "network_cni=flannel",
		"images_repository=r.example", "images_tools=1", "storage_volumes=3", "name=x" };
	AUTO_WORDS struct words values = { 0 };
	AUTO_FREE char *out = NULL;
	AUTO_FREE char *again = NULL;
	struct err e = { 0 };
	size_t out_n = 0, again_n = 0, i;

	for (i = 0; i < sizeof definitions / sizeof *definitions; i++)
		if (template_define(&values, definitions[i], &e) < 0)
			abort();
	/* Nothing is included: the name is in a directory that does not exist. */
	if (template_render(&values, "/nonexistent/in", (const char *)data, n, &out, &out_n, &e) < 0) {
		if (strncmp(e.msg, "/nonexistent/", 13) != 0 && strstr(e.msg, "cannot include") == NULL)
			abort();
		return 0;
	}
	if (out[out_n] != '\0')
		abort();
	/* The same text gives the same result. */
	if (template_render(&values, "/nonexistent/in", (const char *)data, n, &again, &again_n, &e) < 0 ||
	    again_n != out_n || memcmp(out, again, out_n) != 0)
		abort();
	return 0;
}
