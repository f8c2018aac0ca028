// TLS for the backends: mutual, ALPN h2, TLS 1.3 with AES-128-GCM alone, so that all proxies use the same cipher.
#pragma once
#include "conn.h"

void tls_prepare(const char *folder);  // reads ca.crt, server.crt and server.key; ends the program if it cannot
void tls_accept(conn *c);              // the connection's octets are TLS from here on
