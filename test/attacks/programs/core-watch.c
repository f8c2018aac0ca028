#define _GNU_SOURCE
#include "core-watch.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <time.h>

enum { MOST_CORES = 8, REMEMBERED = 1 << 14, PERIOD = 500000, LATE = 300000, PRIORITY = 50 };
static const uint64_t SECOND = 1000000000;

typedef struct absence {
  uint64_t from, to;
} absence;

typedef struct watch {
  _Atomic uint32_t count;
  uint32_t begin;
  absence seen[REMEMBERED];
} watch;

static watch watches[MOST_CORES];
static int watched;

static uint64_t clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void *run(void *own) {
  watch *w = own;
  prctl(PR_SET_TIMERSLACK, 1);
  uint64_t last = clock_now();
  for (;;) {
    uint64_t due = last + PERIOD;
    struct timespec t = {(time_t)(due / SECOND), (long)(due % SECOND)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    uint64_t woke = clock_now();
    if (woke > due + LATE) {
      uint32_t count = atomic_load_explicit(&w->count, memory_order_relaxed);
      w->seen[count % REMEMBERED] = (absence){last, woke};
      atomic_store_explicit(&w->count, count + 1, memory_order_release);
    }
    last = woke;
  }
  return NULL;
}

int watch_cores(int cores) {
  for (int i = 0; i < cores && i < MOST_CORES; i++) {
    pthread_attr_t attributes;
    pthread_t thread;
    cpu_set_t set;
    struct sched_param priority = {.sched_priority = PRIORITY};
    CPU_ZERO(&set);
    CPU_SET(i, &set);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    if (pthread_create(&thread, &attributes, run, &watches[i]) != 0) return 0;
    watched = i + 1;
  }
  return 1;
}

void watch_begin(void) {
  for (int i = 0; i < watched; i++) watches[i].begin = atomic_load(&watches[i].count);
}

int core_was_away(uint64_t from, uint64_t to) {
  for (int i = 0; i < watched; i++) {
    watch *w = &watches[i];
    uint32_t end = atomic_load_explicit(&w->count, memory_order_acquire);
    uint32_t begin = end - w->begin > REMEMBERED ? end - REMEMBERED : w->begin;
    for (uint32_t at = begin; at != end; at++) {
      absence a = w->seen[at % REMEMBERED];
      if (a.from < to && from < a.to) return 1;
    }
  }
  return 0;
}
