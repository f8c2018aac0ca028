// HPACK encoder of the load generator: what grpc-go's does. Repeated fields enter the dynamic table at their first use
// and are indexed afterwards; a field whose value is new in every request enters the table every time, so that all
// indices shift and old entries are evicted and inserted again; secret fields are never-indexed literals.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FIELD_REPEATED, FIELD_UNIQUE, FIELD_NEVER };

typedef struct field {
  const char *name, *value;
  uint8_t kind;
  uint8_t static_full;  // index in the static table that stands for name and value, or 0
  uint8_t static_name;  // index in the static table that stands for the name, or 0
  // filled by fields_prepare
  uint32_t size;  // as the dynamic table counts it
  uint8_t *coded_name, *coded_value;  // string literals with their length prefix, Huffman if shorter
  uint16_t coded_name_len, coded_value_len;
} field;

enum { MAX_FIELDS = 24, TABLE_SLOTS = 256 };

typedef struct encoder {
  uint64_t newest, oldest;  // ordinals of the entries in the table; newest < oldest: empty
  uint32_t used, limit;
  uint8_t announce;  // a size update is due in the next block
  uint16_t entry_size[TABLE_SLOTS];
  uint64_t held[MAX_FIELDS];  // ordinal of the newest entry with this field (its name, if the value is unique)
} encoder;

void fields_prepare(field *fields, int count);
void encoder_init(encoder *e);
// Follows SETTINGS_HEADER_TABLE_SIZE of the peer.
void encoder_limit(encoder *e, uint32_t announced);
// Writes one header block and returns its length; `unique` is the value of FIELD_UNIQUE fields.
size_t encode_block(encoder *e, const field *fields, int count, const char *unique, uint8_t *out);
