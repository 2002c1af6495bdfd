/* TAP output for the unit tests: any number of ok() and same(), then tap_end() as the last call of main. */
#ifndef KS_TAP_H
#define KS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_n, tap_failed;

/* Prints TEXT, escaping what TAP does not allow in the name of a test. */
static inline void tap_show(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~' || *text == '#')
			(void)printf("\\x%02x", (unsigned char)*text);
		else
			(void)putchar(*text);
}

static inline __attribute__((format(printf, 4, 5))) bool tap_ok(
    bool good, const char *file, int line, const char *fmt, ...)
{
	char *name = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&name, fmt, ap) < 0)
		abort();
	va_end(ap);
	(void)printf("%sok %d - ", good ? "" : "not ", ++tap_n);
	tap_show(name);
	(void)putchar('\n');
	if (!good)
		(void)printf("# at %s:%d\n", file, line);
	tap_failed += !good;
	free(name);
	return good;
}

static inline void tap_same(const char *got, const char *want, const char *file, int line, const char *name)
{
	if (tap_ok(strcmp(got, want) == 0, file, line, "%s", name))
		return;
	(void)printf("# got    '");
	tap_show(got);
	(void)printf("'\n# wanted '");
	tap_show(want);
	(void)printf("'\n");
}

/* ok(CONDITION, FORMAT, ...): it must be true. same(GOT, WANT, NAME): the strings must be equal. */
#define ok(good, ...) ((void)tap_ok((good), __FILE__, __LINE__, __VA_ARGS__))
#define same(got, want, name) tap_same((got), (want), __FILE__, __LINE__, (name))
#define TAP_COUNT(a) (sizeof(a) / sizeof *(a))

/* Prints the plan. Returns the exit status for main. */
static inline int tap_end(void)
{
	(void)printf("1..%d\n", tap_n);
	return tap_failed == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
