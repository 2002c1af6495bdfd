/* Quoting for sh and for make: each text is quoted and read back by the real programs. */
#include "base/quote.h"

#include <unistd.h>

#include "tap.h"

static const char *const texts[] = { "", "a", "a b", "'", "''", "'\\''", "a'b'c", "\"", "$HOME", "$(id)", "`id`", "\\",
	"\\\\", "\\'", "a\\", "a\\\\", "a\\\\\\", "#", "# a", "a # b", "\\#", "\\\\#", "\\\\\\#a", "a\\#b\\", "$", "$$",
	"$$$", "${x}", "$(x)", "$(", ")", "(", "{", "}", ",", "=", ":=", "a:=b", "+=", "-n", "-e", "%", "%s", "%n", "*",
	"?", "[a]", "~", "!", "!!", "&", "&&", "|", ";", "<", ">", "a  b", "a\tb", "\xc3\xa4\xe2\x82\xac", "\xff\x80",
	"define", "endef", "@", "$@", "\\$", "\\$(x)", "\\\\$x\\", "a\\ b", "\\t\\n", "a;b&c|d>e<f(g)h", "\x1b[0m",
	"ifeq (a,b)" };

static void write_text(const char *text, void (*quote)(FILE *, const char *), char **out)
{
	size_t n = 0;
	FILE *f = open_memstream(out, &n);

	if (f == NULL)
		abort();
	quote(f, text);
	if (fclose(f) != 0)
		abort();
}

/* The first SIZE - 1 bytes that COMMAND prints. */
static void output_of(const char *command, char *text, size_t size)
{
	FILE *f = popen(command, "re");
	size_t n;

	if (f == NULL)
		abort();
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	if (pclose(f) != 0)
		(void)snprintf(text, size, "the command failed");
}

static void test_forms(void)
{
	static const char *const sh[][2] = { { "", "''" }, { "a b", "'a b'" }, { "it's", "'it'\\''s'" },
		{ "'", "''\\'''" } };
	static const char *const mk[][2] = { { "", "" }, { "a b", "a b" }, { "$x", "$$x" }, { "#", "\\#" },
		{ "\\#", "\\\\\\#" }, { "a\\b", "a\\b" }, { "a\\", "a$(strip \\)" } };
	char *text = NULL;
	size_t i;

	for (i = 0; i < TAP_COUNT(sh); i++) {
		write_text(sh[i][0], quote_sh, &text);
		same(text, sh[i][1], "a word of sh");
		free(text);
	}
	for (i = 0; i < TAP_COUNT(mk); i++) {
		write_text(mk[i][0], quote_make, &text);
		same(text, mk[i][1], "a value of make");
		free(text);
	}
}

/* Uses the word twice, to see that the first one ends where it should. */
static void through_sh(const char *text)
{
	char *word = NULL, *command = NULL, want[256], got[256];

	write_text(text, quote_sh, &word);
	(void)snprintf(want, sizeof want, "<%s><%s>", text, text);
	if (asprintf(&command, "printf '<%%s>' %s %s", word, word) < 0)
		abort();
	output_of(command, got, sizeof got);
	same(got, want, "through sh");
	free(word);
	free(command);
}

/* The variable W shows that the value of V ends with its line. */
static void through_make(const char *text, const char *path)
{
	char *value = NULL, command[128], want[256], got[256];
	FILE *f = fopen(path, "we");

	if (f == NULL)
		abort();
	write_text(text, quote_make, &value);
	(void)fprintf(f, "V := %s\nW := after\n$(info <$(V)><$(W)>)\nall:;@:\n", value);
	if (fclose(f) != 0)
		abort();
	(void)snprintf(want, sizeof want, "<%s><after>\n", text);
	(void)snprintf(command, sizeof command, "env -u MAKEFLAGS -u MAKELEVEL make -s -f %s", path);
	output_of(command, got, sizeof got);
	same(got, want, "through make");
	free(value);
}

int main(void)
{
	char path[] = "/tmp/quote.XXXXXX";
	int fd = mkstemp(path);
	size_t i;

	if (fd < 0)
		abort();
	(void)close(fd);
	test_forms();
	for (i = 0; i < TAP_COUNT(texts); i++) {
		through_sh(texts[i]);
		through_make(texts[i], path);
	}
	(void)unlink(path);
	return tap_end();
}
