#define _GNU_SOURCE
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024 };

counters total;
uint32_t own_stream_window = 1 << 20, own_connection_window = 16 << 20;
int poller;
static uint8_t input[HEAD + FRAME_MAX + READ_SIZE];
static uint8_t zeros[FRAME_MAX];

static ssize_t plain_receive(conn *c, void *at, size_t octets) { return recv(c->fd, at, octets, 0); }

static ssize_t plain_send(conn *c, const struct iovec *v, int count) {
  if (count == 1) return send(c->fd, v->iov_base, v->iov_len, MSG_NOSIGNAL);
  return sendmsg(c->fd, &(struct msghdr){.msg_iov = (struct iovec *)v, .msg_iovlen = count}, MSG_NOSIGNAL);
}

static void plain_close(conn *c) { (void)c; }

carrier carry_by = {plain_receive, plain_send, plain_close};

conn *conn_new(int fd, int index, uint32_t slots) {
  conn *c = calloc(1, sizeof *c);
  c->fd = fd;
  c->index = index;
  c->window = c->peer_initial = 65535;
  c->peer_frame = FRAME_MAX;
  c->peer_streams = UINT32_MAX;
  c->peer_table = 4096;
  c->slots = calloc(slots, sizeof(stream));
  c->mask = slots - 1;
  return c;
}

// Edge-triggered for both directions and never changed: epoll need not look at a socket again after its event.
void conn_watch(conn *c) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

void conn_close(conn *c) {
  if (c->dead) return;
  c->dead = 1;
  carry_by.close(c);
  close(c->fd);
  free(c->carry.at), free(c->block.at), free(c->fill.at), free(c->busy.at), free(c->slots);
  c->carry = c->block = c->fill = c->busy = (buffer){0};
  c->slots = NULL;
}

static void grow(buffer *b, size_t need) {
  if (b->cap >= need) return;
  while (b->cap < need) b->cap = b->cap ? b->cap * 2 : 4096;
  b->at = realloc(b->at, b->cap);
}

uint8_t *conn_reserve(conn *c, size_t octets) {
  grow(&c->fill, c->fill.len + octets);
  return c->fill.at + c->fill.len;
}

void conn_frame(conn *c, int type, int flags, uint32_t id, const void *payload, uint32_t len) {
  uint8_t *p = put_head(conn_reserve(c, HEAD + len), len, type, flags, id);
  if (len) memcpy(p, payload, len);
  c->fill.len += HEAD + len;
}

void conn_settings(conn *c) {
  uint8_t payload[6] = {0, 4};
  put32(payload + 2, own_stream_window);
  conn_frame(c, SETTINGS, 0, 0, payload, 6);
  put32(payload, own_connection_window - 65535);
  conn_frame(c, WINDOW_UPDATE, 0, 0, payload, 4);
}

stream *stream_find(conn *c, uint32_t id) {
  stream *s = &c->slots[id >> 1 & c->mask];
  return s->id == id ? s : NULL;
}

static void double_slots(conn *c) {
  uint32_t old = c->mask + 1;
  stream *from = c->slots;
  c->mask = old * 2 - 1;
  c->slots = calloc(old * 2, sizeof(stream));
  for (uint32_t i = 0; i < old; i++)
    if (from[i].id) c->slots[from[i].id >> 1 & c->mask] = from[i];
  // Queued bodies point at slots: move the links along.
  stream **link = &c->first_body;
  for (stream *s = c->first_body; s; s = s->next) {
    c->last_body = *link = &c->slots[s->id >> 1 & c->mask];
    link = &c->last_body->next;
  }
  free(from);
}

stream *stream_open(conn *c, uint32_t id) {
  while (c->slots[id >> 1 & c->mask].id != 0) double_slots(c);
  stream *s = &c->slots[id >> 1 & c->mask];
  memset(s, 0, sizeof *s);
  s->id = id;
  s->window = c->peer_initial;
  c->live++;
  return s;
}

void stream_free(conn *c, stream *s) {
  if (s->queued) {
    stream **link = &c->first_body, *before = NULL;
    while (*link != s) before = *link, link = &before->next;
    *link = s->next;
    if (c->last_body == s) c->last_body = before;
  }
  s->id = 0;
  s->queued = 0;
  c->live--;
}

static void enqueue(conn *c, stream *s) {
  if (s->queued || s->left == 0 || s->window <= 0) return;
  s->queued = 1;
  s->next = NULL;
  if (c->first_body) c->last_body->next = s;
  else c->first_body = s;
  c->last_body = s;
}

void stream_body(conn *c, stream *s, const void *lead, int lead_len, uint32_t octets) {
  s->left = octets;
  if (!c->first_body && (s->message == 0 || octets <= s->message) && octets <= c->peer_frame && (int64_t)octets <= s->window && octets <= c->window) {
    uint8_t *p = put_head(conn_reserve(c, HEAD + octets + TAIL_MAX), octets, DATA, body_end_flag, s->id);
    memcpy(p, lead, lead_len);
    memset(p + lead_len, 0, octets - lead_len);
    s->window -= octets;
    c->window -= octets;
    s->left = 0;
    conn_commit(c, on_body_end(c, s, p + octets));
    return;
  }
  memcpy(s->lead, lead, lead_len);
  s->lead_len = lead_len;
  enqueue(c, s);
}

// Frames of queued bodies, one of each in turn, straight from the zeros.
static void compose_bodies(conn *c) {
  while (c->first_body && c->iov_count + 3 <= IOVS && c->window > 0) {
    stream *s = c->first_body;
    c->first_body = s->next;
    s->queued = 0;
    if (s->window <= 0) continue;  // its next WINDOW_UPDATE queues it again
    uint32_t octets = s->left;
    if (octets > c->peer_frame) octets = c->peer_frame;
    if (octets > FRAME_MAX) octets = FRAME_MAX;
    if (s->message && octets > s->message) octets = s->message;
    if (octets > c->window) octets = c->window;
    if ((int64_t)octets > s->window) octets = s->window;
    uint32_t lead = s->lead_len < octets ? s->lead_len : octets;
    s->left -= octets;
    s->window -= octets;
    c->window -= octets;
    uint8_t *head = c->heads[c->iov_count];
    uint8_t *p = put_head(head, octets, DATA, s->left ? 0 : body_end_flag, s->id);
    memcpy(p, s->lead, lead);
    s->lead_len -= lead;
    memmove(s->lead, s->lead + lead, s->lead_len);
    c->iov[c->iov_count++] = (struct iovec){head, HEAD + lead};
    if (octets > lead) c->iov[c->iov_count++] = (struct iovec){zeros, octets - lead};
    if (s->left) {
      enqueue(c, s);
      continue;
    }
    head = c->heads[c->iov_count];
    size_t tail = on_body_end(c, s, head) - head;
    if (tail) c->iov[c->iov_count++] = (struct iovec){head, tail};
  }
}

static int compose(conn *c) {
  c->iov_at = c->iov_count = 0;
  c->busy.len = 0;
  if (c->fill.len) {
    buffer swap = c->busy;
    c->busy = c->fill;
    c->fill = swap;
    c->iov[c->iov_count++] = (struct iovec){c->busy.at, c->busy.len};
  }
  if (c->first_body) compose_bodies(c);
  return c->iov_count;
}

static void advance(conn *c, size_t written) {
  while (written > 0) {
    struct iovec *v = &c->iov[c->iov_at];
    size_t part = written < v->iov_len ? written : v->iov_len;
    v->iov_base = (uint8_t *)v->iov_base + part;
    v->iov_len -= part;
    written -= part;
    if (v->iov_len == 0) c->iov_at++;
  }
}

void conn_flush(conn *c) {
  while (!c->dead && (c->iov_at < c->iov_count || compose(c))) {
    struct iovec *v = &c->iov[c->iov_at];
    int count = c->iov_count - c->iov_at;
    ssize_t n = carry_by.send(c, v, count);
    total.writes++;
    if (n > 0) {
      total.sent += n;
      advance(c, n);
    }
    if (c->iov_at == c->iov_count) continue;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      on_close(c, "write failed");
      return;
    }
    if (n < 0) return;  // the socket is full: its next event goes on from here
  }
}

static void give_back(conn *c, uint32_t id, uint32_t octets) {
  uint8_t payload[4];
  put32(payload, octets);
  conn_frame(c, WINDOW_UPDATE, 0, id, payload, 4);
}

static void data_piece(conn *c, const uint8_t *p, uint32_t octets) {
  c->data_left -= octets;
  int last = c->data_left == 0;
  uint32_t body = octets;
  if (c->data_pad) {  // the padding is the end of what is left
    uint32_t real = c->data_left + octets > c->data_pad ? c->data_left + octets - c->data_pad : 0;
    body = octets < real ? octets : real;
  }
  c->unacked += octets;
  if (c->unacked >= own_connection_window / 2) {
    give_back(c, 0, c->unacked);
    c->unacked = 0;
  }
  stream *s = stream_find(c, c->data_id);
  if (s && !(c->data_end && last)) {
    s->unacked += octets;
    if (s->unacked >= own_stream_window / 2) {
      give_back(c, s->id, s->unacked);
      s->unacked = 0;
    }
  }
  on_data(c, c->data_id, p, body, c->data_end && last);
}

static int settings(conn *c, const uint8_t *p, uint32_t len) {
  for (; len >= 6; p += 6, len -= 6) {
    uint32_t value = get32(p + 2);
    switch (p[0] << 8 | p[1]) {
      case 1: c->peer_table = value; break;
      case 3: c->peer_streams = value; break;
      case 5: c->peer_frame = value; break;
      case 4:
        for (uint32_t i = 0; i <= c->mask; i++) {
          stream *s = &c->slots[i];
          if (s->id == 0) continue;
          s->window += (int32_t)value - c->peer_initial;
          enqueue(c, s);
        }
        c->peer_initial = value;
    }
  }
  conn_frame(c, SETTINGS, ACK, 0, NULL, 0);
  c->settled = 1;
  on_settings(c);
  return 1;
}

static int headers(conn *c, int type, int flags, uint32_t id, const uint8_t *p, uint32_t len) {
  if (type == HEADERS) {
    uint32_t pad = 0;
    if (flags & PADDED) {
      if (len < 1 || p[0] >= len) return 0;
      pad = p[0];
      p++, len--;
    }
    if (flags & HAS_PRIORITY) {
      if (len < 5) return 0;
      p += 5, len -= 5;
    }
    if (pad > len) return 0;
    len -= pad;
    if (flags & END_HEADERS) {
      on_block(c, id, flags, p, len);
      return 1;
    }
    c->block.len = 0;
    c->block_id = id;
    c->block_flags = flags;
  } else if (id != c->block_id) {
    return 0;
  }
  grow(&c->block, c->block.len + len + 1);
  memcpy(c->block.at + c->block.len, p, len);
  c->block.len += len;
  if (!(flags & END_HEADERS)) return c->block.len < 1 << 20;
  c->block_id = 0;
  on_block(c, id, c->block_flags, c->block.at, c->block.len);
  return 1;
}

static int frame(conn *c, int type, int flags, uint32_t id, const uint8_t *p, uint32_t len) {
  switch (type) {
    case HEADERS:
    case CONTINUATION: return headers(c, type, flags, id, p, len);
    case SETTINGS: return flags & ACK ? 1 : settings(c, p, len);
    case PING:
      if (len != 8) return 0;
      if (!(flags & ACK)) conn_frame(c, PING, ACK, 0, p, 8);
      return 1;
    case RST_STREAM:
      if (len != 4) return 0;
      on_reset(c, id, get32(p));
      return 1;
    case GOAWAY:
      if (len < 8) return 0;
      on_goaway(c, get32(p) & 0x7fffffff, get32(p + 4));
      return 1;
    case WINDOW_UPDATE:
      if (len != 4) return 0;
      if (id == 0) {
        c->window += get32(p);
        return 1;
      }
      stream *s = stream_find(c, id);
      if (s) {
        s->window += get32(p);
        enqueue(c, s);
      }
  }
  return 1;
}

// Reads once and returns whether there may be more.
static int read_once(conn *c) {
  size_t carried = c->carry.len;
  if (carried) memcpy(input, c->carry.at, carried);
  ssize_t n = carry_by.receive(c, input + carried, READ_SIZE);
  total.reads++;
  if (n <= 0) {
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    on_close(c, n == 0 ? "closed by the peer" : "read failed");
    return 0;
  }
  total.received += n;
  const uint8_t *p = input, *end = input + carried + n;
  while (!c->dead) {
    if (c->data_left) {
      if (p == end) break;
      uint32_t part = (size_t)(end - p) < c->data_left ? (uint32_t)(end - p) : c->data_left;
      data_piece(c, p, part);
      p += part;
      continue;
    }
    if (end - p < HEAD) break;
    uint32_t len = p[0] << 16 | p[1] << 8 | p[2], id = get32(p + 5) & 0x7fffffff;
    int type = p[3], flags = p[4];
    if (len > FRAME_MAX || (c->block_id && type != CONTINUATION)) {
      on_close(c, "frame not allowed here");
      return 0;
    }
    if (type == DATA) {
      int padded = flags & PADDED ? 1 : 0;
      if (end - p < HEAD + padded) break;
      if (padded && (len == 0 || p[HEAD] >= len)) {
        on_close(c, "bad padding");
        return 0;
      }
      c->data_pad = padded ? p[HEAD] : 0;
      c->data_left = len - padded;
      c->unacked += padded;
      c->data_id = id;
      c->data_end = flags & END_STREAM;
      p += HEAD + padded;
      if (c->data_left == 0) on_data(c, id, p, 0, c->data_end);
      continue;
    }
    if ((size_t)(end - p) < HEAD + len) break;
    if (!frame(c, type, flags, id, p + HEAD, len)) {
      on_close(c, "malformed frame");
      return 0;
    }
    p += HEAD + len;
  }
  if (c->dead) return 0;
  c->carry.len = end - p;
  if (c->carry.len) {
    grow(&c->carry, c->carry.len);
    memcpy(c->carry.at, p, c->carry.len);
  }
  return n == READ_SIZE;
}

void conn_read(conn *c) {
  while (read_once(c)) continue;
}
