#include "oci/ustar.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 512, NAME = 0, MODE = 100, SIZE = 124, SUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

/* Parses a field of N bytes: spaces, then octal digits up to a space, a NUL or the field's end. Returns 0 or -1. */
static int octal(const unsigned char *p, size_t n, uint64_t *value)
{
	size_t i = 0, digits = 0;

	*value = 0;
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++, digits++)
		*value = *value << 3 | (uint64_t)(p[i] - '0');
	return digits > 0 && (i == n || p[i] == ' ' || p[i] == '\0') ? 0 : -1;
}

/* Is the checksum right? It is the sum of the header's bytes, with its own bytes taken as spaces. */
static bool sum_fits(const unsigned char *h)
{
	uint64_t said, sum = 0;
	size_t i;

	for (i = 0; i < BLOCK; i++)
		sum += i >= SUM && i < SUM + 8 ? ' ' : h[i];
	return octal(h + SUM, 8, &said) == 0 && said == sum;
}

/* Appends a path of at most N bytes to NAME, without "." and empty parts. Returns 0, or -1 if it contains "..". */
static int add_parts(char *name, const unsigned char *p, size_t n)
{
	const unsigned char *end = memchr(p, '\0', n), *part;
	size_t used = strlen(name), len;

	for (end = end == NULL ? p + n : end; p < end; p = part + len + 1) {
		part = p;
		for (len = 0; part + len < end && part[len] != '/'; len++)
			continue;
		if (len == 2 && part[0] == '.' && part[1] == '.')
			return -1;
		if (len == 0 || (len == 1 && part[0] == '.'))
			continue;
		if (used > 0)
			name[used++] = '/';
		(void)memcpy(name + used, part, len);
		used += len;
		name[used] = '\0';
	}
	return 0;
}

/* GNU's old format, "ustar  ", uses the bytes of the prefix for other fields. Returns 0 or -1. */
static int read_name(const unsigned char *h, char *name)
{
	name[0] = '\0';
	if (memcmp(h + MAGIC, "ustar", 6) == 0 && add_parts(name, h + PREFIX, 155) < 0)
		return -1;
	return add_parts(name, h + NAME, 100);
}

int ustar_next(struct ustar *t, struct ustar_entry *entry, struct err *e)
{
	static const unsigned char zero[BLOCK];
	const unsigned char *h = t->at;
	uint64_t mode, size;
	size_t blocks;

	*entry = (struct ustar_entry){ 0 };
	if (t->left < BLOCK)
		return err_set(e, "the archive is truncated");
	if (memcmp(h, zero, BLOCK) == 0)
		return 0;
	if (memcmp(h + MAGIC, "ustar", 5) != 0 || !sum_fits(h) || octal(h + MODE, 8, &mode) < 0 ||
	    octal(h + SIZE, 12, &size) < 0)
		return err_set(e, "not a tar archive");
	if (read_name(h, entry->name) < 0)
		return err_set(e, "%.100s: name contains ..", (const char *)h);
	entry->dir = h[TYPE] == '5';
	if (!entry->dir && h[TYPE] != '0' && h[TYPE] != '\0')
		return err_set(e, "%s: neither a regular file nor a directory", entry->name);
	if (!entry->dir && entry->name[0] == '\0')
		return err_set(e, "entry without a name");
	t->at += BLOCK, t->left -= BLOCK;
	if (size > t->left || (entry->dir && size != 0))
		return err_set(e, "%s: the archive is truncated", entry->name);
	entry->mode = mode & 07777;
	entry->data = t->at;
	entry->n = (size_t)size;
	blocks = (entry->n + BLOCK - 1) / BLOCK * BLOCK;
	if (blocks > t->left)
		return err_set(e, "%s: the archive is truncated", entry->name);
	t->at += blocks, t->left -= blocks;
	return 1;
}
