/* UTF-8 (RFC 3629): the first and last character of each length, and what is refused. */
#include "base/utf8.h"

#include "tap.h"

/* Checks S alone and between other characters, in memory of exactly its size. */
static void check(const char *s, bool want, const char *name)
{
	static const char *const around[][2] = { { "", "" }, { "a", "b" }, { "\xc3\xa4", "\xc3\xa4" } };
	char *text;
	size_t i;

	for (i = 0; i < TAP_COUNT(around); i++) {
		if (asprintf(&text, "%s%s%s", around[i][0], s, around[i][1]) < 0)
			abort();
		ok(utf8_is_line(text) == want, "%s: '%s' is %saccepted", name, text, want ? "" : "not ");
		free(text);
	}
}

static void test_good(void)
{
	check("", true, "nothing");
	check(" !\"#$%&'()*+,-./0123456789:;<=>?@AZ[\\]^_`az{|}~", true, "ASCII");
	check("\xc2\xa0", true, "U+00A0, the first of two bytes that is no control character");
	check("\xdf\xbf", true, "U+07FF");
	check("\xe0\xa0\x80", true, "U+0800");
	check("\xed\x9f\xbf", true, "U+D7FF");
	check("\xee\x80\x80", true, "U+E000");
	check("\xef\xbf\xbf", true, "U+FFFF");
	check("\xf0\x90\x80\x80", true, "U+10000");
	check("\xf4\x8f\xbf\xbf", true, "U+10FFFF");
	check("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80", true, "all lengths");
}

static void test_control(void)
{
	char s[3] = "";
	int c;

	for (c = 1; c < 32; c++) {
		s[0] = (char)c;
		check(s, false, "a control character");
	}
	check("\x7f", false, "DEL");
	s[0] = '\xc2';
	for (c = 0x80; c < 0xa0; c++) {
		s[1] = (char)c;
		check(s, false, "a control character of two bytes");
	}
}

static void test_bad(void)
{
	static const struct {
		const char *s, *name;
	} bad[] = {
		{ "\x80", "a continuation byte alone" },
		{ "\xbf", "another" },
		{ "\xc2", "two bytes, cut" },
		{ "\xe2\x82", "three bytes, cut" },
		{ "\xe2", "three bytes, cut at the first" },
		{ "\xf0\x9f\x98", "four bytes, cut" },
		{ "\xf0\x9f", "four bytes, cut at the second" },
		{ "\xf0", "four bytes, cut at the first" },
		{ "\xe2\x82\xc0", "no continuation byte at the end" },
		{ "\xe2\x28\xa1", "no continuation byte in the middle" },
		{ "\xc0\x80", "U+0000 in two bytes" },
		{ "\xc0\xaf", "/ in two bytes" },
		{ "\xc1\xbf", "U+007F in two bytes" },
		{ "\xe0\x80\xaf", "/ in three bytes" },
		{ "\xe0\x9f\xbf", "U+07FF in three bytes" },
		{ "\xf0\x80\x80\xaf", "/ in four bytes" },
		{ "\xf0\x8f\xbf\xbf", "U+FFFF in four bytes" },
		{ "\xed\xa0\x80", "U+D800, the first surrogate" },
		{ "\xed\xaf\xbf", "U+DBFF" },
		{ "\xed\xb0\x80", "U+DC00" },
		{ "\xed\xbf\xbf", "U+DFFF, the last surrogate" },
		{ "\xed\xa0\xbd\xed\xb8\x80", "a pair of surrogates" },
		{ "\xf4\x90\x80\x80", "U+110000" },
		{ "\xf5\x80\x80\x80", "U+140000" },
		{ "\xf7\xbf\xbf\xbf", "U+1FFFFF" },
		{ "\xf8\x88\x80\x80\x80", "five bytes" },
		{ "\xfc\x84\x80\x80\x80\x80", "six bytes" },
		{ "\xfe", "FE" },
		{ "\xff", "FF" },
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		check(bad[i].s, false, bad[i].name);
}

int main(void)
{
	test_good();
	test_control();
	test_bad();
	return tap_end();
}
