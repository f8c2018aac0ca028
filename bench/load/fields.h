// The header fields the load generator sends: the seven of any gRPC request, and ten metadata fields as a service mesh
// with tracing and tokens has them.
#pragma once
#include "hpack-encode.h"

enum { PLAIN_FIELDS = 7, ALL_FIELDS = 17, TRACEPARENT_LEN = 55, TOKEN_LEN = 607 };

static char token[TOKEN_LEN + 1];

static field request_fields[ALL_FIELDS] = {
    {.name = ":method", .value = "POST", .static_full = 3},
    {.name = ":scheme", .value = "http", .static_full = 6},
    {.name = ":path", .value = "/echo.Echo/Unary", .static_name = 4},
    {.name = ":authority", .value = "echo.default.svc.cluster.local:50051", .static_name = 1},
    {.name = "content-type", .value = "application/grpc", .static_name = 31},
    {.name = "user-agent", .value = "grpc-go/1.85.0", .static_name = 58},
    {.name = "te", .value = "trailers"},
    {.name = "authorization", .value = token, .kind = FIELD_NEVER, .static_name = 23},
    {.name = "traceparent", .value = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01", .kind = FIELD_UNIQUE},
    {.name = "tracestate", .value = "vendor=t61rcWkgMzE,rojo=00f067aa0ba902b7"},
    {.name = "baggage", .value = "tenant=blue,plan=enterprise,region=eu-west-1"},
    {.name = "grpc-accept-encoding", .value = "gzip,identity"},
    {.name = "x-tenant-id", .value = "8f14e45f-ceea-467f-a8b6-a5b3c1a2f001"},
    {.name = "x-client-name", .value = "checkout"},
    {.name = "x-client-version", .value = "2026.11.3+git.4f2a9c1"},
    {.name = "x-locale", .value = "en-GB"},
    {.name = "x-feature-set", .value = "cart-v3,search-ranker-b,no-legacy-prices"},
};

// A token as long and as dense as a signed JWT: every character of base64url.
static void fill_token(void) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t seed = 2463534242u;
  const char *prefix = "Bearer ";
  for (int i = 0; i < TOKEN_LEN; i++) {
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    token[i] = i < 7 ? prefix[i] : alphabet[seed & 63];
  }
}

static inline void next_traceparent(char *out) {
  static uint64_t state[2] = {0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u};
  static const char hex[] = "0123456789abcdef";
  uint64_t a = state[0], b = state[1];
  state[0] = b;
  a ^= a << 23;
  state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
  uint64_t word = state[1] + b;
  for (int i = 0; i < 16; i++) {
    out[3 + i] = hex[word >> (4 * i) & 15];
    out[19 + i] = hex[state[0] >> (4 * i) & 15];
    out[36 + i] = hex[state[1] >> (4 * i) & 15];
  }
}
