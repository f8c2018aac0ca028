// Backends for the benchmark: several gRPC servers (one per port) in one process. Each request is answered with HEADERS,
// a message and trailers with grpc-status 0. The message is 100 octets, or as many as the request's message asks for in
// the four octets after its first protobuf tag and length (0: 100); where the next two ask for a number, so many messages
// follow each other, a DATA frame each. Request header blocks are counted, not decoded. With --tls the servers want a
// client certificate.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "tls.h"

enum { MAX_PORTS = 64, DEFAULT_MESSAGE = 100, PREFIX = 5, MAX_MESSAGE = 64 << 20, ASK = 16, PREFACE = 24 };

typedef struct server {
  conn *self;  // serves as this listener's key in epoll
  int port;
  uint64_t connections, requests, received, header_octets;
} server;

// HPACK towards this peer: what was inserted so far, so that later blocks are indices only.
typedef struct session {
  uint8_t plain;  // the peer wants a smaller table than three entries need: literals only
  uint8_t announced, type_known, status_known;
  uint8_t preface_left;
} session;

const int body_end_flag = 0;
static server servers[MAX_PORTS];
static int server_count, signals_key, quit, with_tls;
static struct sockaddr_storage local;
static socklen_t local_octets;

static const uint8_t literal_type[] = "\x0f\x10\x10" "application/grpc";  // without indexing, name 31
static const uint8_t insert_type[] = "\x5f\x10" "application/grpc";       // with indexing, name 31
static const uint8_t literal_status[] = "\x00\x0bgrpc-status\x01" "0" "\x00\x0cgrpc-message\x00";
static const uint8_t insert_status[] = "\x40\x0bgrpc-status\x01" "0" "\x40\x0cgrpc-message\x00";

static uint8_t *put(uint8_t *p, const uint8_t *from, size_t len) {
  memcpy(p, from, len);
  return p + len;
}

static uint8_t *put_headers(conn *c, uint32_t id, uint8_t *at) {
  session *own = c->own;
  uint8_t *p = at + HEAD;
  if (own->plain && !own->announced) *p++ = 0x20;  // table size 0
  own->announced = 1;
  *p++ = 0x88;  // :status 200
  if (own->plain) p = put(p, literal_type, sizeof literal_type - 1);
  else if (own->type_known) *p++ = own->status_known ? 0x80 | 64 : 0x80 | 62;
  else p = put(p, insert_type, sizeof insert_type - 1);
  own->type_known = 1;
  put_head(at, p - at - HEAD, HEADERS, END_HEADERS, id);
  return p;
}

uint8_t *on_body_end(conn *c, stream *s, uint8_t *at) {
  session *own = c->own;
  uint8_t *p = at + HEAD;
  if (own->plain) p = put(p, literal_status, sizeof literal_status - 1);
  else if (own->status_known) *p++ = 0x80 | 63, *p++ = 0x80 | 62;
  else p = put(p, insert_status, sizeof insert_status - 1);
  own->status_known = 1;
  put_head(at, p - at - HEAD, HEADERS, END_HEADERS | END_STREAM, s->id);
  stream_free(c, s);
  return p;
}

// `s->lead` holds the first octets of the request until the answer takes its place.
static uint32_t asked_octets(const stream *s) {
  uint32_t at = PREFIX + 1;
  if (s->received < ASK || s->lead[PREFIX] != 0x0a) return DEFAULT_MESSAGE;
  while (at < ASK - 5 && s->lead[at] & 128) at++;
  uint32_t octets = get32(s->lead + at + 1);
  return octets == 0 || octets > MAX_MESSAGE ? DEFAULT_MESSAGE : octets;
}

// How many messages: the two octets after those.
static uint32_t asked_messages(const stream *s) {
  uint32_t at = PREFIX + 1;
  if (s->received < ASK || s->lead[PREFIX] != 0x0a || s->lead[at] & 128) return 1;
  uint32_t messages = s->lead[at + 5] << 8 | s->lead[at + 6];
  return messages == 0 ? 1 : messages;
}

static void answer(conn *c, stream *s) {
  uint32_t octets = asked_octets(s), messages = asked_messages(s);
  uint8_t prefix[PREFIX] = {0};
  servers[c->port].requests++;
  put32(prefix + 1, octets);
  s->lead_len = 0;
  conn_commit(c, put_headers(c, s->id, conn_reserve(c, HEAD + 64)));
  s->message = messages > 1 ? octets + PREFIX : 0;
  stream_body(c, s, prefix, PREFIX, (octets + PREFIX) * messages);
}

void on_settings(conn *c) {
  session *own = c->own;
  if (c->peer_table < 256 && !own->type_known) own->plain = 1;
}

void on_block(conn *c, uint32_t id, int flags, const uint8_t *block, uint32_t len) {
  (void)block;
  servers[c->port].header_octets += len;
  stream *s = stream_find(c, id);
  if (!s) s = stream_open(c, id);
  if (flags & END_STREAM) answer(c, s);
}

void on_data(conn *c, uint32_t id, const uint8_t *p, uint32_t octets, int end) {
  stream *s = stream_find(c, id);
  if (!s || s->left) return;
  if (s->received < ASK) {
    uint32_t part = ASK - s->received < octets ? ASK - s->received : octets;
    memcpy(s->lead + s->received, p, part);
  }
  s->received += octets;
  if (end) answer(c, s);
}

void on_reset(conn *c, uint32_t id, uint32_t code) {
  (void)code;
  stream *s = stream_find(c, id);
  if (s) stream_free(c, s);
}

void on_goaway(conn *c, uint32_t last, uint32_t code) { (void)c, (void)last, (void)code; }

void on_close(conn *c, const char *why) {
  (void)why;
  if (c->dead) return;
  free(c->own);
  conn_close(c);
}

static void print(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"cpuSeconds\":%.4f,\"reads\":%lu,\"writes\":%lu,\"waits\":%lu,\"ports\":[",
         usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
         total.reads, total.writes, total.waits);
  for (int i = 0; i < server_count; i++)
    printf("%s{\"port\":%d,\"connections\":%lu,\"requests\":%lu,\"octetsReceived\":%lu,\"headerOctets\":%lu}", i ? "," : "",
           servers[i].port, servers[i].connections, servers[i].requests, servers[i].received, servers[i].header_octets);
  printf("]}\n");
  fflush(stdout);
}

static void listen_on(int port) {
  server *s = &servers[server_count++];
  struct sockaddr_storage at = local;
  // The port is at one place in addresses of both families.
  ((struct sockaddr_in *)&at)->sin_port = htons(port);
  int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, local_octets) != 0 || listen(fd, 1024) != 0) {
    fprintf(stderr, "backend: cannot listen at port %d: %s\n", port, strerror(errno));
    exit(2);
  }
  s->port = port;
  s->self = conn_new(fd, -1, 1);
  s->self->port = server_count - 1;
  conn_watch(s->self);
}

static void accept_all(conn *listener) {
  for (int fd, yes = 1; (fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);  // no pacing timers on loopback
    conn *c = conn_new(fd, 0, 64);
    session *own = c->own = calloc(1, sizeof *own);
    own->preface_left = PREFACE;
    c->port = listener->port;
    servers[c->port].connections++;
    if (with_tls) tls_accept(c);
    conn_settings(c);
    conn_watch(c);
    conn_flush(c);
  }
}

static void skip_preface(conn *c) {
  session *own = c->own;
  uint8_t text[PREFACE];
  ssize_t n = carry_by.receive(c, text, own->preface_left);
  if (n > 0) own->preface_left -= n;
  else if (n == 0 || errno != EAGAIN) on_close(c, "closed before the preface");
}

static void serve(conn *c, uint32_t events) {
  session *own = c->own;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    if (own->preface_left) skip_preface(c);
    if (c->dead || own->preface_left) return;
    uint64_t before = total.received;
    int port = c->port;
    conn_read(c);
    servers[port].received += total.received - before;
  }
  if (!c->dead) conn_flush(c);
}

static int set_local(const char *host) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)&local;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&local;
  int is_v4 = inet_pton(AF_INET, host, &v4->sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) return 0;
  local.ss_family = is_v4 ? AF_INET : AF_INET6;
  local_octets = is_v4 ? sizeof *v4 : sizeof *v6;
  return 1;
}

int main(int argc, char **argv) {
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  char *ports = NULL;
  const char *host = "127.0.0.1", *tls = NULL;
  int bad = argc % 2 == 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--ports") == 0) ports = argv[i + 1];
    else if (strcmp(argv[i], "--host") == 0) host = argv[i + 1];
    else if (strcmp(argv[i], "--tls") == 0) tls = argv[i + 1];
    else bad = 1;
  }
  if (bad || !ports || !set_local(host)) {
    fputs("usage: backend --ports PORT[,PORT...] [--host ADDR] [--tls FOLDER]\n"
          "Listens on 127.0.0.1; with --host :: at all addresses of both families. With --tls as FOLDER's server.crt and server.key, for clients\n"
          "that FOLDER's ca.crt knows. Counters as JSON on SIGUSR1 and at the end (SIGTERM).\n", stderr);
    return 64;
  }
  with_tls = tls != NULL;
  if (with_tls) tls_prepare(tls);
  for (char *p = strtok(ports, ","); p && server_count < MAX_PORTS; p = strtok(NULL, ",")) listen_on(atoi(p));
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1), sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, SFD_CLOEXEC);
  struct epoll_event on_signal = {.events = EPOLLIN, .data.ptr = &signals_key};
  epoll_ctl(poller, EPOLL_CTL_ADD, signals, &on_signal);
  printf("{\"listening\":%d}\n", server_count);
  fflush(stdout);
  while (!quit) {
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, -1);
    total.waits++;
    for (int i = 0; i < count; i++) {
      conn *c = events[i].data.ptr;
      if ((void *)c == &signals_key) {
        struct signalfd_siginfo info;
        if (read(signals, &info, sizeof info) == sizeof info) print();
        quit = info.ssi_signo != SIGUSR1;
      } else if (c->index < 0) {
        accept_all(c);
      } else if (!c->dead) {
        serve(c, events[i].events);
      }
    }
  }
  return 0;
}
