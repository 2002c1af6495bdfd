/* Numbers, sizes and deadlines, at their limits. */
#include "base/num.h"

#include <limits.h>

#include "tap.h"

static void parses(const char *s, int64_t min, int64_t max, int64_t want)
{
	int64_t got = 4711;

	ok(num_parse(s, min, max, &got) == 0 && got == want, "'%s' is %lld", s, (long long)want);
}

static void refuses(const char *s, int64_t min, int64_t max)
{
	int64_t got = 4711;

	ok(num_parse(s, min, max, &got) == -1 && got == 4711,
	    "'%s' is not a number from %lld to %lld, and OUT is unchanged", s, (long long)min, (long long)max);
}

static void is_size(const char *s, uint64_t want)
{
	uint64_t got = 4711;

	ok(num_size(s, &got) == 0 && got == want, "'%s' is %llu bytes", s, (unsigned long long)want);
}

static void test_parse(void)
{
	static const char *const bad[] = { "", " ", "-", "--1", "+1", " 1", "1 ", "1\n", "1a", "a", "0x10", "1e3",
		"1.0", "1,000", "\xd9\xa1", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"99999999999999999999999999999999" };
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		refuses(bad[i], INT64_MIN, INT64_MAX);
	parses("0", 0, 0, 0);
	parses("-0", 0, 0, 0);
	parses("-1", -1, -1, -1);
	parses("010", 0, 10, 10);
	parses("00000000000000000000000000000001", 0, 1, 1);
	parses("9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX);
	parses("-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN);
	parses("1", 1, 65535, 1);
	parses("65535", 1, 65535, 65535);
	refuses("0", 1, 65535);
	refuses("65536", 1, 65535);
	refuses("-1", 0, 65535);
	refuses("-1", 1, 65535);
	refuses("1", 2, 1);
}

static void test_size(void)
{
	static const char *const bad[] = { "", "K", "-1", "-1K", "+1", " 1", "1 ", "1 K", "1KB", "1KiB", "1KK", "1P",
		"1B", "1b", "1.5G", "0x1", "1\n", "18446744073709551616", "18014398509481984K", "17592186044416M",
		"17179869184G", "16777216T", "99999999999999999999T" };
	uint64_t got = 4711;
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		ok(num_size(bad[i], &got) == -1 && got == 4711, "'%s' is not a size, and BYTES is unchanged", bad[i]);
	is_size("0", 0);
	is_size("0T", 0);
	is_size("1", 1);
	is_size("1K", 1024);
	is_size("1k", 1024);
	is_size("3M", 3 * 1048576);
	is_size("3m", 3 * 1048576);
	is_size("4G", 4294967296);
	is_size("4g", 4294967296);
	is_size("2T", 2199023255552);
	is_size("2t", 2199023255552);
	is_size("18446744073709551615", UINT64_MAX);
	is_size("18014398509481983K", UINT64_MAX - 1023);
	is_size("17592186044415M", UINT64_MAX - 1048575);
	is_size("17179869183G", UINT64_MAX - 1073741823);
	is_size("16777215T", UINT64_MAX - 1099511627775);
}

static void test_clock(void)
{
	int64_t a = now_ms(), b = now_ms();

	ok(a > 0 && b >= a, "the clock does not go back");
	ok(ms_left(a) == 0, "0 ms are left until the present");
	ok(ms_left(INT64_MIN / 2) == 0 && ms_left(0) == 0 && ms_left(-1) == 0, "and until any time in the past");
	ok(ms_left(INT64_MAX) == INT_MAX, "a distant deadline gives INT_MAX");
	ok(ms_left(now_ms() + INT_MAX + 1000000LL) == INT_MAX, "so does one just beyond INT_MAX");
	a = ms_left(now_ms() + 1000000);
	ok(a > 0 && a <= 1000000, "at most 1000 s are left until 1000 s from now");
}

int main(void)
{
	test_parse();
	test_size();
	test_clock();
	return tap_end();
}
