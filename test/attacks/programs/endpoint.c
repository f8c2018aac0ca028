// The endpoint that attackers and innocents share: an honest gRPC server that counts. It answers every request with as many
// octets as the message asks for, gives credit for all it reads, sets no limit and punishes nobody: what reaches it has
// got through the proxy. The innocent marks its messages, so that its calls are told from the others.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"

enum { DEFAULT_MESSAGE = 100, PREFIX = 5, MAX_MESSAGE = 64 << 20, ASK = 16, MARK_AT = 11, PREFACE = 24 };

typedef struct session {
  uint8_t preface_left;
} session;

const int body_end_flag = 0;
static uint64_t connections, open_now, streams, requests, innocents, resets, failures;
static int input_key, listener_key, listener;

// Literals without indexing: the peer's table stays out of it.
static const uint8_t answer_head[] = "\x88\x0f\x10\x10" "application/grpc";
static const uint8_t answer_tail[] = "\x00\x0bgrpc-status\x01" "0";

static uint8_t *put_block(uint8_t *at, const uint8_t *block, size_t len, int flags, uint32_t id) {
  memcpy(at + HEAD, block, len);
  put_head(at, len, HEADERS, flags, id);
  return at + HEAD + len;
}

uint8_t *on_body_end(conn *c, stream *s, uint8_t *at) {
  uint8_t *end = put_block(at, answer_tail, sizeof answer_tail - 1, END_HEADERS | END_STREAM, s->id);
  stream_free(c, s);
  return end;
}

// The message's first field holds, after its tag and length, how many octets are asked for; 0 for the usual.
static uint32_t asked_octets(const stream *s) {
  uint32_t at = PREFIX + 1;
  if (s->received < ASK || s->lead[PREFIX] != 0x0a) return DEFAULT_MESSAGE;
  while (at < ASK - 5 && s->lead[at] & 128) at++;
  uint32_t octets = get32(s->lead + at + 1);
  return octets == 0 || octets > MAX_MESSAGE ? DEFAULT_MESSAGE : octets;
}

static void answer(conn *c, stream *s) {
  uint32_t octets = asked_octets(s);
  uint8_t prefix[PREFIX] = {0};
  requests++;
  innocents += s->received >= ASK && s->lead[MARK_AT] == 'I';
  put32(prefix + 1, octets);
  s->lead_len = 0;
  uint8_t *at = conn_reserve(c, HEAD + 64);
  conn_commit(c, put_block(at, answer_head, sizeof answer_head - 1, END_HEADERS, s->id));
  stream_body(c, s, prefix, PREFIX, octets + PREFIX);
}

void on_settings(conn *c) { (void)c; }

void on_block(conn *c, uint32_t id, int flags, const uint8_t *block, uint32_t len) {
  (void)block, (void)len;
  stream *s = stream_find(c, id);
  if (!s) {
    s = stream_open(c, id);
    streams++;
  }
  if (flags & END_STREAM && !s->left) answer(c, s);
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
  resets++;
  stream *s = stream_find(c, id);
  if (s) stream_free(c, s);
}

void on_goaway(conn *c, uint32_t last, uint32_t code) {
  (void)c, (void)last;
  if (code != 0) failures++;
}

void on_close(conn *c, const char *why) {
  (void)why;
  if (c->dead) return;
  free(c->own);
  open_now--;
  conn_close(c);
}

static void accept_all(void) {
  for (int fd, yes = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    conn *c = conn_new(fd, 0, 64);
    session *own = c->own = calloc(1, sizeof *own);
    own->preface_left = PREFACE;
    connections++, open_now++;
    conn_settings(c);
    conn_watch(c);
    conn_flush(c);
  }
}

static void serve(conn *c, uint32_t events) {
  session *own = c->own;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    while (own->preface_left) {
      uint8_t text[PREFACE];
      ssize_t n = recv(c->fd, text, own->preface_left, 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) {
        on_close(c, "closed before the preface");
        return;
      }
      own->preface_left -= n;
    }
    conn_read(c);
  }
  if (!c->dead) conn_flush(c);
}

static void print(void) {
  printf("{\"connections\":%lu,\"open\":%lu,\"streams\":%lu,\"requests\":%lu,\"innocents\":%lu,\"resets\":%lu,"
         "\"failures\":%lu}\n",
         connections, open_now, streams, requests, innocents, resets, failures);
  fflush(stdout);
}

static void watch(int fd, void *key) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = key};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

int main(void) {
  struct rlimit files = {.rlim_cur = 20000, .rlim_max = 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 1024) != 0 ||
      getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
    perror("endpoint: cannot listen");
    return 2;
  }
  watch(listener, &listener_key);
  watch(0, &input_key);
  printf("{\"port\":%d}\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < count; i++) {
      void *key = events[i].data.ptr;
      conn *c = key;
      if (key == &listener_key) {
        accept_all();
      } else if (key == &input_key) {
        char line[64];
        if (read(0, line, sizeof line) <= 0) return 0;
        print();
      } else if (!c->dead) {
        serve(c, events[i].events);
      }
    }
  }
}
