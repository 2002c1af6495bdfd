/* incremental: which earlier run a list continues, and from which checkpoint. */
#include <sys/stat.h>

#include "base/cleanup.h"
#include "stage/incremental.h"

#include "tap.h"

static char dir[] = "/tmp/incremental.XXXXXX";

/* Writes the file DIR/NAME, and creates its directories. */
static void put(const char *name, const char *text)
{
	char path[256], *slash;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	for (slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		(void)mkdir(path, 0777);
	}
	f = fopen(path, "we");
	if (f == NULL)
		abort();
	(void)fputs(text, f);
	(void)fclose(f);
}

static void check(const char *key, const char *want, const char *what)
{
	AUTO_WORDS struct words start = { 0 };
	char got[512] = "";
	struct err e = { 0 };
	size_t i;

	ok(incremental_start(&start, dir, "m-x", key, &e) == 0, "%s: no error", what);
	for (i = 0; i < start.n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s ",
		    i == 0 ? start.v[0] + strlen(dir) + 1 : start.v[i]);
	same(got, want, what);
}

#define HEAD "stage m-x\nconf a.b="
#define SPEC "\nconf stage m-x.incremental_files=a.b:/m/%{.yaml,/*}\n"

int main(void)
{
	AUTO_WORDS struct words start = { 0 };
	AUTO_FREE char *command = NULL;
	struct err e = { 0 };

	if (mkdtemp(dir) == NULL)
		return 1;
	ok(incremental_start(&start, dir, "m-x", "1", &e) == -1, "no inputs are an error");
	put("inputs/m-x.1", "stage m-x\nconf a.b=a b\n");
	check("1", "", "a stage without a list");
	put("inputs/m-x.2", "conf a.b=a b\nconf stage m-x.incremental_files=a.b:/m/% a.c:/n/%\n");
	check("2", "", "a stage with two lists");

	put("m-x.aa/stamp", "");
	put("m-x.aa/inputs", HEAD "a.1" SPEC "file m/a.1.yaml 11\nneed p 00\n");
	put("inputs/m-x.3", HEAD
	    "a.1 b c" SPEC "file m/a.1.yaml 11\nfile m/b/sub/b c d 22 x\nfile m/b/z 33\nfile m/c.yaml 44\nneed p 00\n");
	check("3", "", "a run without a checkpoint");
	put("m-x.aa/checkpoint/conf", "");
	check("3", "m-x.aa/checkpoint a.1 ", "one with a checkpoint");
	put("m-x.bb/checkpoint/conf", "");
	put("m-x.bb/inputs",
	    HEAD "a.1 b" SPEC "file m/a.1.yaml 11\nfile m/b/sub/b c d 22 x\nfile m/b/z 33\nneed p 00\n");
	check("3", "m-x.aa/checkpoint a.1 ", "a longer one that has not ended");
	put("m-x.bb/stamp", "");
	check("3", "m-x.bb/checkpoint a.1 b ", "the longer one; every file of a directory belongs to its word");
	put("r.cc/inputs", "stage r\nneed m-x bb00\n");
	put("r.dd/inputs", "stage r\nneed m-x bc00\nneed m-xbb 00\n");
	put("r.dd/checkpoint/conf", "");
	check("3", "m-x.bb/checkpoint a.1 b ", "a stage after another run, and one without a checkpoint");
	put("r.cc/checkpoint/conf", "");
	check("3", "r.cc/checkpoint a.1 b ", "the stage after it");

	put("inputs/m-x.4",
	    HEAD "a.1 b c" SPEC "file m/a.1.yaml 11\nfile m/a21.yaml 11\nfile m/b/z 33\nfile m/c.yaml 44\nneed p 00\n");
	check("4", "", "a file that belongs to no word; a dot in a word stands only for a dot");
	put("inputs/m-x.5",
	    HEAD "a.1 b c" SPEC "file m/a.1.yaml 11\nfile m/b/sub/b c d 22\nfile m/b/z 33\nneed p 00\n");
	check("5", "m-x.aa/checkpoint a.1 ", "a file with another mode");
	put("inputs/m-x.6", HEAD "a.1 b c" SPEC "file m/a.1.yaml 11\nneed p 01\n");
	check("6", "", "another parent");
	put("inputs/m-x.7", HEAD "a.1" SPEC "file m/a.1.yaml 11\nneed p 00\n");
	check("7", "", "nothing new");
	put("inputs/m-x.8", HEAD "a.12 b" SPEC "file m/a.12.yaml 11\nneed p 00\n");
	check("8", "", "a word that only begins like the earlier one");
	put("m-x.ff/stamp", "");
	put("m-x.ff/checkpoint/conf", "");
	put("m-x.ff/inputs",
	    "conf a.b=h\nconf stage m-x.incremental_files=a.b:-+h/%\nfile h/h 11\nfile inherited/h/h 22\n");
	put("inputs/m-x.9", "conf a.b=h i\nconf stage m-x.incremental_files=a.b:-+h/%\n"
			    "file h/h 11\nfile h/i 33\nfile inherited/h/h 22\nfile inherited/h/i 44\n");
	check("9", "m-x.ff/checkpoint h ", "signs before the pattern; an inherited file belongs to the same word");
	put("m-x.ee/stamp", "");
	put("m-x.ee/inputs/x", "");
	check("3", "r.cc/checkpoint a.1 b ", "a run whose inputs cannot be read");
	if (asprintf(&command, "rm -r %s", dir) < 0 || system(command) != 0)
		return 1;
	return tap_end();
}
