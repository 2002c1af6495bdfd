/* What a virtual machine is made of, and the parsers of the options that describe its parts. */
#ifndef KS_VM_MACHINE_H
#define KS_VM_MACHINE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define VM_NICS 12
#define VM_DISKS 11 /* beside the root disk */
#define VM_FWS 16
#define VM_FORWARDS 8

enum vm_net { VM_TAP, VM_BRIDGE, VM_USER };

struct vm_nic {
	enum vm_net net;
	char ifname[IFNAMSIZ];          /* of the tap device or the bridge */
	char mac[18];                   /* lower case; empty: none was given */
	char forwards[VM_FORWARDS][64]; /* "tcp:127.0.0.1:2222-:22" */
	size_t nforwards;
};

struct vm_disk {
	char *path;      /* freed by vm_disk_free, as is NOW */
	char *now;       /* the overlay on PATH that a save has made, and the machine uses since; NULL: none */
	char serial[21]; /* virtio-blk takes 20 bytes; empty: none */
	char format[16]; /* "raw" or "qcow2"; empty: to be found out */
	bool readonly;
};

struct vm_fw {
	char name[56];    /* QEMU's limit, with the NUL */
	const char *file; /* points into the option's argument */
};

/* "tap=IFNAME|bridge=BR|user[,fwd=PROTO:[ADDR]:PORT-[ADDR]:PORT]...[,mac=MAC]". Returns 0 or -1. */
int vm_nic_parse(struct vm_nic *nic, const char *spec, struct err *e);

/* "FILE[,serial=S][,format=raw|qcow2][,readonly]"; FILE has no comma. Returns 0, or -1 (nothing to be freed). */
int vm_disk_parse(struct vm_disk *disk, const char *spec, struct err *e);
void vm_disk_free(struct vm_disk *disk);

/* "NAME=FILE", NAME starting with "opt/". Returns 0 or -1. */
int vm_fw_parse(struct vm_fw *fw, const char *spec, struct err *e);

/* A MAC address for NIC number I of VM: local, unicast, and the same each time. Returns 0 or -1. */
int vm_mac_make(char mac[18], const char *vm, size_t i, struct err *e);

/* True for a name that is fit for a VM: letters, digits and "._-", at most 63, starting with a letter or digit. */
bool vm_name_ok(const char *name);

/* True for an image format that we give to QEMU. */
bool vm_format_ok(const char *format);

#endif
