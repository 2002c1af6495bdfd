/* SHA-256: the examples of FIPS 180-4, data in pieces, and files around the size of the buffer. */
#include "base/sha256.h"

#include <unistd.h>

#include "tap.h"

static char million[1000000];

/* The digest of N bytes of DATA, added in pieces of PIECE bytes. */
static void digest(const char *data, size_t n, size_t piece, char hex[SHA256_HEX])
{
	struct sha256 *s = sha256_new();
	size_t at, len;

	hex[0] = '\0';
	if (s == NULL)
		return;
	for (at = 0; at < n; at += len) {
		len = n - at < piece ? n - at : piece;
		if (sha256_add(s, data + at, len) < 0)
			return;
	}
	if (sha256_end(s, hex) < 0)
		hex[0] = '\0';
}

static void test_vectors(void)
{
	static const struct {
		const char *text, *hex, *name;
	} v[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "no bytes" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "448 bits" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
		  "mnopqrstnopqrstu",
		    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1", "896 bits" },
	};
	char hex[SHA256_HEX];
	size_t i;

	for (i = 0; i < TAP_COUNT(v); i++) {
		digest(v[i].text, strlen(v[i].text), 1 << 20, hex);
		same(hex, v[i].hex, v[i].name);
		digest(v[i].text, strlen(v[i].text), 1, hex);
		same(hex, v[i].hex, "byte for byte");
	}
	digest(million, sizeof million, sizeof million, hex);
	same(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "a million times a");
	digest(million, sizeof million, 997, hex);
	same(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "in odd pieces");
}

static void test_pieces(void)
{
	static const size_t sizes[] = { 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000 };
	char whole[SHA256_HEX], pieces[SHA256_HEX];
	size_t i, piece;
	bool good;

	for (i = 0; i < TAP_COUNT(sizes); i++) {
		digest(million, sizes[i], sizes[i], whole);
		for (piece = 1, good = true; piece < 70; piece++) {
			digest(million, sizes[i], piece, pieces);
			good = good && strcmp(whole, pieces) == 0;
		}
		ok(good && strlen(whole) == 64, "%zu bytes in pieces of every size", sizes[i]);
	}
}

static void test_unfinished(void)
{
	struct sha256 *s = sha256_new();

	sha256_free(NULL);
	ok(s != NULL && sha256_add(s, "abc", 3) == 0 && sha256_add(s, "", 0) == 0, "an unfinished digest");
	sha256_free(s);
}

static void check_file(const char *path, size_t n)
{
	char hex[SHA256_HEX], want[SHA256_HEX];
	uint64_t size = 4711;
	struct err e = { .msg = "" };
	FILE *f = fopen(path, "we");

	if (f == NULL || fwrite(million, 1, n, f) != n || fclose(f) != 0)
		abort();
	digest(million, n, 64, want);
	ok(sha256_file(path, hex, &size, &e) == 0 && size == n, "a file of %zu bytes", n);
	same(hex, want, "its digest");
	ok(sha256_file(path, hex, NULL, &e) == 0 && strcmp(hex, want) == 0, "without its size");
}

static void test_file(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072, 1000000 };
	char path[] = "/tmp/sha256.XXXXXX", hex[SHA256_HEX];
	int fd = mkstemp(path);
	struct err e = { .msg = "" };
	uint64_t size = 4711;
	size_t i;

	if (fd < 0)
		abort();
	(void)close(fd);
	for (i = 0; i < TAP_COUNT(sizes); i++)
		check_file(path, sizes[i]);
	(void)unlink(path);
	ok(sha256_file("/nowhere/at/all", hex, &size, &e) == -1 && size == 4711, "a file that does not exist");
	same(e.msg, "/nowhere/at/all: No such file or directory", "the reason");
	ok(sha256_file("/", hex, &size, &e) == -1 && size == 4711, "a directory");
	same(e.msg, "/: Is a directory", "the reason");
}

int main(void)
{
	(void)memset(million, 'a', sizeof million);
	test_vectors();
	test_pieces();
	test_unfinished();
	test_file();
	return tap_end();
}
