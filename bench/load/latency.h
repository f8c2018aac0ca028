// Latency histogram with 32 buckets per power of two (3 % wide), in nanoseconds.
#pragma once
#include <stdint.h>

enum { SUB_BITS = 6, SUB = 1 << SUB_BITS, LATENCY_BUCKETS = 48 * SUB };

typedef struct latency {
  uint64_t count, sum, max;
  uint32_t bucket[LATENCY_BUCKETS];
} latency;

static inline void latency_add(latency *l, uint64_t ns) {
  int shift = ns < SUB ? 0 : 64 - __builtin_clzll(ns) - SUB_BITS;
  uint32_t at = shift == 0 ? ns : (uint32_t)shift * (SUB / 2) + (ns >> shift);
  l->bucket[at < LATENCY_BUCKETS ? at : LATENCY_BUCKETS - 1]++;
  l->count++;
  l->sum += ns;
  if (ns > l->max) l->max = ns;
}

static inline double latency_at(const latency *l, double quantile) {
  uint64_t want = quantile * l->count, seen = 0;
  for (uint32_t at = 0; at < LATENCY_BUCKETS; at++) {
    seen += l->bucket[at];
    if (seen <= want && seen < l->count) continue;
    if (l->count == 0) return 0;
    int shift = at < SUB ? 0 : at / (SUB / 2) - 1;
    return shift == 0 ? at : (double)((at - (uint64_t)shift * (SUB / 2)) << shift);
  }
  return 0;
}
