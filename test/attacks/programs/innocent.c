// The judge: a client that does nothing wrong. One connection, unary gRPC calls at a constant rate whatever becomes of the
// former ones; a call's time runs from the moment it was due. Commands come as lines on standard input, answers go out as
// lines of JSON:
//   open    from now on calls belong to the window
//   close   the window ends; answered when all its calls have ended, after 5 s at the latest
// Calls during which a core was away (core-watch.h) are not timed; "timed" says how many were.
// It ends when standard input does. Every answer has the window's figures and, as "all", those since the start.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "core-watch.h"
#include "hpack-decode.h"
#include "hpack-encode.h"
#include "latency.h"

enum { SECOND = 1000000000, MESSAGE = 100, PREFIX = 5, MARK_AT = 11, STRAGGLER_SECONDS = 5, FIELDS = 7, MOST_TIMED = 1 << 16, CORES = 2 };
enum { WAITS_HEADERS, WAITS_TRAILERS };

typedef struct client {
  encoder out;
  decoder in;
  uint32_t next_id;
  uint8_t draining;  // GOAWAY has come: the next call has a connection of its own
} client;

typedef struct timing {
  uint64_t due, done;
} timing;

typedef struct tally {
  uint64_t due, answered, failed, lost;  // lost: the connection ended, or no answer came in time
} tally;

const int body_end_flag = END_STREAM;

static field fields[FIELDS] = {
    {.name = ":method", .value = "POST", .static_full = 3},
    {.name = ":scheme", .value = "http", .static_full = 6},
    {.name = ":path", .value = "/echo.Echo/Unary", .static_name = 4},
    {.name = ":authority", .value = "", .static_name = 1},
    {.name = "content-type", .value = "application/grpc", .static_name = 31},
    {.name = "user-agent", .value = "grpc-go/1.85.0", .static_name = 58},
    {.name = "te", .value = "trailers"},
};
static int port, closing, input_key;
static const char *source = "127.0.0.1", *host = "127.0.0.1";
static double rate = 500;
static uint64_t now, next_due, scheduled, started, opened_at, closed_at, reconnects, goaways;
static uint64_t window_in_flight, seed = 88172645463325252u;
static tally all, window;
static timing timings[MOST_TIMED];
static uint32_t timing_count;
static latency latencies;
static conn *current;
static uint8_t lead[LEAD_MAX];

static uint64_t clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + t.tv_nsec;
}

// Calls are due at a random moment of each interval, so that they keep no step with anybody's timer.
static void schedule_next(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  double interval = SECOND / rate;
  next_due = started + (uint64_t)((scheduled + (seed >> 11) / 9007199254740992.0) * interval);
  scheduled++;
}

static int of_window(uint64_t start) { return start >= opened_at && start < closed_at; }

static void end_call(conn *c, stream *s, uint64_t tally_answer) {
  if (tally_answer) all.answered++;
  else all.failed++;
  if (of_window(s->start)) {
    window_in_flight--;
    if (tally_answer) {
      window.answered++;
      if (timing_count < MOST_TIMED) timings[timing_count++] = (timing){s->start, now};
    } else {
      window.failed++;
    }
  }
  stream_free(c, s);
}

static void drop(conn *c, stream *s) {
  uint8_t cancel[4] = {0, 0, 0, 8};
  conn_frame(c, RST_STREAM, 0, s->id, cancel, 4);
  end_call(c, s, 0);
}

void on_settings(conn *c) {
  client *own = c->own;
  encoder_limit(&own->out, c->peer_table);
}

void on_block(conn *c, uint32_t id, int flags, const uint8_t *block, uint32_t len) {
  client *own = c->own;
  verdict v;
  if (!decode_block(&own->in, block, len, &v)) {
    on_close(c, "malformed header block");
    return;
  }
  stream *s = stream_find(c, id);
  if (!s) return;
  if (s->stage == WAITS_HEADERS && flags & END_STREAM) {
    fprintf(stderr, "innocent: call %u ended with :status %d, grpc-status %d\n", id, v.status, v.grpc_status);
    end_call(c, s, 0);
  } else if (s->stage == WAITS_HEADERS) {
    if (v.status == 200) s->stage = WAITS_TRAILERS;
    else drop(c, s);
  } else if (!(flags & END_STREAM) || s->received != MESSAGE + PREFIX) {
    drop(c, s);
  } else {
    if (v.grpc_status != 0) fprintf(stderr, "innocent: call %u ended with grpc-status %d\n", id, v.grpc_status);
    end_call(c, s, v.grpc_status == 0);
  }
}

void on_data(conn *c, uint32_t id, const uint8_t *p, uint32_t octets, int end) {
  (void)p;
  stream *s = stream_find(c, id);
  if (!s) return;
  s->received += octets;
  if (s->stage != WAITS_TRAILERS || end || s->received > MESSAGE + PREFIX) drop(c, s);
}

void on_reset(conn *c, uint32_t id, uint32_t code) {
  stream *s = stream_find(c, id);
  if (!s) return;
  fprintf(stderr, "innocent: call %u was reset with code %u\n", id, code);
  end_call(c, s, 0);
}

void on_goaway(conn *c, uint32_t last, uint32_t code) {
  (void)last;
  fprintf(stderr, "innocent: GOAWAY, code %u\n", code);
  goaways++;
  ((client *)c->own)->draining = 1;
}

uint8_t *on_body_end(conn *c, stream *s, uint8_t *p) {
  (void)c, (void)s;
  return p;
}

void on_close(conn *c, const char *why) {
  if (c->dead) return;
  if (c->live > 0) fprintf(stderr, "innocent: connection with %u calls in flight: %s\n", c->live, why);
  for (uint32_t i = 0; i <= c->mask; i++) {
    if (c->slots[i].id == 0) continue;
    all.lost++;
    if (!of_window(c->slots[i].start)) continue;
    window.lost++;
    window_in_flight--;
  }
  if (c == current) current = NULL;
  conn_close(c);
}

static conn *open_connection(void) {
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &to.sin_addr);
  inet_pton(AF_INET, source, &from.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  struct timeval limit = {.tv_usec = 500000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
      connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    fprintf(stderr, "innocent: cannot connect: %s\n", strerror(errno));
    if (fd >= 0) close(fd);
    return NULL;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  conn *c = conn_new(fd, 0, 1024);
  client *own = c->own = calloc(1, sizeof *own);
  own->next_id = 1;
  encoder_init(&own->out);
  decoder_init(&own->in);
  memcpy(conn_reserve(c, 24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  c->fill.len += 24;
  conn_settings(c);
  conn_watch(c);
  return c;
}

static void call(uint64_t due) {
  all.due++;
  int counts = of_window(due);
  window.due += counts;
  if (current && ((client *)current->own)->draining) current = NULL;
  if (!current) {
    reconnects++;
    current = open_connection();
  }
  if (!current) {
    all.lost++;
    window.lost += counts;
    return;
  }
  client *own = current->own;
  stream *s = stream_open(current, own->next_id);
  own->next_id += 2;
  s->start = due;
  window_in_flight += counts;
  uint8_t *head = conn_reserve(current, HEAD + 4096);
  size_t len = encode_block(&own->out, fields, FIELDS, "", head + HEAD);
  put_head(head, len, HEADERS, END_HEADERS, s->id);
  conn_commit(current, head + HEAD + len);
  stream_body(current, s, lead, LEAD_MAX, MESSAGE + PREFIX);
  conn_flush(current);
}

static void print_tally(const char *name, const tally *t) {
  printf("\"%s\":{\"due\":%lu,\"answered\":%lu,\"failed\":%lu,\"lost\":%lu}", name, t->due, t->answered, t->failed, t->lost);
}

static void print(void) {
  uint32_t timed = 0;
  memset(&latencies, 0, sizeof latencies);
  for (uint32_t i = 0; i < timing_count; i++) {
    if (core_was_away(timings[i].due, timings[i].done)) continue;
    latency_add(&latencies, timings[i].done - timings[i].due);
    timed++;
  }
  printf("{");
  print_tally("window", &window);
  printf(",");
  print_tally("all", &all);
  printf(",\"reconnects\":%lu,\"goaways\":%lu,\"timed\":%u,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f}\n", reconnects, goaways,
         timed, latency_at(&latencies, 0.5) / 1e6, latency_at(&latencies, 0.99) / 1e6, latencies.max / 1e6);
  fflush(stdout);
}

static void obey(void) {
  char line[64];
  ssize_t n = read(0, line, sizeof line - 1);
  if (n <= 0) exit(0);
  line[n] = 0;
  if (strncmp(line, "open", 4) == 0) {
    window = (tally){0};
    timing_count = 0;
    watch_begin();
    window_in_flight = 0;
    opened_at = now;
    closed_at = UINT64_MAX;
  } else if (strncmp(line, "close", 5) == 0) {
    closed_at = now;
    closing = 1;
  }
}

static void finish_window(void) {
  int late = now > closed_at + (uint64_t)STRAGGLER_SECONDS * SECOND;
  if ((window_in_flight > 0 || next_due < closed_at) && !late) return;
  window.lost += window_in_flight;
  closing = 0;
  print();
  closed_at = 0;
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, 0, 'p'}, {"source", 1, 0, 's'}, {"rate", 1, 0, 'r'}, {"authority", 1, 0, 'a'}, {"host", 1, 0, 'h'}, {0}};
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (o) {
      case 'p': port = atoi(optarg); break;
      case 's': source = optarg; break;
      case 'r': rate = atof(optarg); break;
      case 'a': fields[3].value = optarg; break;
      case 'h': host = optarg; break;
      default: return 64;
    }
  prctl(PR_SET_TIMERSLACK, 1);
  if (!watch_cores(CORES)) fprintf(stderr, "innocent: not permitted to watch the cores: all calls are timed\n");
  fields_prepare(fields, FIELDS);
  // The request: length prefix, then a google.protobuf.BytesValue of zeros and the innocent's mark.
  put32(lead + 1, MESSAGE);
  lead[PREFIX] = 0x0a;
  lead[PREFIX + 1] = MESSAGE - 2;
  lead[MARK_AT] = 'I';
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &input_key};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
  started = now = clock_now();
  schedule_next();
  for (;;) {
    while (next_due <= now) {
      call(next_due);
      schedule_next();
    }
    int64_t wait = (int64_t)(next_due - now);
    struct timespec timeout = {wait / SECOND, wait % SECOND};
    struct epoll_event events[64];
    int count = epoll_pwait2(poller, events, 64, &timeout, NULL);
    now = clock_now();
    for (int i = 0; i < count; i++) {
      conn *c = events[i].data.ptr;
      if ((void *)c == &input_key) {
        obey();
        continue;
      }
      if (c->dead) continue;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) conn_read(c);
      if (!c->dead) conn_flush(c);
    }
    if (closing) finish_window();
  }
}
