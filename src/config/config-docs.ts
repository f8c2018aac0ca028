import { configSchema } from "./config-schema.ts";
import { keyTables } from "./key-tables.ts";

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/config-schema.ts by scripts/gen-config-docs.ts; edit the schema, not this page. -->

\`isobar proxy --config FILE\` reads one YAML file. \`isobar validate FILE\` checks it without opening a port.

\`\`\`yaml
node: { id: laptop, zone: zone-a }
admin: { address: 127.0.0.1:15000 }
metrics: { address: 0.0.0.0:15020 }
listeners:
  - { name: local, address: 127.0.0.1:15001 }
clusters:
  - name: echo.default.svc.cluster.local:50051 # the :authority that selects it
    loadBalancer: { policy: least_request }
    endpoints:
      - { address: 127.0.0.1:9001, zone: zone-a, weight: 1 }
      - { address: 127.0.0.1:9002, zone: zone-b }
  - name: users.default.svc.cluster.local:50051
    dns: { hostname: users.default.svc.cluster.local, port: 50051 }
\`\`\`

An unknown key is an error. An error names the file, the place, the value found and the value wanted, all errors are
reported at once, and the process ends with code 64 before any port is bound.

## Reload

The file is read again when it changes (also when it is replaced, as editors and Kubernetes ConfigMaps do it) and on
SIGHUP. A file with errors changes nothing: the running configuration stays in force, the log says what is wrong, and
\`isobar_config_last_reload_successful\` is 0. Endpoints that are in the old and the new file keep their connections and
counters. Sections that are not marked "live" take a restart: a reload leaves them as they are and says so in the log.

## Keys
`;

const CONCLUSION = `## Endpoints from DNS

A and AAAA records are asked for apart, of the name servers in /etc/resolv.conf, without search domains and without
/etc/hosts. While lookups of a family fail, its last good addresses serve on for at most \`maxStaleMs\`: addresses of
pods are given to other pods, and a stranger must not get our requests. "No such name" and "no addresses" are answers,
believed when they persist for \`emptyHoldMs\`. A cluster without endpoints answers UNAVAILABLE.

## TLS with endpoints

\`\`\`yaml
clusters:
  - name: echo.default.svc.cluster.local:50051
    tls:
      mode: MUTUAL
      caFile: /etc/isobar/tls/ca.crt
      certFile: /etc/isobar/tls/tls.crt
      keyFile: /etc/isobar/tls/tls.key
      subjectAltNames: [spiffe://cluster.local/ns/default/sa/echo]
    endpoints: [{ address: 10.0.0.7:50051 }]
\`\`\`

The endpoint has to show a certificate from a trusted authority with the right name, and to agree to \`h2\` by ALPN; nothing is sent before.
Otherwise the call ends as UNAVAILABLE with [the reason](errors.md), which is in the log and in \`isobar_upstream_tls_failures_total\` too. Clear
text is never tried in its place.

The files are looked at every second, also through the links that Kubernetes swaps. New certificates are used for new connections; those that
stand go on, and none of their streams is lost. A pair that does not fit, or a damaged file, leaves the last good one in use and is reported
(\`isobar_tls_certificate_reloads_total\`); \`isobar_tls_certificate_expiration_timestamp_seconds\` says when the one in use expires.
There is no check for revoked certificates.

## Environment

These variables take precedence over the file; an empty one counts as not set.

`;

/** @returns the text of docs/configuration.md, made from the schema. */
export function configDocs(): string {
  const variables: string[] = [];
  const tables = keyTables(configSchema, { live: true, variables });
  return `${INTRODUCTION}\n${tables.join("\n")}\n${CONCLUSION}${variables.join("\n")}\n`;
}
