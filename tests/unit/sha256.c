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

static void test_parse(void)
{
	static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	char text[80], digest[80];
	const char *got;

	(void)snprintf(digest, sizeof digest, "sha256:%s", hex);
	got = sha256_parse(digest);
	ok(got == digest + 7, "the digits of a digest");
	ok(sha256_is_hex(hex) && !sha256_is_hex(digest) && sha256_parse(hex) == NULL, "with and without sha256:");
	ok(!sha256_is_hex(NULL) && sha256_parse(NULL) == NULL, "no text");
	ok(!sha256_is_hex("") && sha256_parse("") == NULL && sha256_parse("sha256:") == NULL, "empty text");
	(void)snprintf(text, sizeof text, "sha256:%.63s", hex);
	ok(!sha256_is_hex(text + 7) && sha256_parse(text) == NULL, "63 digits");
	(void)snprintf(text, sizeof text, "sha256:%s0", hex);
	ok(!sha256_is_hex(text + 7) && sha256_parse(text) == NULL, "65 digits");
	(void)snprintf(text, sizeof text, "sha256:E%s", hex + 1);
	ok(!sha256_is_hex(text + 7) && sha256_parse(text) == NULL, "upper case");
	(void)snprintf(text, sizeof text, "sha256:../%s", hex + 3);
	ok(!sha256_is_hex(text + 7) && sha256_parse(text) == NULL, "other characters");
	(void)snprintf(text, sizeof text, "sha512:%s", hex);
	ok(sha256_parse(text) == NULL, "another algorithm");
}

int main(void)
{
	(void)memset(million, 'a', sizeof million);
	test_vectors();
	test_pieces();
	test_unfinished();
	test_file();
	test_parse();
	return tap_end();
}
