#include "snapshot/ram_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x5145564dU /* QEMU_VM_FILE_MAGIC, "QEVM" */
#define VERSION 3U

enum { SEC_START = 1, SEC_PART = 2, SEC_END = 3, SEC_FULL = 4, SEC_CONFIG = 7, SEC_COMMAND = 8, SEC_FOOTER = 0x7e };

/* The command with which QEMU 10 says that the machine has stopped for good; QEMU that loads the stream expects it. */
#define SWITCHOVER_START 11U

/* Flags in the low bits of a page's address, RAM_SAVE_FLAG_*. */
enum { PAGE_ZERO = 0x02, PAGE_SIZES = 0x04, PAGE_DATA = 0x08, PAGE_EOS = 0x10, PAGE_SAME_BLOCK = 0x20 };

#define RAM_PAGE 4096U /* bytes */
#define PAGES_ROOM 64U
#define IN_ROOM (256U << 10)
#define CONFIG_MAX 256U

/* The guest's memory on its way to a file: pages in any order, some of them repeatedly. Pages of zeros stay holes. */
struct pages {
	int fd;                 /* an empty file at first */
	uint64_t size;          /* of the memory, bytes; 0: not started */
	uint64_t count;         /* pages in the file */
	unsigned char *written; /* one bit per page: it is in the file */
	unsigned char *out;     /* adjacent pages to be written next; room for PAGES_ROOM */
	uint64_t out_at, out_n; /* the address of the first, and their number */
};

/* Starts a memory of SIZE bytes, a multiple of RAM_PAGE, in FD. Returns 0 or -1; pages_free in either case. */
static int pages_start(struct pages *p, int fd, uint64_t size, struct err *e)
{
	*p = (struct pages){ .fd = fd, .size = size };
	p->out = malloc((size_t)PAGES_ROOM * RAM_PAGE);
	p->written = calloc(size / RAM_PAGE / 8 + 1, 1);
	if (p->out == NULL || p->written == NULL)
		return err_no_memory(e);
	return ftruncate(fd, (off_t)size) < 0 ? err_sys(e, "memory") : 0;
}

/* Writes what is not in the file yet. Returns 0 or -1. */
static int pages_flush(struct pages *p, struct err *e)
{
	uint64_t done = 0, n = p->out_n * RAM_PAGE;
	ssize_t some;

	while (done < n) {
		some = pwrite(p->fd, p->out + done, n - done, (off_t)(p->out_at + done));
		if (some < 0 && errno != EINTR)
			return err_sys(e, "memory");
		done += some > 0 ? (uint64_t)some : 0;
	}
	p->out_n = 0;
	return 0;
}

/* Returns room for the page at ADDR, which is below the size, to be filled before pages_put; or NULL. */
static unsigned char *pages_room(struct pages *p, uint64_t addr, struct err *e)
{
	if (p->out_n == PAGES_ROOM || (p->out_n > 0 && addr != p->out_at + p->out_n * RAM_PAGE))
		if (pages_flush(p, e) < 0)
			return NULL;
	return p->out + p->out_n * RAM_PAGE;
}

static bool is_zero(const unsigned char *page)
{
	return page[0] == 0 && memcmp(page, page + 1, RAM_PAGE - 1) == 0;
}

/* Takes the page at ADDR, which pages_room gave room for; DATA NULL: it is all zeros. Returns 0 or -1. */
static int pages_put(struct pages *p, uint64_t addr, const unsigned char *data, struct err *e)
{
	uint64_t number = addr / RAM_PAGE;
	unsigned char bit = (unsigned char)(1U << (number % 8));
	bool there = (p->written[number / 8] & bit) != 0;
	unsigned char *to;

	/* A hole reads as zeros: a page of zeros is written only over an earlier version of the page. */
	if (!there && (data == NULL || is_zero(data)))
		return 0;
	to = pages_room(p, addr, e);
	if (to == NULL)
		return -1;
	if (data == NULL)
		(void)memset(to, 0, RAM_PAGE);
	if (p->out_n == 0)
		p->out_at = addr;
	p->out_n++;
	p->count += !there;
	p->written[number / 8] |= bit;
	return 0;
}

static void pages_free(struct pages *p)
{
	free(p->out);
	free(p->written);
	*p = (struct pages){ .fd = -1 };
}

struct split {
	struct ramstream *s;
	struct err *e;
	unsigned char *in; /* IN_ROOM bytes */
	size_t at, have;
	struct pages pages;
	char block[256];  /* the RAM block of the last page */
	bool ours;        /* it is the memory to be split off */
	bool keep;        /* what is read is copied to S->rest */
	uint32_t section; /* the ID of the memory's section */
	bool open;        /* that section has started */
};

/* Reads ahead. Returns 1, 0 at the end of the stream, or -1. */
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

/* Reads N bytes to TO (NULL: skips them). Returns 0 or -1. */
static int take(struct split *p, void *to, size_t n)
{
	unsigned char *out = to;
	size_t some;
	int rc;

	while (n > 0) {
		rc = p->at == p->have ? fill(p) : 1;
		if (rc <= 0)
			return rc < 0 ? -1 : err_set(p->e, "migration stream: truncated");
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

/* A string with its length, one byte, in front. */
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
		return err_set(p->e, "migration stream: invalid memory size %llu", (unsigned long long)size);
	return pages_start(&p->pages, p->s->ram, size, p->e);
}

/* The list of the RAM blocks, the guest's and the firmware's, TOTAL bytes together. All of it is kept. */
static int take_sizes(struct split *p, uint64_t total)
{
	char name[256];
	uint64_t size;

	while (total > 0) {
		if (take_name(p, name) < 0 || take_number(p, 8, &size) < 0)
			return -1;
		if (size == 0 || size > total)
			return err_set(p->e, "migration stream: RAM block %.32s: invalid size %llu", name,
			    (unsigned long long)size);
		total -= size;
		if (strcmp(name, p->s->block) == 0 && set_size(p, size) < 0)
			return -1;
	}
	return p->pages.size != 0 ? 0 : err_set(p->e, "migration stream: no RAM block '%s'", p->s->block);
}

/* The RAM block of a page. Pages of other blocks than the memory are kept, with the address in front. */
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
		return err_set(p->e, "migration stream: unknown page flags %llx", (unsigned long long)flags);
	if (take_block(p, value) < 0)
		return -1;
	p->keep = !p->ours;
	if (flags == PAGE_ZERO) {
		if (take_number(p, 1, &filled) < 0)
			return -1;
		if (filled != 0)
			return err_set(p->e, "migration stream: a page filled with a byte other than zero");
	}
	if (!p->ours)
		return flags == PAGE_DATA ? take(p, NULL, RAM_PAGE) : 0;
	if (addr >= p->pages.size)
		return err_set(p->e, "migration stream: page address %llx is past the end of the memory",
		    (unsigned long long)addr);
	if (flags == PAGE_ZERO)
		return pages_put(&p->pages, addr, NULL, p->e);
	to = pages_room(&p->pages, addr, p->e);
	return to == NULL || take(p, to, RAM_PAGE) < 0 ? -1 : pages_put(&p->pages, addr, to, p->e);
}

/* The contents of a section of the memory, up to its footer. */
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
		   : err_set(p->e, "migration stream: invalid section footer");
}

/* A section of state that is sent while the machine runs, which is only the memory. */
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
			return err_set(p->e, "migration stream: unexpected live state %.64s", name);
		p->section = (uint32_t)section;
		p->open = true;
	}
	if (!p->open || section != p->section)
		return err_set(p->e, "migration stream: unknown section");
	return take_pages(p) < 0 ? -1 : take_footer(p);
}

static int take_config(struct split *p)
{
	uint64_t n;

	if (take_number(p, 4, &n) < 0)
		return -1;
	return n > CONFIG_MAX ? err_set(p->e, "migration stream: machine type too long") : take(p, NULL, n);
}

static int take_command(struct split *p)
{
	uint64_t command, n;

	if (take_number(p, 2, &command) < 0 || take_number(p, 2, &n) < 0)
		return -1;
	return command != SWITCHOVER_START
		   ? err_set(p->e, "migration stream: command %d before the devices", (int)command)
		   : take(p, NULL, n);
}

/* The devices, which follow the memory, to the end of the stream; nothing follows their end mark. */
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
		return err_set(p->e, "not a QEMU migration stream of version 3");
	for (;;) {
		p->keep = true;
		if (take_number(p, 1, &type) < 0)
			return -1;
		if (type == SEC_FULL && p->open)
			return take_rest(p) < 0 ? -1 : pages_flush(&p->pages, p->e);
		if (type == SEC_CONFIG)
			rc = take_config(p);
		else if (type == SEC_COMMAND)
			rc = take_command(p);
		else if (type == SEC_START || type == SEC_PART || type == SEC_END)
			rc = take_live(p, type);
		else
			rc = err_set(p->e, "migration stream: section type %d before the memory", (int)type);
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
	pages_free(&p.pages);
	return rc;
}
