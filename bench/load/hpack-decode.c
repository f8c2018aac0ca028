#include "hpack-decode.h"

#include <string.h>

#include "huffman-table.h"

static const uint8_t static_name_len[62] = {0,  10, 7,  7,  5,  5,  7, 7, 7,  7,  7,  7,  7,  7,  7,  14,
                                            15, 15, 13, 6,  27, 3,  5, 13, 13, 19, 16, 16, 14, 16, 13, 12,
                                            6,  4,  4,  6,  7,  4,  4, 8, 17, 13, 8,  19, 13, 4,  8,  12,
                                            18, 19, 5,  7,  7,  11, 6, 10, 25, 17, 10, 4,  3,  16};

// Tree over the Huffman code: node[n][bit] is the next node, or -1 - octet for a leaf.
static int16_t node[512][2];

static void build_tree(void) {
  int count = 1;
  for (int c = 0; c < 256; c++) {
    int at = 0;
    for (int bit = huffman_bits[c] - 1; bit >= 0; bit--) {
      int16_t *next = &node[at][huffman_code[c] >> bit & 1];
      if (bit == 0) *next = -1 - c;
      else if (*next == 0) *next = count++;
      at = *next;
    }
  }
}

void decoder_init(decoder *d) {
  if (node[0][0] == 0) build_tree();
  memset(d, 0, sizeof *d);
  d->oldest = 1;
  d->limit = 4096;
}

static int get_integer(const uint8_t **p, const uint8_t *end, int prefix, uint32_t *out) {
  uint32_t max = (1u << prefix) - 1, value = *(*p)++ & max;
  if (value == max) {
    for (int shift = 0;; shift += 7) {
      if (*p == end || shift > 21) return 0;
      uint8_t octet = *(*p)++;
      value += (uint32_t)(octet & 127) << shift;
      if (octet < 128) break;
    }
  }
  *out = value;
  return 1;
}

// Decoded length of a string literal; its first octets go to `text` (16 octets, padded with zeros).
static int get_string(const uint8_t **p, const uint8_t *end, uint32_t *len, char *text) {
  if (*p == end) return 0;
  int huffman = **p & 0x80;
  uint32_t raw;
  if (!get_integer(p, end, 7, &raw) || raw > (size_t)(end - *p)) return 0;
  memset(text, 0, 16);
  const uint8_t *s = *p;
  *p += raw;
  if (!huffman) {
    memcpy(text, s, raw < 16 ? raw : 16);
    *len = raw;
    return 1;
  }
  uint32_t count = 0;
  int at = 0;
  for (uint32_t bit = 0; bit < raw * 8; bit++) {
    at = node[at][s[bit >> 3] >> (7 - (bit & 7)) & 1];
    if (at >= 0) continue;
    if (count < 16) text[count] = -1 - at;
    count++;
    at = 0;
  }
  *len = count;
  return 1;
}

static int name_of(const char *text, uint32_t len) {
  if (len == 7 && memcmp(text, ":status", 7) == 0) return NAME_STATUS;
  if (len == 11 && memcmp(text, "grpc-status", 11) == 0) return NAME_GRPC_STATUS;
  return NAME_OTHER;
}

static int number_of(const char *text, uint32_t len) {
  int value = 0;
  for (uint32_t i = 0; i < len && i < 4; i++) value = value * 10 + (text[i] - '0');
  return value;
}

static void evict_to(decoder *d, uint32_t room) {
  while (d->used > room) d->used -= d->entry[d->oldest++ % DECODER_SLOTS].size;
}

static void insert(decoder *d, decoder_entry e) {
  evict_to(d, e.size > d->limit ? 0 : d->limit - e.size);
  if (e.size > d->limit) return;
  d->entry[++d->newest % DECODER_SLOTS] = e;
  d->used += e.size;
}

static int look_up(decoder *d, uint32_t index, decoder_entry *out) {
  static const int16_t statuses[] = {200, 204, 206, 304, 400, 404, 500};
  if (index == 0 || index > 61 + (d->newest + 1 - d->oldest)) return 0;
  if (index > 61) {
    *out = d->entry[(d->newest - (index - 62)) % DECODER_SLOTS];
    return 1;
  }
  *out = (decoder_entry){.name_len = static_name_len[index]};
  if (index >= 8 && index <= 14) {
    out->name = NAME_STATUS;
    out->value = statuses[index - 8];
  }
  return 1;
}

int decode_block(decoder *d, const uint8_t *p, size_t length, verdict *out) {
  const uint8_t *end = p + length;
  char text[16];
  out->status = out->grpc_status = -1;
  while (p < end) {
    uint8_t first = *p;
    uint32_t index, len;
    decoder_entry e;
    if ((first & 0xe0) == 0x20) {
      if (!get_integer(&p, end, 5, &d->limit) || d->limit > 4096) return 0;
      evict_to(d, d->limit);
      continue;
    }
    if (!get_integer(&p, end, first & 0x80 ? 7 : first & 0x40 ? 6 : 4, &index)) return 0;
    if (index > 0 && !look_up(d, index, &e)) return 0;
    if (!(first & 0x80)) {
      if (index == 0) {
        if (!get_string(&p, end, &len, text)) return 0;
        e = (decoder_entry){.name_len = len, .name = name_of(text, len)};
      }
      if (!get_string(&p, end, &len, text)) return 0;
      e.size = e.name_len + len + 32;
      e.value = e.name == NAME_OTHER ? 0 : number_of(text, len);
      if (first & 0x40) insert(d, e);
    } else if (index == 0) {
      return 0;
    }
    if (e.name == NAME_STATUS) out->status = e.value;
    if (e.name == NAME_GRPC_STATUS) out->grpc_status = e.value;
  }
  return 1;
}
