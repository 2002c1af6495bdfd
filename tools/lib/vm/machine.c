#include "vm/machine.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mac.h"
#include "base/num.h"
#include "base/sha256.h"

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* True for 1 to MAX characters of name_chars that start with a letter or digit. */
static bool plain(const char *s, size_t max)
{
	size_t n = strlen(s);

	return n > 0 && n <= max && isalnum((unsigned char)s[0]) && strspn(s, name_chars) == n;
}

bool vm_name_ok(const char *name)
{
	return plain(name, 63);
}

bool vm_format_ok(const char *format)
{
	return strcmp(format, "raw") == 0 || strcmp(format, "qcow2") == 0;
}

/* If WORD is "KEY=VALUE", returns VALUE. */
static const char *value_of(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

/* Splits "[ADDR]:PORT" at its last colon. ADDR is an IPv4 address or empty. Returns 0 or -1. */
static int split_address(char *text, const char **addr, int64_t *port)
{
	char *colon = strrchr(text, ':');
	struct in_addr in;

	if (colon == NULL || num_parse(colon + 1, 1, 65535, port) < 0)
		return -1;
	*colon = '\0';
	*addr = text;
	return text[0] == '\0' || inet_pton(AF_INET, text, &in) == 1 ? 0 : -1;
}

static int parse_forward(struct vm_nic *nic, const char *s, struct err *e)
{
	char text[64];
	char *host = NULL, *guest = NULL;
	const char *from = NULL, *to = NULL;
	int64_t from_port = 0, to_port = 0;
	int n;

	if (nic->nforwards == VM_FORWARDS)
		return err_set(e, "more than %d forwarded ports", VM_FORWARDS);
	if (strlen(s) >= sizeof text)
		return err_set(e, "'%s' is not of the form PROTO:[ADDR]:PORT-[ADDR]:PORT", s);
	(void)strcpy(text, s);
	host = strchr(text, ':');
	guest = strchr(text, '-');
	if (host == NULL || guest == NULL || guest < host)
		return err_set(e, "'%s' is not of the form PROTO:[ADDR]:PORT-[ADDR]:PORT", s);
	*host++ = '\0';
	*guest++ = '\0';
	if ((strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0) || split_address(host, &from, &from_port) < 0 ||
	    split_address(guest, &to, &to_port) < 0)
		return err_set(e, "'%s' is not of the form PROTO:[ADDR]:PORT-[ADDR]:PORT", s);
	/* Without an address QEMU would listen on all of them. */
	n = snprintf(nic->forwards[nic->nforwards], sizeof nic->forwards[0], "%s:%s:%d-%s:%d", text,
	    from[0] != '\0' ? from : "127.0.0.1", (int)from_port, to, (int)to_port);
	if (n < 0 || (size_t)n >= sizeof nic->forwards[0])
		return err_set(e, "'%s' is not of the form PROTO:[ADDR]:PORT-[ADDR]:PORT", s);
	nic->nforwards++;
	return 0;
}

static int parse_ifname(struct vm_nic *nic, enum vm_net net, const char *name, struct err *e)
{
	nic->net = net;
	if (!plain(name, IFNAMSIZ - 1))
		return err_set(e, "'%s' is not a valid interface name", name);
	(void)strcpy(nic->ifname, name);
	return 0;
}

static int parse_nic_word(struct vm_nic *nic, const char *word, bool first, struct err *e)
{
	const char *v;

	if (first) {
		if ((v = value_of(word, "tap")) != NULL)
			return parse_ifname(nic, VM_TAP, v, e);
		if ((v = value_of(word, "bridge")) != NULL)
			return parse_ifname(nic, VM_BRIDGE, v, e);
		nic->net = VM_USER;
		return strcmp(word, "user") == 0
			   ? 0
			   : err_set(e, "'%s' is not one of tap=IFNAME, bridge=BRIDGE, user", word);
	}
	if ((v = value_of(word, "mac")) != NULL)
		return nic->mac[0] == '\0' ? mac_parse(nic->mac, v, e) : err_set(e, "mac= given twice");
	if ((v = value_of(word, "fwd")) != NULL)
		return nic->net == VM_USER ? parse_forward(nic, v, e) : err_set(e, "fwd= requires user");
	return err_set(e, "unknown option '%s'", word);
}

int vm_nic_parse(struct vm_nic *nic, const char *spec, struct err *e)
{
	AUTO_FREE char *copy = strdup(spec);
	char *rest = copy;
	char *word;

	*nic = (struct vm_nic){ 0 };
	if (copy == NULL)
		return err_no_memory(e);
	while ((word = strsep(&rest, ",")) != NULL)
		if (parse_nic_word(nic, word, word == copy, e) < 0)
			return -1;
	return 0;
}

static int parse_disk_word(struct vm_disk *disk, const char *word, struct err *e)
{
	const char *v;

	if (strcmp(word, "readonly") == 0) {
		disk->readonly = true;
		return 0;
	}
	if ((v = value_of(word, "serial")) != NULL) {
		if (!plain(v, sizeof disk->serial - 1))
			return err_set(e, "'%s' is not a valid serial (at most 20 letters, digits, '.', '_', '-')", v);
		(void)strcpy(disk->serial, v);
		return 0;
	}
	if ((v = value_of(word, "format")) != NULL) {
		if (!vm_format_ok(v))
			return err_set(e, "format '%s' is neither raw nor qcow2", v);
		(void)strcpy(disk->format, v);
		return 0;
	}
	return err_set(e, "unknown option '%s'", word);
}

int vm_disk_parse(struct vm_disk *disk, const char *spec, struct err *e)
{
	char *rest, *word;

	*disk = (struct vm_disk){ .path = strdup(spec) };
	if (disk->path == NULL)
		return err_no_memory(e);
	/* The text before the first comma is the path. */
	rest = disk->path;
	(void)strsep(&rest, ",");
	while ((word = strsep(&rest, ",")) != NULL)
		if (parse_disk_word(disk, word, e) < 0)
			goto bad;
	if (disk->path[0] != '\0')
		return 0;
	(void)err_set(e, "no file name");
bad:
	vm_disk_free(disk);
	return -1;
}

void vm_disk_free(struct vm_disk *disk)
{
	free(disk->path);
	free(disk->top);
	*disk = (struct vm_disk){ 0 };
}

int vm_fw_parse(struct vm_fw *fw, const char *spec, struct err *e)
{
	const char *eq = strchr(spec, '=');
	size_t n = eq == NULL ? 0 : (size_t)(eq - spec);

	if (eq == NULL || eq[1] == '\0')
		return err_set(e, "not of the form NAME=FILE");
	/* All other names are reserved for QEMU: docs/specs/fw_cfg.rst. */
	if (n <= 4 || strncmp(spec, "opt/", 4) != 0)
		return err_set(e, "the name does not start with opt/");
	if (n >= sizeof fw->name || memchr(spec, ',', n) != NULL)
		return err_set(e, "the name contains a comma or is longer than %zu bytes", sizeof fw->name - 1);
	(void)memcpy(fw->name, spec, n);
	fw->name[n] = '\0';
	fw->file = eq + 1;
	return 0;
}

static int make_mac(char mac[18], const char *vm, size_t i, struct err *e)
{
	char hex[SHA256_HEX];
	char seed[96];
	struct sha256 *s = sha256_new();
	int n = snprintf(seed, sizeof seed, "%s/%zu", vm, i);

	if (s == NULL)
		return err_no_memory(e);
	if (sha256_add(s, seed, (size_t)n) < 0 || sha256_end(s, hex) < 0)
		return err_set(e, "libcrypto failed");
	/* 52:54:00 is the prefix that QEMU itself uses for its guests. */
	(void)snprintf(mac, 18, "52:54:00:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4);
	return 0;
}

int vm_set_macs(struct vm *vm, struct err *e)
{
	size_t i, k;

	for (i = 0; i < vm->nnics; i++) {
		if (vm->nics[i].mac[0] == '\0' && make_mac(vm->nics[i].mac, vm->name, i, e) < 0)
			return -1;
		for (k = 0; k < i; k++)
			if (strcmp(vm->nics[i].mac, vm->nics[k].mac) == 0)
				return err_set(e, "nic: two NICs have the MAC address %s", vm->nics[i].mac);
	}
	return 0;
}

int vm_connect_nics(struct vm *vm, const struct vm_nic *given, size_t n, struct err *e)
{
	size_t i;
	char mac[18];

	if (n != vm->nnics)
		return err_set(e, "resume: %zu --nic given, the saved machine has %zu", n, vm->nnics);
	for (i = 0; i < n; i++) {
		if (given[i].mac[0] != '\0' && strcmp(given[i].mac, vm->nics[i].mac) != 0)
			return err_set(e, "nic: the saved machine has the MAC address %s", vm->nics[i].mac);
		if ((given[i].net == VM_USER) != (vm->nics[i].net == VM_USER))
			return err_set(e, "nic: the saved machine %s QEMU's user network, which cannot be changed",
			    vm->nics[i].net == VM_USER ? "uses" : "does not use");
		(void)strcpy(mac, vm->nics[i].mac);
		vm->nics[i] = given[i];
		(void)strcpy(vm->nics[i].mac, mac);
	}
	return 0;
}
