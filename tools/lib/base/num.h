/* Numbers, sizes and deadlines. */
#ifndef KS_BASE_NUM_H
#define KS_BASE_NUM_H

#include <stdint.h>

/* Parses a whole decimal number between MIN and MAX. Returns 0, or -1 for anything else (OUT is untouched). */
int num_parse(const char *s, int64_t min, int64_t max, int64_t *out);

/* Parses a size: a number with an optional K, M, G or T (powers of 1024). BYTES is in bytes. Returns 0 or -1. */
int num_size(const char *s, uint64_t *bytes);

/* Milliseconds of the monotonic clock (CLOCK_MONOTONIC). */
int64_t now_ms(void);

/* Milliseconds left until DEADLINE (of now_ms), at least 0 and no more than INT_MAX: fit for poll(2). */
int ms_left(int64_t deadline);

#endif
