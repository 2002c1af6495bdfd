/* Numbers, sizes and deadlines. */
#ifndef KS_BASE_NUM_H
#define KS_BASE_NUM_H

#include <stdint.h>

/* Parses a whole decimal number from MIN to MAX. Returns 0, or -1 for anything else, with OUT unchanged. */
int num_parse(const char *s, int64_t min, int64_t max, int64_t *out);

/* Parses a size into BYTES: a number with an optional suffix K, M, G or T (powers of 1024). Returns 0 or -1. */
int num_size(const char *s, uint64_t *bytes);

/* The time in milliseconds, of CLOCK_MONOTONIC. */
int64_t now_ms(void);

/* Milliseconds until DEADLINE (of now_ms), from 0 to INT_MAX, as poll(2) takes them. */
int ms_left(int64_t deadline);

#endif
