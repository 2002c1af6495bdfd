/* Requirements of the host, as far as a test can control whether they are met. */
#include "host/requirements.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static struct host_answer a;

/* Binds a TCP socket of FAMILY to a free port of the loopback address. Returns the socket. */
static int bound(int family, unsigned *port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t n = family == AF_INET ? sizeof v4 : sizeof v6;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, address, n) < 0 || getsockname(fd, address, &n) < 0)
		return -1;
	*port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

static void test_ports(int family)
{
	unsigned port = 0;
	int fd = bound(family, &port);
	char want[32];

	if (fd < 0) {
		ok(family == AF_INET6, "no IPv6 here");
		return;
	}
	host_ports(&a, &port, 1);
	ok(a.grade == HOST_GOOD, "a port that is only bound: %s", a.text);
	ok(listen(fd, 1) == 0, "listen");
	host_ports(&a, (const unsigned[]){ port, port }, 2);
	(void)snprintf(want, sizeof want, "in use: %u %u;", port, port);
	ok(a.grade == HOST_BAD && strstr(a.text, want) != NULL, "a port that is listened on: %s", a.text);
	(void)close(fd);
	host_ports(&a, &port, 1);
	same(a.text, "free", "after it was closed");
	host_ports(&a, NULL, 0);
	ok(a.grade == HOST_GOOD, "no ports");
}

static void test_limits(void)
{
	const struct rlimit few = { 100, 100 };

	ok(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
	host_limits(&a);
	ok(a.grade == HOST_BAD && strncmp(a.text, "100 open files; 4096 are", 24) == 0, "few files: %s", a.text);
}

static void test_networks(void)
{
	host_networks(&a, "127.1.2.3/8");
	same(a.text, "127.0.0.0/8 is in use on this machine (lo 127.0.0.1/8); nodes cannot reach hosts in it",
	    "every machine has the address 127.0.0.1");
	ok(a.grade == HOST_NOTE, "which is a note");
	host_networks(&a, "127.0.1.1/32");
	same(a.text, "127.0.1.1/32 is in use on this machine (lo 127.0.0.1/8); nodes cannot reach hosts in it",
	    "a network that lies in the machine's");
	host_networks(&a, "fd00::1/64");
	ok(a.grade == HOST_BAD, "not an IPv4 network");
	same(a.text, "[network] address = fd00::1/64 is not an IPv4 ADDRESS/LENGTH", "as it is said");
}

int main(void)
{
	test_ports(AF_INET);
	test_ports(AF_INET6);
	test_limits();
	test_networks();
	host_accel(&a, "kvm");
	ok(a.grade == HOST_GOOD, "ACCEL=kvm is not checked");
	host_accel(&a, "tcg");
	ok(a.grade == HOST_NOTE, "emulation is a note");
	host_memory(&a, 0, 0);
	ok(a.grade == HOST_GOOD, "no memory: %s", a.text);
	host_memory(&a, 1ULL << 40, 7);
	ok(strstr(a.text, " need 1099511627783 (7 of it for code ") != NULL, "the cache of the emulation counts: %s",
	    a.text);
	host_memory(&a, UINT64_MAX, 0);
	ok(a.grade == HOST_BAD, "too much memory: %s", a.text);
	host_disk(&a, "/nonexistent", 1);
	ok(a.grade == HOST_BAD, "no directory: %s", a.text);
	host_disk(&a, "/", 1);
	ok(a.grade == HOST_GOOD, "a byte: %s", a.text);
	host_disk(&a, "/", UINT64_MAX);
	ok(a.grade == HOST_BAD, "too much space: %s", a.text);
	return tap_end();
}
