// Writes docs/errors.md from the table of errors; with --check only says whether the page is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ProxyError } from "../src/proxy/proxy-error.ts";
import { PROXY_ERRORS } from "../src/proxy/proxy-error.ts";
import { grpcStatusName } from "../src/telemetry/grpc-status-name.ts";
import { RESPONSE_FLAG_CODES } from "../src/telemetry/response-flag.ts";

/** What to do about each error, for whoever reads the message at night. */
const ADVICE: Readonly<Record<keyof typeof PROXY_ERRORS, string>> = {
  noRoute:
    "Compare the name in the message with `name` of the clusters (`GET /clusters`): it is the `:authority`, with port if clients send one. Not retried by clients, because it would never succeed.",
  noMatch:
    "The authority has routes, and none of them is for this method and these headers. Look at its GRPCRoutes, or at /routes.",
  authorityUnknownYet:
    "The name is new to this proxy, and the control plane did not answer within `controlPlane.resolveTimeout`. `GET /xds` shows whether there is a connection, and what is asked for. Clients may try again.",
  authorityOverflow:
    "Names that are new to this proxy wait for the control plane: at most 4,096 requests for 1,024 names per worker, of which one caller may have a quarter. Look for a client that calls ever new names.",
  noEndpoint:
    "The cluster is known but has no endpoint at all. Look at `GET /clusters`: an empty list in the file, or DNS that answers nothing (`trouble=`).",
  noLabelledEndpoint:
    "The request's route wants an endpoint with certain labels (`routes[].endpoints`), maybe by a header's value, and none has them. Look at the header, at the labels of the endpoints, and whether `fallback: any` is meant.",
  deniedByPolicy:
    "A captured Pod calls a service, and policies of the network keep it from every endpoint, as they would without the proxy: one that selects the endpoints for ingress, or the Pod for egress, and is named in brackets. `kubectl describe networkpolicy` shows what it allows.",
  connectFailure:
    "Endpoints refuse connections, do not answer in `connectTimeoutMs`, or do not speak HTTP/2 in clear text. `isobar_upstream_connect_failures_total` counts the attempts.",
  tlsUntrusted:
    "`tls.caFile` of the cluster does not hold the authority that signed the endpoint's certificate, or the endpoint does not send the intermediate ones. `openssl s_client -connect ADDRESS -CAfile FILE` shows the chain.",
  tlsExpired:
    "Renew the endpoint's certificate, or set the clocks right. The endpoint has to load the new one by itself.",
  tlsName:
    "The names in the endpoint's certificate are in the log (`TLS keeps an endpoint from being used`); what is wanted is `tls.subjectAltNames`, else `tls.serverName`, else the cluster's name without its port.",
  tlsAlpn:
    "The endpoint ends TLS but offers no `h2` by ALPN: it speaks HTTP/1.1 only, or its server has HTTP/2 switched off.",
  tlsRejected:
    "The endpoint broke the handshake off with an alert, which is in the log. Usually it wants a certificate (`tls.mode: MUTUAL`), or does not trust the authority that signed ours.",
  tlsFailure:
    "Usually there is no TLS at the other end, or no version and cipher in common (1.2 and 1.3 are offered). The log has OpenSSL's words.",
  refused:
    "Endpoints answer REFUSED_STREAM or GOAWAY, and the moves (3 per request) or the budget (20 % of the requests + 10 per second) are used up. Usually all of them restart at once or shed load.",
  overflow:
    "More streams than the endpoints' MAX_CONCURRENT_STREAMS × `maxConnectionsPerEndpoint` allow, and `maxPendingStreams` are waiting already. Add endpoints, or raise the limits.",
  requestLimit:
    "As many streams are in flight as `connectionPool.http.maxRequests` allows, in all workers of this proxy together. The request has gone to no endpoint. `isobar_circuit_overflows_total` counts them.",
  perTryTimeout:
    "Endpoints took longer than `retries.perTryTimeout` to begin their answer, and attempts, budget or the held copy (64 KiB) are used up ([retries.md](retries.md)).",
  requestTimeout:
    "The cluster's `timeouts.request`, shorter than the caller's own deadline, has passed. The endpoint's stream is cancelled at once.",
  idleTimeout:
    "Neither side has sent an octet for the cluster's `timeouts.idle`. Long-lived streams that may be silent need a longer one, or messages now and then.",
  connectionLost:
    "The endpoint's connection ended while it was working on the request. It may have been executed, so it is not sent again unless the cluster's `retries` say so ([retries.md](retries.md)); else that is for the caller to decide.",
  upstreamReset: "The endpoint itself ended the stream. Its log knows why.",
  upstreamProtocol:
    "The endpoint broke HTTP/2's rules on this stream. Other streams of the connection go on.",
  requestTooLarge:
    "The request's headers are above the limit that the message names: the proxy's own, or the one the endpoint announced. Send less metadata.",
  bodyTooLarge:
    "The request's body has more octets than `limits.maxRequestBodyOctets` allows; the proxy counts every octet, whatever messages they make. The endpoint's stream is cancelled.",
  responseTooLarge:
    "The response's headers or trailers are above what the client announced (SETTINGS_MAX_HEADER_LIST_SIZE). Send less metadata, or raise the client's limit.",
  deadline: "The caller's `grpc-timeout` has passed. The endpoint's stream is cancelled at once.",
  cancelled: "The caller cancelled, or its connection ended. Only counted: nobody is left to be told.",
  downstreamProtocol:
    "The client broke HTTP/2's rules on this stream. Look for proxies or hand-made clients on the way.",
  overBudget:
    "What is under way fills `memory.budgetOctets`, and this caller holds most of it: usually readers that have stopped reading. `isobar_memory_bytes` shows how full it is.",
  overload:
    "The process uses 90 % of its cgroup's memory (`overload.refuseStreamsAtShare`), so calls are refused before the kernel ends it. Raise the container's memory limit; `isobar_overload_stage` and `isobar_memory_bytes` show what fills it. The answer carries `grpc-retry-pushback-ms`: 1 to 2 seconds.",
  draining: "The proxy is leaving and takes no new work. Clients reconnect by themselves.",
};

const SOURCES: Readonly<Record<ProxyError["source"], string>> = {
  downstream: "client",
  upstream: "endpoint",
  internal: "Isobar",
};

/** @returns docs/errors.md as it should be. */
export function errorsPage(): string {
  const rows: string[] = [];
  const sections: string[] = [];
  for (const key of Object.keys(PROXY_ERRORS) as (keyof typeof PROXY_ERRORS)[]) {
    const error: ProxyError = PROXY_ERRORS[key];
    const { code, source, retry, grpcStatus, flag, message } = error;
    const status = `${grpcStatusName(grpcStatus)} (${grpcStatus})`;
    const repeatable = retry === "never" ? "no" : "yes";
    rows.push(
      `| [\`${code}\`](#${code}) | ${status} | \`${RESPONSE_FLAG_CODES[flag]}\` | ${SOURCES[source]} | ${repeatable} | isobar: ${message} … |`,
    );
    sections.push(`### ${code}\n\n${ADVICE[key]}\n`);
  }
  return `# Errors

<!-- Generated by scripts/gen-errors-docs.ts from src/proxy/proxy-error.ts: change it there. -->

Answers that come from Isobar and not from an endpoint. A gRPC client gets a status and a message that begins with
\`isobar:\`, says what failed and names the service. A client that is not gRPC gets the HTTP status that fits. The response
flag is the label of \`isobar_requests_total\` and stands in the access log ([metrics.md](metrics.md) explains all flags).

"Safe to repeat": no endpoint has processed any part of the request. Where that comes from an endpoint (it could not be
reached, or refused the stream), Isobar has tried others before it gave up: at most 3, within a budget per service, and
while the request's body is held (64 KiB).

| error | gRPC status | flag | at fault | safe to repeat | message |
|---|---|---|---|---|---|
${rows.join("\n")}

## What to do

${sections.join("\n")}`;
}

if (import.meta.main) {
  const path = join(resolve(import.meta.dirname, ".."), "docs/errors.md");
  const wanted = errorsPage();
  if (!process.argv.includes("--check")) {
    writeFileSync(path, wanted);
    console.log("docs/errors.md written");
  } else if (readFileSync(path, "utf8") !== wanted) {
    console.error("docs/errors.md is out of date: run node scripts/gen-errors-docs.ts");
    process.exitCode = 1;
  }
}
