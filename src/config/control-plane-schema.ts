import { z } from "zod";
import { clusterTlsSchema } from "./cluster-tls-schema.ts";
import { fieldNotes, switchField, textField } from "./config-fields.ts";
import { durationField } from "./duration-field.ts";

const ABSOLUTE_PATH = /^\/[^\0]*[^/\0]$/;
/** A host name, an IPv4 address or an IPv6 address in brackets, with a port. */
const HOST_AND_PORT = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}$/;
const MAX_PATH_LENGTH = 4096;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Where services are asked for that the file does not list. */
export const controlPlaneSchema = z
  .strictObject({
    addresses: z
      .array(
        textField(
          { wanted: 'a host and a port, such as "isobar-control-plane.isobar:18000"', doc: "" },
          HOST_AND_PORT,
        ),
      )
      .min(1)
      .max(16)
      .register(fieldNotes, {
        wanted: "a list of 1 to 16 addresses",
        doc: "Control planes that serve xDS (incremental, aggregated) over gRPC. The first that answers is used, the next one when it goes.",
      }),
    insecure: switchField({
      doc: "Speaks clear text with the control plane: whoever can change what is sent decides where requests go. Without it there has to be `tls`.",
    }).default(false),
    tls: clusterTlsSchema
      .clone()
      .register(fieldNotes, {
        wanted: "a mapping with mode",
        doc: "Speaks TLS with the control plane, as with endpoints. The files are read anew for every connection.",
      })
      .optional(),
    tokenFile: textField(
      {
        wanted: "an absolute path",
        doc: "A file with the token by which the control plane knows this proxy, such as a projected ServiceAccount token. Read anew for every stream; needs `tls`.",
        defaultText: "none: the proxy shows its certificate, or nothing",
      },
      ABSOLUTE_PATH,
      MAX_PATH_LENGTH,
    ).optional(),
    snapshotFile: textField(
      {
        wanted: "an absolute path",
        doc: "Where what is known is kept, so that a proxy that starts while no control plane answers can serve. Its folder has to exist and be writable.",
        defaultText: "none: such a proxy knows only what its file lists",
      },
      ABSOLUTE_PATH,
      MAX_PATH_LENGTH,
    ).optional(),
    maxStale: durationField(1_000, 7 * 24 * HOUR_MS, {
      doc: "How long endpoints from `snapshotFile` are used that no control plane confirms, counted from when one last did. Afterwards connections that stand are used and none is made: their addresses may be other pods' by then. With `capture` it holds for the pods of the node, too.",
    }).default("1h"),
    holdBack: durationField(0, 10 * MINUTE_MS, {
      doc: "How long endpoints stay that an update takes away which leaves a service less than half of them, or none; so long a service that is taken away stays, too. Not longer than 10 minutes, and never at an address that anybody else turns up at. `0s` believes everything at once.",
    }).default("10s"),
    resolveTimeout: durationField(10, 60_000, {
      doc: "How long a request for an authority that is new to this proxy waits for the control plane.",
    }).default("2s"),
    idleTimeout: durationField(1_000, 7 * 24 * HOUR_MS, {
      doc: "A service that got no request for so long is not asked for any more; the next request asks again.",
    }).default("10m"),
  })
  .register(fieldNotes, {
    wanted: "a mapping with addresses",
    doc: "A control plane that is asked for services which `clusters` does not list, when the first request for them comes ([control-plane-client.md](control-plane-client.md)). Where both know a name, the file counts.",
    defaultText: "none",
  });
