/* Parsing WWW-Authenticate. */
#include "registry/challenge.h"

#include "tap.h"

static void means(const char *text, bool basic, bool bearer, const char *realm, const char *service)
{
	struct challenge c = { 0 };

	ok(challenge_add(&c, text) == 0 && c.basic == basic && c.bearer == bearer, "'%s'", text);
	same(c.realm != NULL ? c.realm : "-", realm, "its realm");
	same(c.service != NULL ? c.service : "-", service, "its service");
	challenge_free(&c);
}

int main(void)
{
	means("Basic realm=\"x\"", true, false, "-", "-");
	means("basic", true, false, "-", "-");
	means("Bearer realm=\"https://a/t\",service=\"r\",scope=\"x\"", false, true, "https://a/t", "r");
	means("BEARER Service = r , Realm = \"https://a/t\"", false, true, "https://a/t", "r");
	means("Bearer realm=https://a/t?x=y,service=r", false, true, "https://a/t?x=y", "r");
	means("Bearer realm=\"a\\\"b\\\\c, Basic\"", false, true, "a\"b\\c, Basic", "-");
	means("Basic realm=\"b\", Bearer realm=\"https://a/t\"", true, true, "https://a/t", "-");
	means("Bearer realm=\"one\", Bearer realm=\"two\",service=\"s\"", false, true, "one", "s");
	means("Negotiate abc==, NTLM, Basic realm=\"x\"", true, false, "-", "-");
	means("Digest realm=\"d\",service=\"s\"", false, false, "-", "-");
	means("Bearer realm=\"unfinished", false, true, "unfinished", "-");
	means("Bearer realm=", false, true, "", "-");
	means("", false, false, "-", "-");
	means(",,\"x\",;", false, false, "-", "-");
	return tap_end();
}
