#include "hpack-encode.h"

#include <stdlib.h>
#include <string.h>

#include "huffman-table.h"

static uint8_t *put_integer(uint8_t *p, uint8_t first, int prefix, uint32_t value) {
  uint32_t max = (1u << prefix) - 1;
  if (value < max) {
    *p++ = first | value;
    return p;
  }
  *p++ = first | max;
  for (value -= max; value >= 128; value >>= 7) *p++ = 128 | (value & 127);
  *p++ = value;
  return p;
}

static uint8_t *put_string(uint8_t *p, const char *s, size_t len) {
  uint32_t bits = 0;
  for (size_t i = 0; i < len; i++) bits += huffman_bits[(uint8_t)s[i]];
  uint32_t octets = (bits + 7) / 8;
  if (octets >= len) {
    p = put_integer(p, 0, 7, len);
    memcpy(p, s, len);
    return p + len;
  }
  p = put_integer(p, 0x80, 7, octets);
  uint64_t word = 0;
  int held = 0;
  for (size_t i = 0; i < len; i++) {
    uint8_t c = s[i];
    word = word << huffman_bits[c] | huffman_code[c];
    for (held += huffman_bits[c]; held >= 8; held -= 8) *p++ = word >> (held - 8);
  }
  if (held > 0) *p++ = word << (8 - held) | (0xff >> held);
  return p;
}

static uint8_t *coded(const char *s, uint16_t *len) {
  uint8_t *out = malloc(strlen(s) + 8);
  *len = put_string(out, s, strlen(s)) - out;
  return out;
}

void fields_prepare(field *fields, int count) {
  for (field *f = fields; f < fields + count; f++) {
    f->size = strlen(f->name) + strlen(f->value) + 32;
    f->coded_name = coded(f->name, &f->coded_name_len);
    f->coded_value = coded(f->value, &f->coded_value_len);
  }
}

void encoder_init(encoder *e) {
  memset(e, 0, sizeof *e);
  e->oldest = 1;
  e->limit = 4096;
}

static void evict_to(encoder *e, uint32_t room) {
  while (e->used > room) e->used -= e->entry_size[e->oldest++ % TABLE_SLOTS];
}

void encoder_limit(encoder *e, uint32_t announced) {
  uint32_t limit = announced < 4096 ? announced : 4096;
  if (limit == e->limit) return;
  e->limit = limit;
  e->announce = 1;
  evict_to(e, limit);
}

static int insert(encoder *e, uint32_t size) {
  if (size > e->limit) return 0;
  evict_to(e, e->limit - size);
  e->newest++;
  e->entry_size[e->newest % TABLE_SLOTS] = size;
  e->used += size;
  return 1;
}

size_t encode_block(encoder *e, const field *fields, int count, const char *unique, uint8_t *out) {
  uint8_t *p = out;
  if (e->announce) p = put_integer(p, 0x20, 5, e->limit);
  e->announce = 0;
  for (int i = 0; i < count; i++) {
    const field *f = &fields[i];
    if (f->static_full) {
      *p++ = 0x80 | f->static_full;
      continue;
    }
    uint32_t held = e->held[i] >= e->oldest ? 62 + (uint32_t)(e->newest - e->held[i]) : 0;
    if (held && f->kind == FIELD_REPEATED) {
      p = put_integer(p, 0x80, 7, held);
      continue;
    }
    // Indices in a block count from the table as it is before this field is inserted.
    uint32_t name = held ? held : f->static_name;
    if (f->kind == FIELD_NEVER) {
      p = put_integer(p, 0x10, 4, name);
    } else if (insert(e, f->size)) {
      e->held[i] = e->newest;
      p = put_integer(p, 0x40, 6, name);
    } else {
      p = put_integer(p, 0, 4, name);
    }
    if (name == 0) {
      memcpy(p, f->coded_name, f->coded_name_len);
      p += f->coded_name_len;
    }
    if (f->kind == FIELD_UNIQUE) {
      p = put_string(p, unique, strlen(unique));
    } else {
      memcpy(p, f->coded_value, f->coded_value_len);
      p += f->coded_value_len;
    }
  }
  return p - out;
}
