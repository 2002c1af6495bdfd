/* A virtual machine and its parts, and the parsers of the options that describe the parts. */
#ifndef KS_VM_MACHINE_H
#define KS_VM_MACHINE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"

#define VM_NICS 12
#define VM_DISKS 11 /* in addition to the root disk */
#define VM_FWS 16
#define VM_FORWARDS 8

/* The ids of the QEMU objects that other code refers to. */
#define VM_MEMORY "mem" /* RAM */
#define VM_GATE "gate"  /* followed by a NIC's number: the filter that holds back its packets */

/* Where a NIC's packets go: QEMU's netdev type. */
enum vm_net { VM_TAP, VM_BRIDGE, VM_USER };

struct vm_nic {
	enum vm_net net;
	char ifname[IFNAMSIZ];          /* of the tap device or the bridge; empty with VM_USER */
	char mac[MAC_TEXT];             /* lower case; empty: not given */
	char forwards[VM_FORWARDS][64]; /* QEMU's hostfwd rules: "tcp:127.0.0.1:2222-:22" */
	size_t nforwards;
};

struct vm_disk {
	char *path;      /* allocated */
	char *top;       /* top overlay on PATH if vmsave has added any (vm/overlays.h), else NULL; allocated */
	char serial[21]; /* virtio-blk takes 20 bytes; empty: not given */
	char format[16]; /* of PATH: "raw" or "qcow2"; empty: not known yet. Overlays are always qcow2. */
	bool readonly;
};

/* A file that the guest can read through QEMU's fw_cfg device. */
struct vm_fw {
	char name[56];    /* QEMU's limit, including the NUL */
	const char *file; /* points into the option's argument or the description */
};

struct vm {
	const char *qemu;          /* program */
	const char *name;          /* see vm_name_ok */
	const char *machine, *cpu; /* QEMU's machine type and CPU model */
	bool kvm;                  /* false: TCG */
	unsigned cpus;
	uint64_t memory;                      /* bytes, a multiple of 1 MiB */
	const char *kernel, *initrd, *append; /* direct kernel boot; NULL: none */
	struct vm_disk root;                  /* boot disk; its path is NULL if there is none */
	struct vm_disk disks[VM_DISKS];       /* additional disks */
	size_t ndisks;
	struct vm_nic nics[VM_NICS];
	size_t nnics;
	struct vm_fw fws[VM_FWS];
	size_t nfws;
	/* Files that QEMU creates: three sockets, the console log and the pid file. */
	char *qmp, *agent, *console_socket, *console, *pidfile;
	char **extra;      /* additional QEMU arguments, NULL-terminated */
	char **extra_;     /* allocated by vmdesc_take for EXTRA; free it */
	const char *ram;   /* file with saved RAM to resume from; mapped privately, never written to; NULL: boot */
	bool ram_readonly; /* RAM is opened only for reading, which QEMU can do from version 9 on */
};

/*
 * Parses "tap=IFNAME|bridge=BR|user[,fwd=PROTO:[ADDR]:PORT-[ADDR]:PORT]...[,mac=MAC]". The host address of a forward
 * defaults to 127.0.0.1. Returns 0 or -1.
 */
int vm_nic_parse(struct vm_nic *nic, const char *spec, struct err *e);

/* Parses "FILE[,serial=S][,format=raw|qcow2][,readonly]", where FILE contains no comma. Returns 0 or -1. */
int vm_disk_parse(struct vm_disk *disk, const char *spec, struct err *e);

/* Frees the disk's names and sets it to zero. */
void vm_disk_free(struct vm_disk *disk);

/* Parses "NAME=FILE", where NAME starts with "opt/". FW points into SPEC. Returns 0 or -1. */
int vm_fw_parse(struct vm_fw *fw, const char *spec, struct err *e);

/*
 * Gives each NIC without a MAC address one: local, unicast, and derived from the VM's name and the NIC's number, so
 * that it is the same every time. Returns 0, or -1: two NICs have the same address.
 */
int vm_set_macs(struct vm *vm, struct err *e);

/*
 * Connects the NICs of a saved machine, VM, to the networks of the N NICs in GIVEN, in order. The guest must not
 * notice: the MAC addresses stay, and so does the use of QEMU's user network, which has device state of its own.
 * Returns 0, or -1: GIVEN does not fit.
 */
int vm_connect_nics(struct vm *vm, const struct vm_nic *given, size_t n, struct err *e);

/* True for a valid VM name: letters, digits and "._-", at most 63, starting with a letter or digit. */
bool vm_name_ok(const char *name);

/* True for the image formats that we give to QEMU: raw and qcow2. */
bool vm_format_ok(const char *format);

#endif
