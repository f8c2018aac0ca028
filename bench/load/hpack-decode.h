// HPACK decoder of the load generator: enough of one to know `:status` and `grpc-status` of a response whatever encoder
// the proxy uses. The table keeps sizes and what an entry means, never its text.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { NAME_OTHER, NAME_STATUS, NAME_GRPC_STATUS };

enum { DECODER_SLOTS = 256 };  // at 32 octets an entry, more than a table of 4,096 octets can hold

typedef struct decoder_entry {
  uint32_t size;
  uint16_t name_len;
  uint8_t name;
  int16_t value;  // the number, if the name is one of the two
} decoder_entry;

typedef struct decoder {
  uint64_t newest, oldest;
  uint32_t used, limit;
  decoder_entry entry[DECODER_SLOTS];
} decoder;

typedef struct verdict {
  int status, grpc_status;  // -1: absent
} verdict;

void decoder_init(decoder *d);
// Returns 0 when the block is not valid HPACK.
int decode_block(decoder *d, const uint8_t *p, size_t len, verdict *out);
