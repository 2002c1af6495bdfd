/* Image references and "LAYOUT[:TAG]". */
#include "oci/ref.h"

#include "tap.h"

static void takes(const char *text, const char *host, const char *repo, const char *tag, const char *hex)
{
	struct err e = { .msg = "" };
	struct ref r;

	ok(ref_parse(&r, text, &e) == 0, "'%s' is taken", text);
	if (e.msg[0] != '\0')
		(void)printf("# %.80s\n", e.msg);
	same(r.host != NULL ? r.host : "", host, "its host");
	same(r.repo != NULL ? r.repo : "", repo, "its repository");
	same(r.tag != NULL ? r.tag : "-", tag, "its tag");
	same(r.hex != NULL ? r.hex : "-", hex, "its digest");
	ref_free(&r);
}

static void refuses(const char *text)
{
	struct err e = { .msg = "" };
	struct ref r;

	ok(ref_parse(&r, text, &e) == -1 && e.msg[0] != '\0', "'%.60s' is refused", text);
	ref_free(&r);
}

static void splits(const char *text, const char *dir, const char *tag)
{
	const char *got;
	char *d = ref_layout(text, &got);

	ok(d != NULL && strcmp(d, dir) == 0 && strcmp(got != NULL ? got : "-", tag) == 0, "'%s' is '%s' and '%s'", text,
	    dir, tag);
	free(d);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_lengths(void)
{
	char text[400];

	(void)snprintf(text, sizeof text, "h/%0255d", 0);
	takes(text, "h", text + 2, "-", "-");
	(void)snprintf(text, sizeof text, "h/%0256d", 0);
	refuses(text);
	(void)snprintf(text, sizeof text, "h/a:%0128d", 0);
	takes(text, "h", "a", text + 4, "-");
	(void)snprintf(text, sizeof text, "h/a:%0129d", 0);
	refuses(text);
}

int main(void)
{
	static const char *const bad[] = { "", "a", "/a", "h/", "h/A", "h/a//b", "h/a/", "h/-a", "h/a-", "h/a..b",
		"h/a.-b", "h/a___b", "h/a/../b", "h/a:", "h/a:.x", "h/a:-x", "h/a:b:c", "h/a@sha256:12", "h/a@" HEX,
		"h/a@sha512:" HEX, "h/a@sha256:" HEX "0", "u@h/a", "h:0/a", "h:x/a", "::1/a", "[::1/a", "[fe80::1%1]/a",
		"h?/a", "h/a?x", "h/a b", "https://h/a" };
	size_t i;

	takes("registry.example/team/app:v1", "registry.example", "team/app", "v1", "-");
	takes("h:5000/a", "h:5000", "a", "-", "-");
	takes("[::1]:5000/a", "[::1]:5000", "a", "-", "-");
	takes("h/a__b/c---d.e_f/9:_X.y-z", "h", "a__b/c---d.e_f/9", "_X.y-z", "-");
	takes("docker.io/busybox", "docker.io", "library/busybox", "-", "-");
	takes("docker.io/a/b:c", "docker.io", "a/b", "c", "-");
	takes("h/a@sha256:" HEX, "h", "a", "-", HEX);
	takes("h/a:t@sha256:" HEX, "h", "a", "t", HEX);
	for (i = 0; i < TAP_COUNT(bad); i++)
		refuses(bad[i]);
	splits("out", "out", "-");
	splits("out:tag", "out", "tag");
	splits("dir/out:localhost/x:1", "dir/out", "localhost/x:1");
	splits("out:", "out", "");
	test_lengths();
	return tap_end();
}
