import { isIP } from "node:net";
import type { ConnectionOptions, PeerCertificate, SecureContext } from "node:tls";
import type { Slab } from "../base/slab.ts";
import { matchSubjectAltNames } from "../base/subject-alt-names.ts";
import type { HandshakeGate } from "../net/handshake-gate.ts";
import type { ReadArea } from "../net/read-area.ts";
import { TlsTransport } from "../net/tls-transport.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";

/** Sessions kept to resume, of all endpoints of one identity: about 2 KiB each. */
const MAX_SESSIONS = 512;

/** The names in an endpoint's certificate are not those that were wanted. */
export class SubjectAltNameError extends Error {
  readonly code = "ISOBAR_SAN";

  constructor(wanted: readonly string[], found: string) {
    super(`the endpoint's certificate is for ${found || "no name"}, not for ${wanted.join(" or ")}`);
  }
}

/** Opens secure connections as one identity. Sessions are resumed, which saves the endpoint and us the costly part. */
export class TlsClient {
  /** `undefined` until its files are good. */
  #identity: TlsIdentity | undefined;
  readonly #gate: HandshakeGate;
  readonly #others: () => Iterable<TlsClient>;
  /** Made at the first dial, and again after a renewal. */
  #context: SecureContext | undefined;
  /** By address, port and ALPN, the longest unused first. A session proves both identities again, so a renewal drops all. */
  #sessions = new Map<string, Buffer>();

  /** @param others the clients of the worker: those with the same certificates share what was made of them. */
  constructor(
    identity: TlsIdentity | undefined,
    gate: HandshakeGate,
    others: () => Iterable<TlsClient> = () => [],
  ) {
    this.#identity = identity;
    this.#gate = gate;
    this.#others = others;
  }

  /** Other certificates for the same identity: connections that stand go on, new ones use these. */
  renew(identity: TlsIdentity): void {
    this.#identity = identity;
    this.#context = undefined;
    this.#sessions = new Map();
  }

  /** Sessions that can be resumed. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /**
   * Dials; `onConnected` or `onClose` follows.
   *
   * @param address an IP literal.
   * @param alpn the protocol that the endpoint has to agree to; "" where neither side is to name one.
   * @param onDialling told when the dial begins: it may have to wait for the handshakes of others.
   */
  dial(
    slab: Slab,
    area: ReadArea,
    { address, port }: { readonly address: string; readonly port: number },
    alpn: "h2" | "http/1.1" | "",
    owner: TransportOwner,
    onDialling: () => void,
  ): Transport {
    const key = `${address} ${port} ${alpn}`;
    const options = (): ConnectionOptions => this.#options(key);
    const sessions = this.#sessions;
    const onSession = (session: Buffer): void => keep(sessions, key, session);
    const dial = { address, port, alpn, options, onSession };
    return new TlsTransport(slab, area, dial, this.#gate, owner, onDialling);
  }

  /** @returns options to ask an endpoint what it speaks: as for {@link dial}, but without a session, which would bind the answer. */
  optionsToAsk(): ConnectionOptions {
    return this.#options("");
  }

  #options(key: string): ConnectionOptions {
    if (this.#identity === undefined) throw new Error("the cluster's TLS files cannot be used, see the log");
    const { serverName, subjectAltNames } = this.#identity;
    const session = this.#sessions.get(key);
    return {
      secureContext: this.#secureContext(this.#identity),
      // SNI knows names only (RFC 6066 section 3).
      ...(serverName !== "" && isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(session === undefined ? {} : { session }),
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => checkIdentity(serverName, subjectAltNames, certificate),
    };
  }

  #secureContext({ ca, cert, key }: TlsIdentity): SecureContext {
    if (this.#context !== undefined) return this.#context;
    // A hundred authorities of the system are a megabyte.
    for (const other of this.#others()) {
      if (other.#context === undefined || other.#identity === undefined) continue;
      const same = other.#identity.ca === ca && other.#identity.cert === cert && other.#identity.key === key;
      if (!same) continue;
      this.#context = other.#context;
      return this.#context;
    }
    const { createSecureContext, getCACertificates } = process.getBuiltinModule("node:tls");
    let authorities: string | string[] = ca;
    if (ca === "") {
      authorities = getCACertificates("system");
      if (authorities.length === 0) authorities = getCACertificates("bundled");
    }
    this.#context = createSecureContext({
      ca: authorities,
      ...(cert === "" ? {} : { cert, key }),
      minVersion: "TLSv1.2",
    });
    return this.#context;
  }
}

function checkIdentity(
  serverName: string,
  subjectAltNames: readonly string[],
  certificate: PeerCertificate,
): Error | undefined {
  if (subjectAltNames.length === 0) {
    const { checkServerIdentity } = process.getBuiltinModule("node:tls");
    return checkServerIdentity(serverName, certificate);
  }
  const found = certificate.subjectaltname ?? "";
  return matchSubjectAltNames(subjectAltNames, found)
    ? undefined
    : new SubjectAltNameError(subjectAltNames, found);
}

function keep(sessions: Map<string, Buffer>, key: string, session: Buffer): void {
  sessions.delete(key);
  sessions.set(key, session);
  for (const [oldest] of sessions) {
    if (sessions.size <= MAX_SESSIONS) return;
    sessions.delete(oldest);
  }
}
