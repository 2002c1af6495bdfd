#include "host/requirements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cidr.h"
#include "base/cleanup.h"
#include "base/meminfo.h"
#include "vm/kvm.h"

enum { FILES_MIN = 4096, TCP_LISTEN = 10 };

static void answer(struct host_answer *a, enum host_grade grade, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void answer(struct host_answer *a, enum host_grade grade, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	a->grade = grade;
	(void)vsnprintf(a->text, sizeof a->text, fmt, ap);
	va_end(ap);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

void host_accel(struct host_answer *a, const char *accel)
{
	if (*accel != '\0' ? strcmp(accel, "kvm") == 0 : vm_kvm_usable())
		answer(a, HOST_GOOD, "kvm");
	else if (exists("/dev/kvm"))
		answer(a, HOST_NOTE,
		    "tcg, 10 to 20 times slower: /dev/kvm exists but the processor has neither vmx nor svm "
		    "(a nested machine); ACCEL=kvm uses it anyway");
	else
		answer(a, HOST_NOTE,
		    "tcg, 10 to 20 times slower: no /dev/kvm; enable virtualization in the firmware, or load kvm_intel "
		    "or kvm_amd");
}

void host_tun(struct host_answer *a)
{
	struct stat st;

	if (stat("/dev/net/tun", &st) == 0 && S_ISCHR(st.st_mode))
		answer(a, HOST_GOOD, "/dev/net/tun");
	else
		answer(a, HOST_BAD, "no /dev/net/tun; run 'modprobe tun'");
}

void host_cgroups(struct host_answer *a)
{
	if (exists("/sys/fs/cgroup/cgroup.controllers"))
		answer(a, HOST_GOOD, "v2");
	else if (exists("/sys/fs/cgroup/memory"))
		answer(a, HOST_NOTE, "v1 or hybrid: crun may refuse it; runc is then used automatically");
	else
		answer(a, HOST_BAD, "not mounted at /sys/fs/cgroup");
}

void host_limits(struct host_answer *a)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		answer(a, HOST_BAD, "%s", strerror(errno));
	else if (limit.rlim_max == RLIM_INFINITY)
		answer(a, HOST_GOOD, "unlimited open files");
	else if (limit.rlim_max >= FILES_MIN)
		answer(a, HOST_GOOD, "%ju open files", (uintmax_t)limit.rlim_max);
	else
		answer(a, HOST_BAD, "%ju open files; %d are required (ulimit -Hn, /etc/security/limits.conf)",
		    (uintmax_t)limit.rlim_max, FILES_MIN);
}

void host_disk(struct host_answer *a, const char *dir, uint64_t required)
{
	const uint64_t tenth = (1 << 30) / 10; /* of a GiB; rounded down, so that too little never looks like enough */
	struct statvfs st;
	uint64_t free;

	if (statvfs(dir, &st) < 0) {
		answer(a, HOST_BAD, "%s: %s", dir, strerror(errno));
		return;
	}
	free = (uint64_t)st.f_bavail * st.f_frsize;
	if (free >= required)
		answer(a, HOST_GOOD, "%.1f GiB free in %s", (double)(free / tenth) / 10, dir);
	else
		answer(a, HOST_BAD,
		    "%.1f GiB free in %s; %.1f are required. 'make gc' removes outdated files; B= selects another "
		    "directory.",
		    (double)(free / tenth) / 10, dir, (double)required / (1 << 30));
}

void host_memory(struct host_answer *a, uint64_t memory, uint64_t cache)
{
	struct err e = { 0 };
	uint64_t available;
	char part[80] = "";

	if (cache != 0)
		(void)snprintf(part, sizeof part, " (%" PRIu64 " of it for code translated by the emulation)", cache);
	if (meminfo_available(&available, &e) < 0)
		answer(a, HOST_BAD, "%s", e.msg);
	else if (available >= memory + cache)
		answer(a, HOST_GOOD, "%" PRIu64 " MiB available", available);
	else
		answer(a, HOST_BAD,
		    "%" PRIu64 " MiB available, but the nodes need %" PRIu64 "%s; reduce NODES or MEMORY", available,
		    memory + cache, part);
}

/* Does a socket in the table PATH, of proc_pid_net(5), listen on PORT? */
static bool listens(const char *path, unsigned port)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	unsigned here, state;
	char line[512];

	/* "sl local_address remote_address st ...", the addresses as ADDRESS:PORT, all in hexadecimal */
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &here, &state) == 2 && here == port &&
		    state == TCP_LISTEN)
			return true;
	return false;
}

void host_ports(struct host_answer *a, const unsigned ports[], size_t n)
{
	char taken[512] = "";
	size_t length = 0, i;

	for (i = 0; i < n && length < sizeof taken - 8; i++)
		if (listens("/proc/net/tcp", ports[i]) || listens("/proc/net/tcp6", ports[i]))
			length += (size_t)snprintf(taken + length, sizeof taken - length, " %u", ports[i]);
	if (length == 0)
		answer(a, HOST_GOOD, "free");
	else
		answer(a, HOST_BAD,
		    "already in use:%s; set others (API_PORT, REGISTRY_PORT, SSH_PORT, PUBLISH), or none to use free "
		    "ones",
		    taken);
}

struct network {
	uint32_t address, mask; /* in the host's byte order */
	char text[INET_ADDRSTRLEN + sizeof "/32"];
};

/* Sets N to the network of the address TEXT, ADDRESS/LENGTH. Returns false if that is not one of IPv4. */
static bool parse_network(struct network *n, const char *text)
{
	char word[INET_ADDRSTRLEN];
	struct in_addr address;
	struct cidr c;

	if (cidr_parse(&c, text, strlen(text)) < 0 || c.family != AF_INET || c.length == 0)
		return false;
	n->mask = UINT32_MAX << (32 - c.length);
	n->address = ntohl(c.address.v4.s_addr) & n->mask;
	address.s_addr = htonl(n->address);
	if (inet_ntop(AF_INET, &address, word, sizeof word) == NULL)
		return false;
	(void)snprintf(n->text, sizeof n->text, "%s/%u", word, c.length);
	return true;
}

/* The address of I as NAME ADDRESS/LENGTH, if its network and N overlap. */
static bool overlaps(const struct ifaddrs *i, const struct network *n, char *text, size_t size)
{
	struct sockaddr_in address, mask;
	char word[INET_ADDRSTRLEN];
	uint32_t both;

	if (i->ifa_addr == NULL || i->ifa_netmask == NULL || i->ifa_addr->sa_family != AF_INET)
		return false;
	memcpy(&address, i->ifa_addr, sizeof address);
	memcpy(&mask, i->ifa_netmask, sizeof mask);
	/* The larger of two networks that overlap contains the other one. */
	both = n->mask & ntohl(mask.sin_addr.s_addr);
	if ((ntohl(address.sin_addr.s_addr) & both) != (n->address & both) ||
	    inet_ntop(AF_INET, &address.sin_addr, word, sizeof word) == NULL)
		return false;
	(void)snprintf(text, size, "%s %s/%d", i->ifa_name, word, __builtin_popcount(mask.sin_addr.s_addr));
	return true;
}

void host_networks(struct host_answer *a, const char *cidr)
{
	char text[IF_NAMESIZE + INET_ADDRSTRLEN + 8];
	struct ifaddrs *all = NULL, *i;
	struct network n;

	if (!parse_network(&n, cidr)) {
		answer(a, HOST_BAD, "[network] address = %s is not an IPv4 ADDRESS/LENGTH", cidr);
		return;
	}
	answer(a, HOST_GOOD, "%s is free", n.text);
	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i != NULL; i = i->ifa_next)
		if (overlaps(i, &n, text, sizeof text)) {
			answer(a, HOST_NOTE, "%s is in use on this machine (%s); nodes cannot reach hosts in it",
			    n.text, text);
			break;
		}
	freeifaddrs(all);
}
