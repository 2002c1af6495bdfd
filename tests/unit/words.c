/* Lists of strings: adding, splitting, sorting, and their growth. */
#include "base/words.h"

#include "tap.h"

/* The words with | after each. */
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
		check(&w, texts[i][1], "into these");
	}
}

static void test_sort(void)
{
	AUTO_WORDS struct words w = { 0 };

	words_sort(&w);
	ok(w.n == 0, "no words, sorted, are none");
	ok(words_split(&w, "b B a \xc3\xa4 aa a 10 9 a b _ b") == 0, "words");
	ok(words_add(&w, "") == 0, "and an empty one");
	words_sort(&w);
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|", "are sorted by bytes, each once");
	words_sort(&w);
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|", "and stay so");
	ok(words_add(&w, "0") == 0, "a word more");
	check(&w, "|10|9|B|_|a|aa|b|\xc3\xa4|0|", "comes last");
	words_free(&w);
	ok(w.n == 0 && w.v == NULL, "freed is empty");
	ok(words_split(&w, "x x x x") == 0, "the same word");
	words_sort(&w);
	check(&w, "x|", "is there once");
}

static void test_has(void)
{
	AUTO_WORDS struct words w = { 0 };

	ok(!words_has(&w, "") && !words_has(&w, "a"), "an empty list has nothing");
	ok(words_split(&w, "ab cd") == 0 && words_has(&w, "ab") && words_has(&w, "cd"), "it has what was added");
	ok(!words_has(&w, "a") && !words_has(&w, "abc") && !words_has(&w, "AB") && !words_has(&w, ""),
	    "and nothing else");
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
	same(w.v[0], "first", "is the list's own copy");
	first = w.v[0];
	for (i = 1, good = true; i < 1000; i++)
		good = good && words_addf(&w, "%zu-%s", i, "x") == 0;
	ok(good && w.n == 1000, "1000 words");
	ok(w.v[0] == first, "the first stays where it is");
	for (i = 1; i < 1000 && good; i++) {
		(void)snprintf(number, sizeof number, "%zu-x", i);
		good = strcmp(w.v[i], number) == 0;
	}
	ok(good, "and all are in order");
}

int main(void)
{
	test_split();
	test_sort();
	test_has();
	test_growth();
	return tap_end();
}
