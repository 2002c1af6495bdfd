/* Lists of strings: adding, splitting, sorting and growing. */
#include "base/words.h"

#include "tap.h"

/* Compares the words, each followed by "|", with WANT. */
static void check(const struct words *w, const char *want, const char *name)
{
	char text[256] = "";
	size_t i;

	for (i = 0; i < w->n; i++) {
		(void)strncat(text, w->v[i], sizeof text - strlen(text) - 1);
		(void)strncat(text, "|", sizeof text - strlen(text) - 1);
	}
	same(text, want, name);
}

static void test_split(void)
{
	static const char *const texts[][2] = { { "", "" }, { " ", "" }, { "   ", "" }, { "a", "a|" }, { " a ", "a|" },
		{ "a b", "a|b|" }, { "  a   bc  d ", "a|bc|d|" }, { "a\tb\nc d", "a\tb\nc|d|" },
		{ "b a b", "b|a|b|" } };
	size_t i;

	for (i = 0; i < TAP_COUNT(texts); i++) {
		AUTO_WORDS struct words w = { 0 };

		ok(words_split(&w, texts[i][0]) == 0, "'%s' is split", texts[i][0]);
		check(&w, texts[i][1], "into these words");
	}
}

static void test_sort(void)
{
	AUTO_WORDS struct words w = { 0 };

	words_sort(&w);
	ok(w.n == 0, "an empty list can be sorted");
	ok(words_split(&w, "b B a \xc3\xa4 aa a 10 9 a b _ b") == 0, "words are added");
	ok(words_add(&w, "") == 0, "and an empty one");
	words_sort(&w);
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|", "they are sorted by byte values, without duplicates");
	words_sort(&w);
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|", "sorting again changes nothing");
	ok(words_add(&w, "0") == 0, "one more word");
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|0|", "it is appended");
	words_free(&w);
	ok(w.n == 0 && w.v == NULL, "a freed list is empty");
	ok(words_split(&w, "x x x x") == 0, "the same word several times");
	words_sort(&w);
	check(&w, "x|", "it is kept once");
}

static void test_has(void)
{
	AUTO_WORDS struct words w = { 0 };

	ok(!words_has(&w, "") && !words_has(&w, "a"), "an empty list has no word");
	ok(words_split(&w, "ab cd") == 0 && words_has(&w, "ab") && words_has(&w, "cd"),
	    "it has the words that were added");
	ok(!words_has(&w, "a") && !words_has(&w, "abc") && !words_has(&w, "AB") && !words_has(&w, ""), "and no others");
	ok(words_add(&w, "") == 0 && words_has(&w, ""), "an empty word is a word");
	ok(words_add(&w, "a b") == 0 && words_has(&w, "a b") && w.n == 4, "a word may have a space");
}

static void test_growth(void)
{
	AUTO_WORDS struct words w = { 0 };
	char text[] = "first", number[16];
	char *first;
	bool good;
	size_t i;

	ok(words_add(&w, text) == 0, "a first word");
	text[0] = 'F';
	same(w.v[0], "first", "the list has a copy of it");
	first = w.v[0];
	for (i = 1, good = true; i < 1000; i++)
		good = good && words_addf(&w, "%zu-%s", i, "x") == 0;
	ok(good && w.n == 1000, "1000 words");
	ok(w.v[0] == first, "the first one has not moved");
	for (i = 1; i < 1000 && good; i++) {
		(void)snprintf(number, sizeof number, "%zu-x", i);
		good = strcmp(w.v[i], number) == 0;
	}
	ok(good, "all are in order");
}

int main(void)
{
	test_split();
	test_sort();
	test_has();
	test_growth();
	return tap_end();
}
