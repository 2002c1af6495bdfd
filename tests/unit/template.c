/* Templates: words, marks and their errors. */
#include "provider/template.h"

#include "tap.h"

static struct words values;

static void renders(const char *in, const char *want)
{
	struct err e = { 0 };
	char *out = NULL;
	size_t n = 0;

	if (template_render(&values, "t", in, strlen(in), &out, &n, &e) < 0) {
		ok(false, "'%s' is rendered: %s", in, e.msg);
		return;
	}
	same(out, want, "rendered");
	ok(n == strlen(want), "its length");
	free(out);
}

static void refused(const char *in, const char *want)
{
	struct err e = { 0 };
	char *out = NULL;
	size_t n = 0;

	ok(template_render(&values, "t", in, strlen(in), &out, &n, &e) < 0 && out == NULL, "'%s' is refused", in);
	same(e.msg, want, "with the reason");
}

static void test_words(void)
{
	renders("", "");
	renders("a\nb", "a\nb");
	renders("@version@", "1.30.2");
	renders("v@version@, @api_address@\n", "v1.30.2, 192.168.66.101\n");
	renders("@repository@/@pause@ @pod_cidr@ @volumes@", "r.example/3.9 10.0.0.0/8 4");
	renders("@tools_image@", "r.example/kubestamp-tools:7");
	renders("@flannel_image@", "r.example/flannel:v2");
	renders("{ @feature_gates@ } @feature_gates_flag@", "{ A: true, B: false } A=true,B=false");
	renders("@own@ @other@", "a & \\1 @version@ y");
	renders("a@b @@ @A@ @a1@ @ version@ @version", "a@b @@ @A@ @a1@ @ version@ @version");
	renders("@version@version@", "1.30.2version@");
	refused("a @nothing@", "t: @nothing@ has no value in provider.ini");
	refused("@empty@", "t: @empty@ has no value in provider.ini");
}

static void test_marks(void)
{
	renders("@cni=flannel@a\n@cni=bridge@b\nc\n", "a\nc\n");
	renders("@version?@a\n@nothing?@b @nothing@\nc", "a\nc");
	renders("@version?@@cni=flannel@a\n@version?@@cni=x@b\n", "a\n");
	renders("@version?@@version@", "1.30.2");
	renders("a @cni=bridge@", "a @cni=bridge@");
	renders("@cni=@\n@cni=A@\n@cni", "@cni=@\n@cni=A@\n@cni");
	refused("@include x\n", "t: cannot include a file (kubeadm_api = v1beta3): x: No such file or directory");
	refused("a\n@include y.@kubeadm_api@.yaml",
	    "t: cannot include a file (kubeadm_api = v1beta3): y.v1beta3.yaml: No such file or directory");
}

static void test_define(void)
{
	struct err e = { 0 };

	ok(template_define(&values, "a", &e) < 0 && template_define(&values, "=a", &e) < 0 &&
		template_define(&values, "A=b", &e) < 0 && template_define(&values, "a b=c", &e) < 0,
	    "definitions of other forms are refused");
	ok(template_define(&values, "kubernetes_version=2", &e) == 0, "defined again");
	renders("@version@", "2");
}

int main(void)
{
	static const char *const definitions[] = { "kubernetes_version=1.30.2", "kubernetes_kubeadm_api=v1beta3",
		"kubernetes_feature_gates=A=true B=false", "network_first_node=192.168.66.100", "network_cni=flannel",
		"network_pod_cidr=10.0.0.0/8", "images_repository=r.example", "images_tools=7", "images_flannel=v2",
		"images_pause=3.9", "storage_volumes=4", "own=a & \\1 @version@", "other=y", "empty=" };
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < TAP_COUNT(definitions); i++)
		ok(template_define(&values, definitions[i], &e) == 0, "%s", definitions[i]);
	test_words();
	test_marks();
	test_define();
	words_free(&values);
	return tap_end();
}
