import { z } from "zod";
import { parseIpAddress } from "../base/ip-address.ts";
import { isAnyIpv4, isAnyIpv6 } from "../resource/any-ip.ts";
import { CALLER_MODES } from "../resource/caller.ts";
import {
  choiceField,
  endpointAddressField,
  fieldNotes,
  integerField,
  switchField,
  textField,
} from "./config-fields.ts";
import { durationField } from "./duration-field.ts";
import { connectSchema } from "./listener-schema.ts";

const ABSOLUTE_PATH = /^\/[^\0]*[^/\0]$/;
const GENERATION = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;
const DNS_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const CANONICAL = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?:[1-9][0-9]{0,4}$/;
const WORKLOAD = /^(?:[A-Za-z][A-Za-z0-9]*\/[A-Za-z0-9.-]+)?$/;

const addresses = z
  .array(
    z
      .string()
      .refine((text) => parseIpAddress(text) !== undefined)
      .register(fieldNotes, { wanted: "an IP address", doc: "One address." }),
  )
  .max(16);

const service = z
  .strictObject({
    service: textField(
      {
        wanted: 'a name with a port, such as "echo.default:50051"',
        doc: "The service's name, by which its cluster is known.",
      },
      CANONICAL,
    ),
    addresses: addresses
      .clone()
      .min(1)
      .register(fieldNotes, { wanted: "a list of IP addresses", doc: "Its ClusterIPs." }),
    port: integerField(1, 65_535, { doc: "The Service's port." }),
  })
  .register(fieldNotes, { wanted: "a mapping with service, addresses and port", doc: "" });

/** A node's traffic: the proxy's side of `isobar capture`. */
export const captureSchema = z
  .strictObject({
    runDir: textField(
      {
        wanted: "an absolute path",
        doc: "A folder that this proxy, those that come before and after it on the node, and `isobar capture` share. It is made if it is not there.",
      },
      ABSOLUTE_PATH,
      80,
    ).default("/run/isobar"),
    generation: textField(
      {
        wanted: "1 to 63 letters, digits, dots and dashes",
        doc: "Names this process among those that come before and after it on the node.",
        defaultText: "the environment variable POD_UID, or else made of the time and the process's number",
      },
      GENERATION,
      63,
    ).optional(),
    anyIp: z
      .strictObject({
        ipv4: z
          .string()
          .refine(isAnyIpv4)
          .register(fieldNotes, { wanted: 'an IPv4 network of /16, such as "240.18.0.0/16"', doc: "IPv4." })
          .default("240.18.0.0/16"),
        ipv6: z
          .string()
          .refine(isAnyIpv6)
          .register(fieldNotes, {
            wanted: 'an IPv6 network of /112 or larger, such as "fd00:77::/64"',
            doc: "IPv6.",
          })
          .default("fd00:77::/64"),
      })
      .register(fieldNotes, {
        wanted: "a mapping with ipv4 and ipv6",
        doc: "Addresses that captured connections are sent to, one per service: `isobar capture` routes the ranges to this machine. Nobody else may have them.",
      })
      .prefault({}),
    address: endpointAddressField({
      doc: "The node's stable address, the same on every node: where clients dial whose services are named by `:authority` or by CONNECT.",
    }).default("169.254.77.1:15001"),
    hostAddress: z
      .string()
      .refine((text) => text === "" || parseIpAddress(text) !== undefined)
      .register(fieldNotes, {
        wanted: "an IP address, or an empty one",
        doc: "The node's own address: the port of `address` is taken there, too.",
        defaultText: "the environment variable HOST_IP, or else none",
      })
      .default(""),
    connect: connectSchema
      .clone()
      .register(fieldNotes, {
        wanted: "a mapping",
        doc: "Tunnels by `CONNECT` at `address`, as with `listeners[].connect`: environment variables such as HTTPS_PROXY send other targets here, too.",
      })
      .prefault({}),
    identity: z
      .strictObject({
        keyFile: textField(
          {
            wanted: "an absolute path",
            doc: "Ed25519 keys as PEM, as `openssl genpkey -algorithm ed25519` makes them. The first private one signs, all are published (docs/identity.md): that is how keys are changed. Read again when it changes.",
          },
          ABSOLUTE_PATH,
          4096,
        ),
        lifetime: durationField(2_000, 600_000, {
          doc: "How long a token is good; another one is made when half of it is over.",
        }).default("60s"),
      })
      .register(fieldNotes, {
        wanted: "a mapping with keyFile",
        doc: "Tells endpoints who calls, by the header `x-isobar-caller` of every captured request: a JSON Web Token (EdDSA) for the service at hand. What callers say there themselves is dropped from every request of HTTP/2 and of HTTP/1.1 that is handled one by one, with and without this section; with it, captured HTTP/1.1 in clear text always is. Public keys: `/isobar/identity-keys` at `address`, see docs/identity.md.",
        defaultText: "endpoints are not told",
      })
      .optional(),
    services: z
      .array(service)
      .register(fieldNotes, {
        wanted: "a list of services",
        doc: "What is captured, where no control plane says so.",
        defaultText: "none",
      })
      .default([]),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "Takes this node's traffic by `isobar capture`: opens a port of its own for it, known to nobody else, and tells the two parts' state to each other by files. Absent: clients come by `listeners` only.",
  });

/** A pod of this node, where no control plane says which there are. */
export const callerSchema = z
  .strictObject({
    uid: textField({ wanted: "a UID", doc: "The pod's UID: what its calls are known by." }, GENERATION, 63),
    namespace: textField({ wanted: "the name of a namespace", doc: "Its namespace." }, DNS_NAME, 63),
    pod: textField({ wanted: "the name of a pod", doc: "Its name." }, DNS_NAME),
    serviceAccount: textField(
      { wanted: "the name of a ServiceAccount", doc: "Its ServiceAccount." },
      DNS_NAME,
    ).default("default"),
    workload: z
      .string()
      .regex(WORKLOAD)
      .max(317)
      .register(fieldNotes, {
        wanted: 'a kind and a name, such as "Deployment/checkout"',
        doc: "What made it.",
        defaultText: "empty",
      })
      .default(""),
    addresses: addresses.clone().register(fieldNotes, {
      wanted: "a list of IP addresses",
      doc: "Its addresses, at most one of each family.",
    }),
    mode: choiceField(CALLER_MODES, { doc: "How its calls come." }).default("transparent"),
    failClosed: switchField({
      doc: "Whether its captured connections are refused while no proxy works.",
    }).default(false),
    reclaim: switchField({ doc: "Whether connections that went past the proxy may be reset." }).default(true),
  })
  .register(fieldNotes, { wanted: "a mapping with uid, namespace, pod and addresses", doc: "" });
