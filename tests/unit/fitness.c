/* Whether the saved state of a cluster can still be used, by its conf and its certificates. */
#include "snapshot/fitness.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define NOW 1000000000 /* 2001-09-09 01:46:40 UTC */
#define DAY 86400

static EVP_PKEY *key;

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0700) < 0)
		abort();
}

/* Appends a certificate that is valid until T to the file PATH. */
static void add_cert(const char *path, time_t t)
{
	X509 *cert = X509_new();
	FILE *f = fopen(path, "ae");

	if (cert == NULL || f == NULL || X509_set_version(cert, 2) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
	    ASN1_TIME_set(X509_getm_notBefore(cert), 0) == NULL || ASN1_TIME_set(X509_getm_notAfter(cert), t) == NULL ||
	    X509_set_pubkey(cert, key) != 1 || X509_sign(cert, key, NULL) == 0 || PEM_write_X509(f, cert) != 1 ||
	    fclose(f) != 0)
		abort();
	X509_free(cert);
}

/* Checks a saved state whose conf is TEXT. Returns the result of fitness_check; E has the reason. */
static int answer(const char *text, struct err *e)
{
	*e = (struct err){ 0 };
	put("state/conf", text);
	return fitness_check("state", NOW, e);
}

static void test_times(void)
{
	struct err e;

	ok(answer("saved_at=1000000000\nexpires_at=1031536000\n", &e) == 1, "saved just now");
	ok(answer("saved_at=999913600\nexpires_at=1031449600\n", &e) == 1, "saved a day ago");
	ok(answer("saved_at=965440000\nexpires_at=\n", &e) == 1, "no certificates: usable forever");
	ok(answer("saved_at=965440000\n", &e) == 1, "the same without the line");
	ok(answer("saved_at=1000000300\n", &e) == 1, "five minutes in the future");
	ok(answer("saved_at=1000000301\n", &e) == 0, "later in the future");
	same(e.msg,
	    "this machine's clock (2001-09-09 01:46:40) is before the time at which it was saved (2001-09-09 01:51:41)",
	    "the reason");
	ok(answer("saved_at=999913600\nexpires_at=1000003601\n", &e) == 1,
	    "certificates that are valid for more than an hour");
	ok(answer("saved_at=999913600\nexpires_at=1000003600\n", &e) == 0, "an hour");
	same(e.msg, "its certificates expire at 2001-09-09 02:46:40 (it was saved at 2001-09-08 01:46:40)",
	    "the reason");
	ok(answer("saved_at=965440000\nexpires_at=996976000\n", &e) == 0, "certificates that have expired");
	same(e.msg, "its certificates expired at 2001-08-05 01:46:40 (it was saved at 2000-08-05 01:46:40)",
	    "the reason");
}

/* The other lines of a conf, and invalid ones. */
static void test_conf(void)
{
	static const char *const bad[] = { "", "saved_at=\n", "saved_at=x\n", "saved_at=-1\n", "saved_at=1#2\n",
		"saved_at=99999999999999999999\n", "saved_at=999913600\nexpires_at=never\n", "xsaved_at=999913600\n" };
	static const char *const not_settings[] = { "saved_at=1 2", "saved_at=1 2 # 3", " saved_at=999913600",
		"saved_at='999913600", "saved_at=\"999913600\"" };
	struct err e;
	size_t i;

	ok(answer("PROVIDER=mini\nIMAGE=localhost/x\\ y\nNICS=''\nsaved_at=999913600\nexpires_at=''\n", &e) == 1,
	    "a whole one");
	ok(answer("saved_at='999913600'\nexpires_at='1031449600'", &e) == 1, "quoted values, no newline at the end");
	ok(answer("saved_at=999913600                   # when\nexpires_at='' \n", &e) == 1, "a comment, and a space");
	for (i = 0; i < TAP_COUNT(bad); i++) {
		ok(answer(bad[i], &e) == 0, "bad conf %zu", i);
		same(e.msg, "state/conf: a time in it is missing or invalid", "the reason");
	}
	for (i = 0; i < TAP_COUNT(not_settings); i++) {
		char reason[128];

		(void)snprintf(reason, sizeof reason, "state/conf:1: not a setting: %s", not_settings[i]);
		ok(answer(not_settings[i], &e) == 0, "a line that is not a setting, %zu", i);
		same(e.msg, reason, "the reason");
	}
	if (unlink("state/conf") < 0)
		abort();
	ok(fitness_check("state", NOW, &e) == 0, "no conf");
	same(e.msg, "no saved state found", "the reason");
	ok(fitness_check("absent", NOW, &e) == 0, "no directory");
	make_dir("state/conf");
	ok(fitness_check("state", NOW, &e) == -1, "a conf that cannot be read is an error");
}

/* When the certificates under "pki" expire; -1: error, 0: there are none. */
static long long expires(struct err *e)
{
	time_t t = 0;
	int rc = fitness_expires("pki", &t, e);

	return rc == 1 ? (long long)t : rc;
}

static void test_expires(void)
{
	struct err e = { 0 };

	make_dir("pki");
	ok(expires(&e) == 0, "an empty directory");
	put("pki/ca.key", "no certificate\n");
	put("pki/crt", "no certificate\n");
	ok(expires(&e) == 0, "other files do not count");
	add_cert("pki/a.crt", NOW + 30 * DAY);
	ok(expires(&e) == NOW + 30 * DAY, "one certificate");
	make_dir("pki/etcd");
	make_dir("pki/etcd/deep.crt");
	add_cert("pki/etcd/b.crt", NOW + 40 * DAY);
	ok(expires(&e) == NOW + 30 * DAY, "a later one");
	add_cert("pki/etcd/deep.crt/c.crt", NOW + 10 * DAY);
	ok(expires(&e) == NOW + 10 * DAY, "an earlier one, deeper");
	add_cert("pki/a.crt", NOW + 5 * DAY);
	ok(expires(&e) == NOW + 5 * DAY, "a second one in a file");
	add_cert("elsewhere.crt", NOW + 4 * DAY);
	if (symlink("../elsewhere.crt", "pki/link.crt") < 0 || symlink("..", "pki/up") < 0)
		abort();
	ok(expires(&e) == NOW + 4 * DAY, "links to files are followed, to directories not");
	add_cert("pki/far.crt", 4102444800 + DAY);
	ok(expires(&e) == NOW + 4 * DAY, "a time after 2050, which has another encoding");
	put("pki/etcd/bad.crt", "no certificate\n");
	ok(expires(&e) == -1, "a file without a certificate");
	same(e.msg, "pki: etcd: bad.crt: not a file of valid certificates", "the reason");
	if (unlink("pki/etcd/bad.crt") < 0)
		abort();
	add_cert("pki/etcd/bad.crt", NOW + 50 * DAY);
	if (truncate("pki/etcd/bad.crt", 100) < 0)
		abort();
	ok(expires(&e) == -1, "a truncated certificate");
	ok(fitness_expires("absent", &(time_t){ 0 }, &e) == -1, "no directory");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int main(void)
{
	char dir[] = "/tmp/fitness.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0 || setenv("TZ", "UTC", 1) < 0)
		return EXIT_FAILURE;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (key == NULL)
		return EXIT_FAILURE;
	make_dir("state");
	test_times();
	test_conf();
	test_expires();
	EVP_PKEY_free(key);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_end();
}
