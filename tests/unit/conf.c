/* Settings files: parsing and its errors, and writing files that read back the same. */
#include "base/conf.h"

#include "tap.h"

static void value_is(const char *text, const char *value, const char *origin)
{
	AUTO_CONF struct conf c = { 0 };
	struct err e = { 0 };
	const struct conf_line *l;

	ok(conf_parse(&c, text, strlen(text), "f", &e) == 0 && c.n == 1, "%s %s", text, e.msg);
	l = conf_find(&c, "A");
	same(l != NULL ? l->value : "none", value, "its value");
	same(l != NULL && l->origin != NULL ? l->origin : "", origin, "its origin");
}

static void test_values(void)
{
	value_is("A=b", "b", "");
	value_is("A=", "", "");
	value_is("A=\n", "", "");
	value_is("# c\n\n \t\nA=''\n  # d\n", "", "");
	value_is("A=b  # default", "b", "default");
	value_is("A=b # a # b \n", "b", "a # b");
	value_is("A=b #", "b", "");
	value_is("A=b#c", "b#c", "");
	value_is("A='it'\\''s'", "it's", "");
	value_is("A='$(x) \"#'", "$(x) \"#", "");
	value_is("A=a\\ b\\;c\\$d\\(e\\)", "a b;c$d(e)", "");
	value_is("A=x\nA=y\n", "y", "");
	value_is("A=(a 'b c' '')", "a b c ", "");
	value_is("A=()", "", "");
}

static void refused(const char *text, size_t n)
{
	AUTO_CONF struct conf c = { 0 };
	struct err e = { 0 };

	ok(conf_parse(&c, text, n, "f", &e) < 0, "%s", text);
	ok(strncmp(e.msg, "f:1: not a setting: ", 20) == 0, "%s", e.msg);
}

static void test_errors(void)
{
	static const char *const texts[] = { "A", "=b", "1=b", "A B=c", " A=b", "A =b", "A=b c", "A=$b", "A=`b`",
		"A=b;c", "A=b&", "A=b|c", "A=<(b)", "A=\"b\"", "A='b", "A=b\\", "A=(b", "A=(b $c)", "A=( b)", "A=(b )",
		"A=(b  c)", "A=(b)c", "A=b)", "A[0]=b", "A+=b", "export A=b", ". ./x" };
	size_t i;

	for (i = 0; i < TAP_COUNT(texts); i++)
		refused(texts[i], strlen(texts[i]));
	refused("A=\0b", 4);
}

static void test_write(void)
{
	static const char *const values[] = { "", "a", "a b", "it's", "'", "a\\b", "$x", "#", "(", "\t", "\xff" };
	AUTO_CONF struct conf c = { 0 }, again = { 0 };
	struct err e = { 0 };
	char name[16], *out = NULL;
	size_t n = 0, i;
	FILE *f = open_memstream(&out, &n);

	for (i = 0; i < TAP_COUNT(values); i++) {
		(void)snprintf(name, sizeof name, "N%zu", i);
		ok(conf_set(&c, name, values[i], i % 2 == 0 ? "here" : NULL, &e) == 0, "set");
	}
	conf_write(f, &c);
	(void)fclose(f);
	ok(strncmp(out, "N0=''                                   # here\nN1=a\n", 52) == 0, "its form");
	ok(conf_parse(&again, out, n, "f", &e) == 0 && again.n == c.n, "it can be read back: %s", e.msg);
	for (i = 0; i < again.n; i++) {
		same(again.v[i].value, values[i], "the same value");
		ok((again.v[i].origin != NULL) == (i % 2 == 0), "the same origin");
	}
	ok(conf_set(&c, "N", "a\nb", NULL, &e) < 0 && conf_find(&c, "N") == NULL, "a value of two lines is refused");
	same(e.msg, "N: a setting cannot have more than one line", "with the reason");
	free(out);
}

int main(void)
{
	test_values();
	test_errors();
	test_write();
	return tap_end();
}
