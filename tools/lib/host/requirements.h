/* What a cluster needs of the machine that it runs on. Each function checks one requirement. */
#ifndef KS_HOST_REQUIREMENTS_H
#define KS_HOST_REQUIREMENTS_H

#include <stddef.h>
#include <stdint.h>

enum host_grade {
	HOST_GOOD,
	HOST_NOTE, /* a cluster runs, but slower or with a limitation */
	HOST_BAD,
};

struct host_answer {
	enum host_grade grade;
	char text[1024]; /* what was found; what to do about it, unless it is good */
};

/* ACCEL is kvm, tcg, or "": detected. */
void host_accel(struct host_answer *a, const char *accel);

void host_tun(struct host_answer *a);
void host_cgroups(struct host_answer *a);

/* The limit of open files. */
void host_limits(struct host_answer *a);

/* Are REQUIRED bytes free in the directory DIR? */
void host_disk(struct host_answer *a, const char *dir, uint64_t required);

/* Are MEMORY MiB available for the nodes, and CACHE MiB for the code that QEMU translates under emulation? */
void host_memory(struct host_answer *a, uint64_t memory, uint64_t cache);

/* Does nobody listen on any of the N TCP PORTS? */
void host_ports(struct host_answer *a, const unsigned ports[], size_t n);

/* Does no interface have an address in the nodes' network? CIDR is the address of their bridge, ADDRESS/LENGTH. */
void host_networks(struct host_answer *a, const char *cidr);

#endif
