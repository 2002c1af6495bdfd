/* script_refs: what counts as a reference in a shell script, and what does not. */
#include <string.h>

#include "stage/script_refs.h"

#include "tap.h"

static void check(const char *text, const char *paths, const char *tools)
{
	AUTO_WORDS struct words p = { 0 }, t = { 0 };
	char got[512] = "";
	struct err e = { 0 };
	size_t i;

	ok(script_refs(text, strlen(text), &p, &t, &e) == 0, "read: %.40s", text);
	for (i = 0; i < p.n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", p.v[i]);
	same(got, paths, "paths");
	*got = '\0';
	for (i = 0; i < t.n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", t.v[i]);
	same(got, tools, "tools");
}

int main(void)
{
	check("", "", "");
	check(". \"$TOP/mk/sh/stage/lib.sh\"\n", "mk/sh/stage/lib.sh ", "");
	check("$TOP/mk/sh/a/b $TOP/mk/sh/a/b; \"$TOP\"/mk/sh/c/d.e-f_g", "mk/sh/a/b mk/sh/c/d.e-f_g ", "");
	check("install \"$TOP\"/mk/sh/cluster/run/*\n--volume \"$TOP/mk/sh/cluster/run:/usr:ro\"", "mk/sh/cluster/run ",
	    "");
	check("\t# see $TOP/mk/sh/no/one and $BIN/no\n#!/bin/bash $BIN/no", "", "");
	check("x=1 # after a word $BIN/yes", "", "yes ");
	check("\"$BIN/vmsave\" -v; '$BIN/renew' \"$BIN\"/fetch ${BIN}/ocipack \"${BIN}\"/regpull $BIN/vmsave", "",
	    "vmsave renew fetch ocipack regpull ");
	check("$BIN_KUBERNETES/kubectl \"$BINARY/x\" find \"$BIN\" -type f; BIN=/usr/bin; $BIN/", "", "");
	check("cp \"$IN_tools/bin/renew\" $IN_my_x/bin/a.so ${IN_tools}/bin/pause \"$IN_tools/bin/renew\"", "",
	    "renew a.so pause ");
	check(
	    "$IN_tools/bin \"$IN_tools\"/bin/no $IN_tools/binary/no ${IN_tools/bin/no IN_tools/bin/no $IN_tools/bin/*",
	    "", "");
	check("mk/sh/stage/lib.sh tmk/sh/x/y /mk/sh/", "", "");
	check("a sentence that ends with $TOP/mk/sh/a/b.", "mk/sh/a/b ", "");
	check("$TOP/mk/sh/a/b", "mk/sh/a/b ", "");
	return tap_end();
}
