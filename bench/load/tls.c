#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER = 16384 };

static SSL_CTX *context;

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned int size, void *own) {
  (void)ssl, (void)own;
  static const unsigned char h2[] = "\x02h2";
  return SSL_select_next_proto((unsigned char **)out, len, h2, 3, in, size) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// What libssl says in terms of recv and send.
static ssize_t outcome(conn *c, int n) {
  switch (SSL_get_error(c->tls, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: ERR_clear_error(); errno = ECONNRESET; return -1;
  }
}

// A record holds 16 KiB at most: goes on until the buffer is full or nothing is left, as recv would.
static ssize_t tls_receive(conn *c, void *at, size_t octets) {
  size_t sum = 0;
  while (sum < octets) {
    int n = SSL_read(c->tls, (char *)at + sum, octets - sum);
    if (n > 0) sum += n;
    else if (sum > 0) break;
    else return outcome(c, n);
  }
  return sum;
}

static ssize_t tls_send(conn *c, const struct iovec *v, int count) {
  static char gathered[GATHER];
  size_t len = 0;
  for (int i = 0; i < count && len < GATHER; i++) {
    size_t part = v[i].iov_len < GATHER - len ? v[i].iov_len : GATHER - len;
    memcpy(gathered + len, v[i].iov_base, part);
    len += part;
  }
  int n = SSL_write(c->tls, gathered, len);
  return n > 0 ? n : outcome(c, n);
}

static void tls_close(conn *c) {
  SSL_free(c->tls);
  c->tls = NULL;
}

static void fail(const char *what) {
  fprintf(stderr, "backend: %s\n", what);
  ERR_print_errors_fp(stderr);
  exit(2);
}

void tls_prepare(const char *folder) {
  char ca[4096], crt[4096], key[4096];
  snprintf(ca, sizeof ca, "%s/ca.crt", folder);
  snprintf(crt, sizeof crt, "%s/server.crt", folder);
  snprintf(key, sizeof key, "%s/server.key", folder);
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256")) fail("no such cipher");
  if (!SSL_CTX_use_certificate_chain_file(context, crt) || !SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) ||
      !SSL_CTX_load_verify_locations(context, ca, NULL))
    fail("cannot read the certificates");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_alpn_select_cb(context, choose_h2, NULL);
  SSL_CTX_set_session_id_context(context, (const unsigned char *)"bench", 5);
  carry_by = (carrier){tls_receive, tls_send, tls_close};
}

void tls_accept(conn *c) {
  c->tls = SSL_new(context);
  SSL_set_fd(c->tls, c->fd);
  SSL_set_accept_state(c->tls);
}
