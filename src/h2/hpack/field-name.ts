import { FieldRole, STATIC_NAME_SHIFT } from "./field-role.ts";
import { STATIC_ENTRIES, staticName, staticNameIndex } from "./static-table.ts";

/** Names whose fields mean something to the engine. Every other name of the static table is ordinary. */
const ROLES: Readonly<Record<string, FieldRole>> = {
  ":method": FieldRole.method,
  ":scheme": FieldRole.scheme,
  ":path": FieldRole.path,
  ":authority": FieldRole.authority,
  ":status": FieldRole.status,
  host: FieldRole.host,
  te: FieldRole.te,
  "content-type": FieldRole.contentType,
  "content-length": FieldRole.contentLength,
  "grpc-timeout": FieldRole.grpcTimeout,
  "grpc-status": FieldRole.grpcStatus,
  "grpc-message": FieldRole.grpcMessage,
  "endpoint-load-metrics-bin": FieldRole.loadReportBinary,
  "endpoint-load-metrics": FieldRole.loadReportText,
  "endpoint-load-metrics-format": FieldRole.loadReportFormat,
  traceparent: FieldRole.traceparent,
  "x-isobar-explain": FieldRole.explain,
  "x-isobar-caller": FieldRole.callerIdentity,
  // Gateways (CGI, WSGI) read `_` as `-`.
  "x-isobar_caller": FieldRole.callerIdentity,
  "x_isobar-caller": FieldRole.callerIdentity,
  x_isobar_caller: FieldRole.callerIdentity,
  "grpc-retry-pushback-ms": FieldRole.retryPushback,
  "grpc-previous-rpc-attempts": FieldRole.previousAttempts,
  connection: FieldRole.connectionSpecific,
  "keep-alive": FieldRole.connectionSpecific,
  "proxy-connection": FieldRole.connectionSpecific,
  "transfer-encoding": FieldRole.connectionSpecific,
  upgrade: FieldRole.connectionSpecific,
  authorization: FieldRole.sensitive,
  "proxy-authorization": FieldRole.sensitive,
  cookie: FieldRole.sensitive,
  "set-cookie": FieldRole.sensitive,
  "api-key": FieldRole.sensitive,
  "x-api-key": FieldRole.sensitive,
  "x-goog-api-key": FieldRole.sensitive,
  "x-goog-iam-authorization-token": FieldRole.sensitive,
  "x-auth-token": FieldRole.sensitive,
  "x-access-token": FieldRole.sensitive,
  "x-amz-security-token": FieldRole.sensitive,
  "x-vault-token": FieldRole.sensitive,
  "x-csrf-token": FieldRole.sensitive,
  "x-forwarded-access-token": FieldRole.sensitive,
};

/** Longer names have no role and are not in the static table. */
export const LONGEST_KNOWN_NAME = 32;

const SLOTS = 512;
const slotKind = new Int32Array(SLOTS);
const slotAt = new Uint16Array(SLOTS);
const slotLength = new Uint8Array(SLOTS);
const nameOctets = new Uint8Array(2048);

/** Kinds (see field-role.ts) of the static table's names by index. */
export const STATIC_KIND: Int32Array = new Int32Array(STATIC_ENTRIES + 1);

buildSlots();

function buildSlots(): void {
  const names = new Set(Object.keys(ROLES));
  for (let index = 1; index <= STATIC_ENTRIES; index++) names.add(staticName(index));
  let at = 0;
  for (const name of names) {
    nameOctets.set(Buffer.from(name, "latin1"), at);
    let slot = slotOf(nameOctets, at, name.length);
    while (slotLength[slot] !== 0) slot = (slot + 1) % SLOTS;
    slotKind[slot] = (ROLES[name] ?? FieldRole.ordinary) | (staticNameIndex(name) << STATIC_NAME_SHIFT);
    slotAt[slot] = at;
    slotLength[slot] = name.length;
    at += name.length;
  }
  for (let index = 1; index <= STATIC_ENTRIES; index++) {
    const name = Buffer.from(staticName(index), "latin1");
    STATIC_KIND[index] = nameKind(name, 0, name.length);
  }
}

function slotOf(bytes: Uint8Array, offset: number, length: number): number {
  const last = bytes[offset + length - 1]!;
  const mixed = length * 31 + bytes[offset]! * 7 + bytes[offset + (length >>> 1)]! * 131 + last * 17;
  return mixed & (SLOTS - 1);
}

/** @returns the kind (see field-role.ts) of a decoded name of at least one octet, or -1 when it is not a known one. */
export function nameKind(bytes: Uint8Array, offset: number, length: number): number {
  if (length > LONGEST_KNOWN_NAME) return -1;
  for (let slot = slotOf(bytes, offset, length); slotLength[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
    if (slotLength[slot] !== length) continue;
    const at = slotAt[slot]!;
    let i = 0;
    while (i < length && bytes[offset + i] === nameOctets[at + i]) i++;
    if (i === length) return slotKind[slot]!;
  }
  return -1;
}
