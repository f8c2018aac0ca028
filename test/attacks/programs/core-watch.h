// Notes when a core itself was away: a thread of the highest priority on it wakes at short intervals, and where it wakes
// late nobody else could run either. On a virtual machine the host takes cores for milliseconds; calls under way meanwhile
// say nothing about the proxy.
#pragma once
#include <stdint.h>

// Watches the first `cores` cores. Returns 0 if that is not permitted; then nothing is ever away.
int watch_cores(int cores);
// From here on absences are remembered for core_was_away; what came before is forgotten.
void watch_begin(void);
// Whether any core watched was away within [from, to], times of CLOCK_MONOTONIC in ns.
int core_was_away(uint64_t from, uint64_t to);
