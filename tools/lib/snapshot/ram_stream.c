#include "snapshot/ram_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/ram_pages.h"

#define MAGIC 0x5145564dU /* QEMU_VM_FILE_MAGIC, "QEVM" */
#define VERSION 3U

enum { SEC_START = 1, SEC_PART = 2, SEC_END = 3, SEC_FULL = 4, SEC_CONFIG = 7, SEC_FOOTER = 0x7e };

/* The low bits of a page's address, RAM_SAVE_FLAG_*. */
enum { PAGE_ZERO = 0x02, PAGE_SIZES = 0x04, PAGE_DATA = 0x08, PAGE_EOS = 0x10, PAGE_SAME_BLOCK = 0x20 };

#define IN_ROOM (256U << 10)
#define CONFIG_MAX 256U

struct split {
	struct ramstream *s;
	struct err *e;
	unsigned char *in; /* IN_ROOM bytes */
	size_t at, have;
	struct rampages pages;
	char block[256];  /* that the last page was of */
	bool ours;        /* it is the memory */
	bool keep;        /* what is taken goes to the rest */
	uint32_t section; /* of the memory */
	bool open;
};

/* Returns 1, 0 at the stream's end, or -1. */
static int fill(struct split *p)
{
	ssize_t n;

	(void)pthread_mutex_lock(&p->s->gate);
	(void)pthread_mutex_unlock(&p->s->gate);
	do
		n = read(p->s->in, p->in, IN_ROOM);
	while (n < 0 && errno == EINTR);
	p->at = 0;
	p->have = n > 0 ? (size_t)n : 0;
	return n < 0 ? err_sys(p->e, "migration stream") : n > 0;
}

/* Takes N bytes to TO (NULL: nowhere). Returns 0 or -1. */
static int take(struct split *p, void *to, size_t n)
{
	unsigned char *out = to;
	size_t some;
	int rc;

	while (n > 0) {
		rc = p->at == p->have ? fill(p) : 1;
		if (rc <= 0)
			return rc < 0 ? -1 : err_set(p->e, "migration stream: it ends too early");
		some = p->have - p->at < n ? p->have - p->at : n;
		if (out != NULL) {
			(void)memcpy(out, p->in + p->at, some);
			out += some;
		}
		if (p->keep && fwrite(p->in + p->at, 1, some, p->s->rest) != some)
			return err_sys(p->e, "device state");
		p->at += some;
		n -= some;
	}
	return 0;
}

static int take_number(struct split *p, size_t bytes, uint64_t *value)
{
	unsigned char raw[8];
	size_t i;

	if (take(p, raw, bytes) < 0)
		return -1;
	*value = 0;
	for (i = 0; i < bytes; i++)
		*value = *value << 8 | raw[i];
	return 0;
}

static int put_number(struct split *p, uint64_t value)
{
	unsigned char raw[8];
	size_t i;

	for (i = 0; i < sizeof raw; i++)
		raw[i] = (unsigned char)(value >> (8 * (7 - i)));
	return fwrite(raw, 1, sizeof raw, p->s->rest) == sizeof raw ? 0 : err_sys(p->e, "device state");
}

/* A length of one byte, and a text of that length. */
static int take_name(struct split *p, char name[256])
{
	unsigned char n;

	if (take(p, &n, 1) < 0 || take(p, name, n) < 0)
		return -1;
	name[n] = '\0';
	return 0;
}

static int set_size(struct split *p, uint64_t size)
{
	if (p->pages.size != 0 || size == 0 || size > p->s->max || size % RAM_PAGE != 0)
		return err_set(p->e, "migration stream: memory of %llu bytes", (unsigned long long)size);
	return rampages_start(&p->pages, p->s->ram, size, p->e);
}

/* The list of the blocks of memory, the guest's and the firmware's, TOTAL bytes together. All of it is kept. */
static int take_sizes(struct split *p, uint64_t total)
{
	char name[256];
	uint64_t size;

	while (total > 0) {
		if (take_name(p, name) < 0 || take_number(p, 8, &size) < 0)
			return -1;
		if (size == 0 || size > total)
			return err_set(
			    p->e, "migration stream: block %.32s of %llu bytes", name, (unsigned long long)size);
		total -= size;
		if (strcmp(name, p->s->block) == 0 && set_size(p, size) < 0)
			return -1;
	}
	return p->pages.size != 0 ? 0 : err_set(p->e, "migration stream: no memory '%s'", p->s->block);
}

/* Whose page it is. What is not the memory's is kept, with the address in front of it. */
static int take_block(struct split *p, uint64_t value)
{
	char name[256];

	if ((value & PAGE_SAME_BLOCK) == 0) {
		p->keep = false;
		if (take_name(p, name) < 0)
			return -1;
		(void)strcpy(p->block, name);
		p->ours = strcmp(name, p->s->block) == 0;
	}
	if (p->ours)
		return 0;
	if (put_number(p, value) < 0)
		return -1;
	if ((value & PAGE_SAME_BLOCK) != 0)
		return 0;
	if (fputc((int)strlen(p->block), p->s->rest) == EOF || fputs(p->block, p->s->rest) == EOF)
		return err_sys(p->e, "device state");
	return 0;
}

static int take_page(struct split *p, uint64_t value)
{
	uint64_t flags = value & (RAM_PAGE - 1) & ~(uint64_t)PAGE_SAME_BLOCK, addr = value & ~(uint64_t)(RAM_PAGE - 1);
	unsigned char *to;
	uint64_t filled;

	if (flags != PAGE_ZERO && flags != PAGE_DATA)
		return err_set(p->e, "migration stream: page flags %llx", (unsigned long long)flags);
	if (take_block(p, value) < 0)
		return -1;
	p->keep = !p->ours;
	if (flags == PAGE_ZERO) {
		if (take_number(p, 1, &filled) < 0)
			return -1;
		if (filled != 0)
			return err_set(p->e, "migration stream: a page of zeros that are none");
	}
	if (!p->ours)
		return flags == PAGE_DATA ? take(p, NULL, RAM_PAGE) : 0;
	if (addr >= p->pages.size)
		return err_set(
		    p->e, "migration stream: a page at %llx, past the memory's end", (unsigned long long)addr);
	if (flags == PAGE_ZERO)
		return rampages_put(&p->pages, addr, NULL, p->e);
	to = rampages_room(&p->pages, addr, p->e);
	return to == NULL || take(p, to, RAM_PAGE) < 0 ? -1 : rampages_put(&p->pages, addr, to, p->e);
}

/* One section of the memory, to its end. */
static int take_pages(struct split *p)
{
	uint64_t value;

	for (;;) {
		p->keep = false;
		if (take_number(p, 8, &value) < 0)
			return -1;
		if ((value & PAGE_SIZES) != 0 || (value & PAGE_EOS) != 0) {
			if (put_number(p, value) < 0)
				return -1;
			p->keep = true;
			if ((value & PAGE_EOS) != 0)
				return 0;
			if (take_sizes(p, value & ~(uint64_t)(RAM_PAGE - 1)) < 0)
				return -1;
		} else if (take_page(p, value) < 0) {
			return -1;
		}
	}
}

static int take_footer(struct split *p)
{
	uint64_t mark, section;

	p->keep = true;
	if (take_number(p, 1, &mark) < 0 || take_number(p, 4, &section) < 0)
		return -1;
	return mark == SEC_FOOTER && section == p->section
		   ? 0
		   : err_set(p->e, "migration stream: a section without its end");
}

/* A section of what is sent while the machine runs: only its memory is. */
static int take_live(struct split *p, uint64_t type)
{
	uint64_t section, ignored;
	char name[256];

	if (take_number(p, 4, &section) < 0)
		return -1;
	if (type == SEC_START) {
		if (take_name(p, name) < 0 || take_number(p, 4, &ignored) < 0 || take_number(p, 4, &ignored) < 0)
			return -1;
		if (strcmp(name, "ram") != 0 || p->open)
			return err_set(p->e, "migration stream: %.64s cannot be saved", name);
		p->section = (uint32_t)section;
		p->open = true;
	}
	if (!p->open || section != p->section)
		return err_set(p->e, "migration stream: an unknown section");
	return take_pages(p) < 0 ? -1 : take_footer(p);
}

static int take_config(struct split *p)
{
	uint64_t n;

	if (take_number(p, 4, &n) < 0)
		return -1;
	return n > CONFIG_MAX ? err_set(p->e, "migration stream: a long machine type") : take(p, NULL, n);
}

/* The devices, which come when the memory has; to the end of the stream. Their own end mark is followed by no more. */
static int take_rest(struct split *p)
{
	int rc;

	do {
		if (take(p, NULL, p->have - p->at) < 0)
			return -1;
		rc = fill(p);
	} while (rc > 0);
	return rc;
}

static int split(struct split *p)
{
	uint64_t magic, version, type;
	int rc;

	p->keep = true;
	if (take_number(p, 4, &magic) < 0 || take_number(p, 4, &version) < 0)
		return -1;
	if (magic != MAGIC || version != VERSION)
		return err_set(p->e, "migration stream: it is none");
	for (;;) {
		p->keep = true;
		if (take_number(p, 1, &type) < 0)
			return -1;
		if (type == SEC_FULL && p->open)
			return take_rest(p) < 0 ? -1 : rampages_flush(&p->pages, p->e);
		if (type == SEC_CONFIG)
			rc = take_config(p);
		else if (type == SEC_START || type == SEC_PART || type == SEC_END)
			rc = take_live(p, type);
		else
			rc = err_set(p->e, "migration stream: no memory for section type %d", (int)type);
		if (rc < 0)
			return -1;
	}
}

int ramstream_split(struct ramstream *s, struct err *e)
{
	struct split p = { .s = s, .e = e, .in = malloc(IN_ROOM) };
	int rc = p.in == NULL ? err_no_memory(e) : split(&p);

	s->size = p.pages.size;
	s->pages = p.pages.count;
	free(p.in);
	rampages_free(&p.pages);
	return rc;
}
