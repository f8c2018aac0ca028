// One HTTP/2 connection as the load generator and the backend share it: sockets, frames, flow control both ways. What a
// frame means is the program's business: it defines the on_* functions.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, HAS_PRIORITY = 32 };
enum { HEAD = 9, FRAME_MAX = 16384, IOVS = 64, LEAD_MAX = 16, TAIL_MAX = 64 };

typedef struct stream {
  uint32_t id;        // 0: this slot is free
  uint32_t received;  // body octets so far
  uint32_t unacked;   // body octets whose credit was not given back yet
  uint32_t left;      // body octets still to send
  int32_t window;     // what the peer's stream window allows
  uint8_t stage;      // the program's own
  uint8_t queued;
  uint8_t lead[LEAD_MAX];  // sent in front of the body's zeros, part of it
  uint8_t lead_len;
  uint32_t message;  // most octets of one DATA frame, 0: as many as the peer takes
  uint64_t start;
  struct stream *next;
} stream;

typedef struct buffer {
  uint8_t *at;
  size_t len, cap;
} buffer;

typedef struct conn {
  int fd, index, port;
  uint8_t dead, settled;  // settled: the peer's SETTINGS have come
  // input: an incomplete frame is carried to the next read; DATA never is
  buffer carry;
  uint32_t data_left, data_pad, data_id;
  uint8_t data_end;
  uint32_t unacked;
  buffer block;  // a header block in pieces
  uint32_t block_id;
  uint8_t block_flags;
  // output: small frames fill `fill`; `busy` and the bodies are what `iov` is about to write
  buffer fill, busy;
  struct iovec iov[IOVS];
  uint8_t heads[IOVS][HEAD + LEAD_MAX + TAIL_MAX];
  int iov_at, iov_count;
  stream *first_body, *last_body;
  int64_t window;
  int32_t peer_initial;
  uint32_t peer_frame, peer_streams, peer_table;
  // streams by (id >> 1) & mask
  stream *slots;
  uint32_t mask, live;
  void *own;  // the program's own
  void *tls;  // the session's, where there is one
} conn;

typedef struct counters {
  uint64_t reads, writes, waits, received, sent;
} counters;

// How octets come and go: plain sockets unless a program puts something in front of them. As recv and sendmsg.
typedef struct carrier {
  ssize_t (*receive)(conn *c, void *at, size_t octets);
  ssize_t (*send)(conn *c, const struct iovec *v, int count);
  void (*close)(conn *c);
} carrier;

extern carrier carry_by;
extern counters total;
extern uint32_t own_stream_window, own_connection_window;
extern int poller;

conn *conn_new(int fd, int index, uint32_t slots);
void conn_watch(conn *c);
void conn_read(conn *c);   // reads what is there, calls on_*
void conn_flush(conn *c);  // writes what is due
void conn_close(conn *c);
void conn_settings(conn *c);  // our SETTINGS and connection window
uint8_t *conn_reserve(conn *c, size_t octets);  // room at the end of the output
static inline void conn_commit(conn *c, uint8_t *end) { c->fill.len = end - c->fill.at; }
void conn_frame(conn *c, int type, int flags, uint32_t id, const void *payload, uint32_t len);

stream *stream_find(conn *c, uint32_t id);
stream *stream_open(conn *c, uint32_t id);  // doubles the table if a live stream is in the slot
void stream_free(conn *c, stream *s);
// Sends `octets` of body, of which the first are `lead`, as the windows allow; then on_body_end is asked for the tail.
void stream_body(conn *c, stream *s, const void *lead, int lead_len, uint32_t octets);

static inline uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint8_t *put32(uint8_t *p, uint32_t v) {
  p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v;
  return p + 4;
}
static inline uint8_t *put_head(uint8_t *p, uint32_t len, int type, int flags, uint32_t id) {
  p[0] = len >> 16, p[1] = len >> 8, p[2] = len, p[3] = type, p[4] = flags;
  return put32(p + 5, id);
}

// Defined by each program.
extern const int body_end_flag;  // END_STREAM if the last DATA frame ends the stream
void on_settings(conn *c);
void on_block(conn *c, uint32_t id, int flags, const uint8_t *block, uint32_t len);
// `octets` of body without padding; `p` is valid during the call.
void on_data(conn *c, uint32_t id, const uint8_t *p, uint32_t octets, int end);
void on_reset(conn *c, uint32_t id, uint32_t code);
void on_goaway(conn *c, uint32_t last, uint32_t code);
// The body is out: writes the stream's last frame to `p` (at most TAIL_MAX octets) and returns its end.
uint8_t *on_body_end(conn *c, stream *s, uint8_t *p);
void on_close(conn *c, const char *why);
