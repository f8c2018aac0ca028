import { z } from "zod";
import { parseIpRange } from "../base/ip-ranges.ts";
import { DEFAULT_ALLOWED_SOURCES, LISTENER_PROTOCOLS } from "../proxy/port/listener-door.ts";
import { parseTargetPattern } from "../proxy/port/target-guard.ts";
import { choiceField, fieldNotes, listenAddressField, textField } from "./config-fields.ts";
import { NAME } from "./name-patterns.ts";

const RANGE_ADVICE = "bits behind the prefix must be 0; write 10.0.0.0/8 or fd00::/8";

/** One range of addresses. */
function rangeField(doc: string) {
  return z
    .string()
    .refine((text) => parseIpRange(text) !== undefined)
    .register(fieldNotes, {
      wanted: 'an address, or a range such as "10.0.0.0/8" or "fd00::/8"',
      advice: RANGE_ADVICE,
      doc,
    });
}

/** What a listener allows of CONNECT. */
export const connectSchema = z
  .strictObject({
    allowedTargets: z
      .array(
        z
          .string()
          .refine((text) => parseTargetPattern(text) !== undefined)
          .register(fieldNotes, {
            wanted: 'a host name, "*.suffix", "*", an address or a range, each with or without ":port"',
            advice: "with a port, an IPv6 address or range stands in brackets: [fd00::/8]:443",
            doc: "One target.",
          }),
      )
      .register(fieldNotes, {
        wanted: "a list of targets",
        doc: "Targets of `CONNECT` that are not a cluster and are dialled all the same: a host name, `*.suffix`, `*`, an address or a range, each with or without `:port`. Loopback, link-local (cloud metadata among it), multicast, reserved and unspecified addresses and those of this machine are never dialled, whatever stands here, nor what a name turns out to lead to there. By default there are none: everything but clusters is answered 403.",
        defaultText: "none",
      })
      .default([]),
    deniedRanges: z
      .array(rangeField("One range."))
      .register(fieldNotes, {
        wanted: "a list of ranges of addresses",
        doc: "Ranges that `CONNECT` never leads to although `allowedTargets` has them, such as those of the nodes, or of an AnyIP range routed to this machine.",
        defaultText: "none",
      })
      .default([]),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Tunnels by HTTP/1.1 `CONNECT`, which gRPC clients ask for when an environment variable names a proxy. Clusters are always reachable: by their name, or by the first one or two labels of it if no other cluster has them.",
  });

/** One address where clients connect. */
export const listenerSchema = z
  .strictObject({
    name: textField(
      {
        wanted: "a name of letters, digits, dots, dashes and underscores",
        doc: "Names the listener in logs; unique.",
      },
      NAME,
      64,
    ),
    address: listenAddressField({
      doc: "Where clients connect. A unix socket is guarded by the permissions of its file.",
    }),
    protocol: choiceField(LISTENER_PROTOCOLS, {
      doc: "What clients speak. `auto` goes by their first octets: HTTP/2 without TLS, `CONNECT`, TLS (passed on by its server name), HTTP/1.1; with a `cluster`, anything else and silence for 50 ms is passed on as TCP. Declaring it saves the look, and what is not of that protocol is refused.",
    }).default("auto"),
    cluster: z
      .string()
      .min(1)
      .max(253)
      .register(fieldNotes, {
        wanted: "the name of a cluster",
        doc: "Cluster that every connection is for. It decides, not `:authority`, Host or a TLS server name, which go through unchanged.",
        defaultText: "none: each request or connection names its service",
      })
      .optional(),
    allowedSources: z
      .array(rangeField("One range."))
      .register(fieldNotes, {
        wanted: "a list of ranges of addresses",
        doc: "Where connections may come from; others are closed before an octet of them is read. `0.0.0.0/0` and `::/0` together let everybody in.",
        defaultText: "loopback, private, shared, link-local and unique-local addresses",
      })
      .default([...DEFAULT_ALLOWED_SOURCES]),
    connect: connectSchema.prefault({}),
  })
  .register(fieldNotes, { wanted: "a mapping with name and address", doc: "" });
