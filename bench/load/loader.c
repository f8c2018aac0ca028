// Load generator: unary gRPC over h2c with prior knowledge. See --help.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "fields.h"
#include "hpack-decode.h"
#include "latency.h"

enum { SECOND = 1000000000, DEFAULT_MESSAGE = 100, PREFIX = 5, DRAIN_SECONDS = 5, MAX_CONNECTIONS = 20000, MAX_TARGETS = 256, AUTHORITY = 3 };
enum { WAITS_HEADERS, WAITS_TRAILERS };

typedef struct client {
  encoder out;
  decoder in;
  uint32_t next_id;
  uint8_t draining;  // GOAWAY has come
} client;

const int body_end_flag = END_STREAM;

static int connections = 10, streams = 10, field_count = PLAIN_FIELDS, port, callers;
static struct in_addr hosts[MAX_TARGETS], first_caller = {0};
static field authorities[MAX_TARGETS];
static int host_count = 1, authority_count;
static uint32_t response_octets = DEFAULT_MESSAGE, request_octets = DEFAULT_MESSAGE, messages = 1, whole_octets;
static double seconds = 2, hold, rate;
static uint64_t request_limit = UINT64_MAX;
static uint64_t now, started, deadline, finished, scheduled, issued, completed, in_flight;
static uint64_t bad_reset, bad_status, bad_framing, bad_lost;
static int stopped, alive, settled;
static conn **all;
static latency latencies;
static uint8_t lead[LEAD_MAX];
static char unique[TRACEPARENT_LEN + 1];

static const char usage[] =
    "usage: loader --port PORT [options]\n"
    "  --connections N       connections (10)\n"
    "  --streams N           concurrent streams on each (10)\n"
    "  --seconds S           how long to send (2)\n"
    "  --requests N          stop after N requests instead (with --seconds as the limit)\n"
    "  --rate R              open loop: R requests per second, latency from the scheduled time\n"
    "  --headers17           seven usual fields and ten metadata fields, one secret, one unique\n"
    "  --message-octets N    length of the response message (100)\n"
    "  --request-octets N    length of the request message (100)\n"
    "  --messages N          messages in each response (1)\n"
    "  --authority NAME,...  :authority; of several, connections have them by turns\n"
    "  --host A.B.C.D,...    where to connect to (127.0.0.1); by turns, too\n"
    "  --callers N           connections come from N addresses in turn\n"
    "  --first-caller ADDR   the first of them (127.0.0.1)\n"
    "  --hold S              keep the connections open for S seconds after the result is printed\n"
    "Prints one line of JSON. Exit code 0 if every response was exact, else 1.\n";

static uint64_t clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static int has_room(const conn *c) {
  const client *own = c->own;
  return !c->dead && !own->draining && c->live < (uint32_t)streams && c->live < c->peer_streams;
}

static void issue(conn *c, uint64_t start) {
  client *own = c->own;
  stream *s = stream_open(c, own->next_id);
  own->next_id += 2;
  s->start = start;
  uint8_t *head = conn_reserve(c, HEAD + 4096);
  if (field_count == ALL_FIELDS) next_traceparent(unique);
  if (authority_count > 1) request_fields[AUTHORITY] = authorities[c->index % authority_count];
  size_t len = encode_block(&own->out, request_fields, field_count, unique, head + HEAD);
  put_head(head, len, HEADERS, END_HEADERS, s->id);
  conn_commit(c, head + HEAD + len);
  issued++;
  in_flight++;
  stream_body(c, s, lead, LEAD_MAX, request_octets + PREFIX);
}

static void issue_more(conn *c) {
  if (rate > 0) return;
  while (!stopped && has_room(c)) {
    if (issued == request_limit || now >= deadline) {
      stopped = 1;
      return;
    }
    issue(c, now);
  }
}

static void issue_scheduled(void) {
  static int turn;
  double interval = SECOND / rate;
  for (; !stopped; scheduled++) {
    uint64_t due = started + (uint64_t)(scheduled * interval);
    if (due >= deadline || scheduled == request_limit) stopped = 1;
    if (stopped || due > now) return;
    int tries = 0;
    while (tries < connections && !has_room(all[turn % connections])) tries++, turn++;
    if (tries == connections) return;  // every stream is taken: the request waits, and its clock runs
    conn *c = all[turn++ % connections];
    issue(c, due);
    conn_flush(c);
  }
}

static void end_stream(conn *c, stream *s, uint64_t *error) {
  in_flight--;
  finished = now;
  if (error) {
    ++*error;
  } else {
    completed++;
    latency_add(&latencies, now - s->start);
  }
  stream_free(c, s);
  issue_more(c);
}

static void drop(conn *c, stream *s, uint64_t *error) {
  uint8_t cancel[4] = {0, 0, 0, 8};
  conn_frame(c, RST_STREAM, 0, s->id, cancel, 4);
  end_stream(c, s, error);
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
    end_stream(c, s, &bad_status);  // trailers-only: an error of the backend or the proxy
  } else if (s->stage == WAITS_HEADERS) {
    if (v.status == 200) s->stage = WAITS_TRAILERS;
    else if (v.status < 100 || v.status >= 200) drop(c, s, &bad_status);
  } else if (!(flags & END_STREAM) || s->received != whole_octets) {
    drop(c, s, &bad_framing);
  } else {
    end_stream(c, s, v.grpc_status == 0 ? NULL : &bad_status);
  }
}

void on_data(conn *c, uint32_t id, const uint8_t *p, uint32_t octets, int end) {
  (void)p;
  stream *s = stream_find(c, id);
  if (!s) return;
  s->received += octets;
  if (s->stage != WAITS_TRAILERS || end || s->received > whole_octets) drop(c, s, &bad_framing);
}

void on_reset(conn *c, uint32_t id, uint32_t code) {
  (void)code;
  stream *s = stream_find(c, id);
  if (s) end_stream(c, s, &bad_reset);
}

void on_goaway(conn *c, uint32_t last, uint32_t code) {
  (void)last;
  fprintf(stderr, "loader: connection %d got GOAWAY, code %u\n", c->index, code);
  ((client *)c->own)->draining = 1;
}

uint8_t *on_body_end(conn *c, stream *s, uint8_t *p) {
  (void)c, (void)s;
  return p;
}

void on_close(conn *c, const char *why) {
  if (c->dead) return;
  fprintf(stderr, "loader: connection %d with %u requests in flight: %s\n", c->index, c->live, why);
  bad_lost += c->live;
  in_flight -= c->live;
  finished = now;
  alive--;
  conn_close(c);
}

static conn *open_connection(int index) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = hosts[index % host_count]};
  struct sockaddr_in from = {.sin_family = AF_INET};
  if (callers > 0) from.sin_addr.s_addr = htonl(ntohl(first_caller.s_addr) + index % callers);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  if (fd < 0 || (callers > 0 && bind(fd, (struct sockaddr *)&from, sizeof from) != 0) ||
      connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    fprintf(stderr, "loader: cannot connect to %s:%d: %s\n", inet_ntoa(to.sin_addr), port, strerror(errno));
    exit(2);
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);  // no pacing timers on loopback
  fcntl(fd, F_SETFL, O_NONBLOCK);
  uint32_t slots = 16;
  while (slots < (uint32_t)streams * 4 && slots < 4096) slots *= 2;
  conn *c = conn_new(fd, index, slots);
  client *own = c->own = calloc(1, sizeof *own);
  own->next_id = 1;
  encoder_init(&own->out);
  decoder_init(&own->in);
  memcpy(conn_reserve(c, 24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  c->fill.len += 24;
  conn_settings(c);
  conn_watch(c);
  conn_flush(c);
  return c;
}

// One round: waits at most until `until`, reads what is there, writes what is due.
static void turn(uint64_t until) {
  struct epoll_event events[256];
  int64_t wait = until > now ? (int64_t)(until - now) : 0;
  struct timespec timeout = {wait / SECOND, wait % SECOND};
  int count = epoll_pwait2(poller, events, 256, &timeout, NULL);
  total.waits++;
  now = clock_now();
  for (int i = 0; i < count; i++) {
    conn *c = events[i].data.ptr;
    int was = c->settled;
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) conn_read(c);
    if (c->dead) continue;
    settled += c->settled != was;
    conn_flush(c);
  }
}

static void run(void) {
  uint64_t limit = now + 10ull * SECOND;
  while (settled < connections && alive == connections && now < limit) turn(limit);
  if (settled < connections) {
    fprintf(stderr, "loader: only %d of %d connections were answered with SETTINGS\n", settled, connections);
    exit(2);
  }
  total = (counters){0};
  now = started = finished = clock_now();
  deadline = started + (uint64_t)(seconds * SECOND);
  for (int i = 0; i < connections; i++) {
    issue_more(all[i]);
    conn_flush(all[i]);
  }
  while (alive > 0 && (!stopped || in_flight > 0) && now < deadline + (uint64_t)DRAIN_SECONDS * SECOND) {
    uint64_t until = stopped ? deadline + (uint64_t)DRAIN_SECONDS * SECOND : deadline;
    if (rate > 0) {
      issue_scheduled();
      uint64_t due = started + (uint64_t)(scheduled * (SECOND / rate));
      if (!stopped && due > now && due < until) until = due;
    }
    turn(until);
    if (rate == 0 && now >= deadline) stopped = 1;
    if (bad_reset + bad_status + bad_framing > 1000 && completed == 0) stopped = 1;
  }
}

static void print(void) {
  double took = (finished - started) / 1e9, requests = completed;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("{\"connections\":%d,\"streams\":%d,\"requests\":%lu,\"issued\":%lu,\"seconds\":%.6f,\"requestsPerSecond\":%.1f,",
         connections, streams, completed, issued, took, took > 0 ? requests / took : 0);
  printf("\"errors\":%lu,\"errorKinds\":{\"reset\":%lu,\"status\":%lu,\"framing\":%lu,\"lost\":%lu,\"unanswered\":%lu},",
         bad_reset + bad_status + bad_framing + bad_lost + in_flight, bad_reset, bad_status, bad_framing, bad_lost, in_flight);
  printf("\"reads\":%lu,\"writes\":%lu,\"waits\":%lu,\"octetsSent\":%lu,\"octetsReceived\":%lu,", total.reads, total.writes,
         total.waits, total.sent, total.received);
  printf("\"requestsPerRead\":%.3f,\"requestsPerWrite\":%.3f,\"cpuSeconds\":%.4f,", total.reads ? requests / total.reads : 0,
         total.writes ? requests / total.writes : 0, cpu);
  printf("\"latencyMicros\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         latencies.count ? latencies.sum / 1e3 / latencies.count : 0, latency_at(&latencies, 0.5) / 1e3,
         latency_at(&latencies, 0.9) / 1e3, latency_at(&latencies, 0.99) / 1e3, latency_at(&latencies, 0.999) / 1e3,
         latencies.max / 1e3);
  fflush(stdout);
}

// Splits a list at its commas, and has `each` take the parts. Returns their number, 0 if one is refused or there are too many.
static int split(char *list, int (*each)(int at, char *part)) {
  int count = 0;
  for (char *part = strtok(list, ","); part; part = strtok(NULL, ",")) {
    if (count == MAX_TARGETS || !each(count, part)) return 0;
    count++;
  }
  return count;
}

static int take_host(int at, char *part) { return inet_aton(part, &hosts[at]); }

static int take_authority(int at, char *part) {
  authorities[at] = request_fields[AUTHORITY];
  authorities[at].value = part;
  return 1;
}

static void parse(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, 0, 'p'},           {"connections", 1, 0, 'c'},    {"streams", 1, 0, 's'},   {"seconds", 1, 0, 't'},
      {"requests", 1, 0, 'n'},       {"rate", 1, 0, 'r'},           {"headers17", 0, 0, 'h'}, {"message-octets", 1, 0, 'm'},
      {"host", 1, 0, 'o'},           {"callers", 1, 0, 'C'},        {"first-caller", 1, 0, 'f'},
      {"messages", 1, 0, 'M'},       {"request-octets", 1, 0, 'q'}, {"authority", 1, 0, 'a'},      {"hold", 1, 0, 'H'},      {"help", 0, 0, '?'},
      {0},
  };
  int bad_address = 0;
  hosts[0].s_addr = first_caller.s_addr = htonl(INADDR_LOOPBACK);
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (o) {
      case 'p': port = atoi(optarg); break;
      case 'c': connections = atoi(optarg); break;
      case 's': streams = atoi(optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'n': request_limit = strtoull(optarg, NULL, 10); break;
      case 'r': rate = atof(optarg); break;
      case 'h': field_count = ALL_FIELDS; break;
      case 'm': response_octets = atoi(optarg); break;
      case 'q': request_octets = atoi(optarg); break;
      case 'M': messages = atoi(optarg); break;
      case 'a': bad_address |= !(authority_count = split(optarg, take_authority)); break;
      case 'o': bad_address |= !(host_count = split(optarg, take_host)); break;
      case 'C': callers = atoi(optarg); break;
      case 'f': bad_address |= !inet_aton(optarg, &first_caller); break;
      case 'H': hold = atof(optarg); break;
      default: fputs(usage, stderr); exit(64);
    }
  if (port > 0 && port < 65536 && connections > 0 && connections <= MAX_CONNECTIONS && streams > 0 && seconds > 0 &&
      seconds <= 600 && hold <= 600 && response_octets >= 2 && request_octets >= 13 && messages > 0 && messages < 65536 && callers >= 0 && !bad_address && optind == argc)
    return;
  fputs(usage, stderr);
  exit(64);
}

int main(int argc, char **argv) {
  parse(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);
  struct rlimit files = {.rlim_cur = MAX_CONNECTIONS + 100, .rlim_max = MAX_CONNECTIONS + 100};
  if (connections > 1000) setrlimit(RLIMIT_NOFILE, &files);
  fill_token();
  if (authority_count > 0) request_fields[AUTHORITY] = authorities[0];
  fields_prepare(request_fields, ALL_FIELDS);
  fields_prepare(authorities, authority_count);
  memcpy(unique, request_fields[8].value, sizeof unique);
  // The request: length prefix, then a google.protobuf.BytesValue whose first four octets ask for the response's length.
  put32(lead + 1, request_octets);
  lead[PREFIX] = 0x0a;
  uint8_t *p = lead + PREFIX + 1;
  uint32_t rest = request_octets - 2;
  if (rest >= 128) rest = request_octets - (request_octets < 16387 ? 3 : request_octets < 2097156 ? 4 : 5);
  for (uint32_t v = rest; (*p++ = v >= 128 ? 128 | (v & 127) : v) >= 128;) v >>= 7;
  if (p + 4 <= lead + LEAD_MAX) put32(p, response_octets == DEFAULT_MESSAGE ? 0 : response_octets);
  if (messages > 1 && p + 6 <= lead + LEAD_MAX) p[4] = messages >> 8, p[5] = messages;
  whole_octets = (response_octets + PREFIX) * messages;
  poller = epoll_create1(EPOLL_CLOEXEC);
  now = clock_now();
  all = calloc(connections, sizeof *all);
  alive = connections;
  for (int i = 0; i < connections; i++) all[i] = open_connection(i);
  run();
  print();
  uint64_t until = clock_now() + (uint64_t)(hold * SECOND);
  stopped = 1;
  for (now = clock_now(); hold > 0 && now < until && alive > 0;) turn(until);
  return completed > 0 && bad_reset + bad_status + bad_framing + bad_lost + in_flight == 0 ? 0 : 1;
}
