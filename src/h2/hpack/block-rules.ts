import type { Slab } from "../../base/slab.ts";
import { BlockKind } from "./block-kind.ts";
import { FieldRole, LAST_PSEUDO_ROLE } from "./field-role.ts";
import { decimal, LARGE_NUMBER, timeoutMsOf } from "./field-value.ts";
import type { InternPool } from "./intern-pool.ts";
import { MethodCode } from "./method-code.ts";
import { staticValue } from "./static-table.ts";

/** What {@link BlockRules.admit} says of a field. */
export const Admission = { reject: 0, keep: 1, drop: 2 } as const;

const METHOD = 1 << FieldRole.method;
const AUTHORITY = 1 << FieldRole.authority;
const STATUS = 1 << FieldRole.status;
const DROPPED =
  (1 << FieldRole.grpcTimeout) |
  (1 << FieldRole.explain) |
  (1 << FieldRole.previousAttempts) |
  (1 << FieldRole.callerIdentity);
const REQUEST = METHOD | AUTHORITY | (1 << FieldRole.scheme) | (1 << FieldRole.path);

const NO_TRACEPARENT = -1;

/** A longer content-length is not exact in a double. */
const CONTENT_LENGTH_DIGITS = 15;

/**
 * The rules a header section as a whole has to keep (RFC 9113 §8.2.2, §8.3), and what its fields say to the
 * proxy. Values are not decoded to be passed on, so a path or message is only remembered as a place; it is valid until
 * the next block is decoded, the field block moved, or its references dropped.
 */
export class BlockRules {
  /** `:status`, or 0. */
  status = 0;
  /** `:method` as a MethodCode. */
  methodCode: number = MethodCode.none;
  /** grpc-status, or -1; 2 (UNKNOWN) when it is not a number. Not looked for in requests. */
  grpcStatus = -1;
  /** grpc-timeout in milliseconds, with fractions, or -1. Only in requests. */
  timeoutMs = -1;
  /** content-length in octets, or -1. Not looked for in trailers. */
  contentLength = -1;
  /** The content type is application/grpc, with or without a suffix or parameters. */
  isGrpc = false;
  /** `te: trailers` is present. */
  teTrailers = false;
  /** Intern id of `:authority` (of host without it), or 0. */
  authorityIntern = 0;
  /** `:authority` or host is present. */
  hasAuthority = false;
  /** Decoded length of {@link readAuthority}. */
  authorityLength = 0;
  /** Intern id of `:path`, or 0. */
  pathIntern = 0;
  /** Decoded length of {@link readPath}; 0 without one. */
  pathLength = 0;
  /** Decoded length of {@link readGrpcMessage} (percent-encoded as sent); 0 without one. */
  grpcMessageLength = 0;
  /** Fields that report the endpoint's load. Not looked for in requests. */
  loadReports = 0;
  /** Whether the last of them is `endpoint-load-metrics-bin`. */
  loadReportIsBinary = false;
  /** Decoded length of {@link readLoadReport}. */
  loadReportLength = 0;
  /** The client wants to be given load reports. Only in requests. */
  wantsLoadReport = false;
  /** grpc-retry-pushback-ms: -1 without one, PUSHBACK_NEVER where it forbids to retry. Not looked for in requests. */
  retryPushbackMs = -1;
  /** grpc-previous-rpc-attempts. Only in requests. */
  previousAttempts = 0;
  /** The client asks how its request is picked for. Only in requests. */
  wantsExplanation = false;
  /** Decoded length of {@link readTraceparent}; -1 without one, and where there are several, which say nothing. Only in requests. */
  traceparentLength = NO_TRACEPARENT;

  protected readonly bytes: Buffer;
  protected readonly pool: InternPool;
  #kind: BlockKind = BlockKind.trailers;
  #allowed = 0;
  #seen = 0;
  #sawRegular = false;
  // Places of string literals: slab offsets, or minus the index of a static field.
  #authorityAt = 0;
  #pathAt = 0;
  #messageAt = 0;
  #loadReportAt = 0;
  /** 0: the section has none so far. */
  #traceparentAt = 0;

  constructor(slab: Slab, pool: InternPool) {
    this.bytes = slab.bytes;
    this.pool = pool;
  }

  /** Decodes the authority to `out`. @returns its length in octets. */
  readAuthority(out: number): number {
    return this.#read(this.#authorityAt, out);
  }

  /** Decodes `:path` to `out`. @returns its length in octets. */
  readPath(out: number): number {
    return this.#read(this.#pathAt, out);
  }

  /** Decodes grpc-message to `out`, still percent-encoded. @returns its length in octets. */
  readGrpcMessage(out: number): number {
    return this.#read(this.#messageAt, out);
  }

  /** Decodes the last load report to `out`. @returns its length in octets. */
  readLoadReport(out: number): number {
    return this.#read(this.#loadReportAt, out);
  }

  /** Decodes `traceparent` to `out`. @returns its length in octets. */
  readTraceparent(out: number): number {
    return this.#read(this.#traceparentAt, out);
  }

  protected begin(kind: BlockKind): void {
    this.status = 0;
    this.methodCode = MethodCode.none;
    this.grpcStatus = -1;
    this.timeoutMs = -1;
    this.contentLength = -1;
    this.isGrpc = false;
    this.teTrailers = false;
    this.authorityIntern = 0;
    this.hasAuthority = false;
    this.authorityLength = 0;
    this.pathIntern = 0;
    this.pathLength = 0;
    this.grpcMessageLength = 0;
    this.loadReports = 0;
    this.wantsLoadReport = false;
    this.wantsExplanation = false;
    this.retryPushbackMs = -1;
    this.previousAttempts = 0;
    this.traceparentLength = NO_TRACEPARENT;
    this.#kind = kind;
    this.#allowed = kind === BlockKind.request ? REQUEST : kind === BlockKind.response ? STATUS : 0;
    this.#seen = 0;
    this.#sawRegular = false;
    this.#authorityAt = 0;
    this.#pathAt = 0;
    this.#messageAt = 0;
    this.#traceparentAt = 0;
  }

  /** Notes an ordinary field: no pseudo-header field may follow. */
  protected admitOrdinary(): void {
    this.#sawRegular = true;
  }

  /** What the proxy writes anew for each attempt is not passed on, nor is what is meant for it alone. */
  protected isDropped(role: number): boolean {
    return ((DROPPED >>> role) & 1) !== 0 && this.#kind === BlockKind.request;
  }

  /**
   * Judges a field and notes what it says.
   * @param number what field-value.ts said of its value.
   * @param at the place of its value's string literal, or minus its static index.
   * @param length decoded length of the value.
   * @param intern its id in the pool, or 0.
   * @returns an {@link Admission}.
   */
  protected admit(role: number, number: number, at: number, length: number, intern: number): number {
    if (role === FieldRole.ordinary) {
      this.#sawRegular = true;
      return Admission.keep;
    }
    if (role <= LAST_PSEUDO_ROLE) {
      const bit = 1 << role;
      if (this.#sawRegular || (this.#seen & bit) !== 0 || (this.#allowed & bit) === 0 || number < 0) {
        return Admission.reject;
      }
      this.#seen |= bit;
    } else this.#sawRegular = true;
    switch (role) {
      case FieldRole.method:
        this.methodCode = number;
        break;
      case FieldRole.path:
        if (length === 0) return Admission.reject;
        this.#pathAt = at;
        this.pathLength = length;
        this.pathIntern = intern;
        break;
      case FieldRole.host:
        // Only without :authority, and the first one.
        if (this.hasAuthority) break;
        this.#authorityAt = at;
        this.authorityLength = length;
        this.authorityIntern = intern;
        this.hasAuthority = true;
        break;
      case FieldRole.authority:
        this.#authorityAt = at;
        this.authorityLength = length;
        this.authorityIntern = intern;
        this.hasAuthority = true;
        break;
      case FieldRole.status:
        this.status = number;
        break;
      case FieldRole.te:
        if (number !== 1) return Admission.reject;
        this.teTrailers = true;
        break;
      case FieldRole.contentType:
        if (number === 1) this.isGrpc = true;
        break;
      case FieldRole.grpcStatus:
        if (this.#kind !== BlockKind.request) this.grpcStatus = number < 0 ? 2 : number;
        break;
      case FieldRole.grpcMessage:
        this.#messageAt = at;
        this.grpcMessageLength = length;
        break;
      case FieldRole.contentLength:
        return this.#kind === BlockKind.trailers ? Admission.keep : this.#admitLength(number, at);
      case FieldRole.grpcTimeout:
        if (this.#kind === BlockKind.request) return this.#admitTimeout(number);
        break;
      case FieldRole.loadReportBinary:
      case FieldRole.loadReportText:
        if (this.#kind === BlockKind.request) break;
        this.loadReports++;
        this.loadReportIsBinary = role === FieldRole.loadReportBinary;
        this.loadReportLength = length;
        this.#loadReportAt = at;
        break;
      case FieldRole.loadReportFormat:
        if (this.#kind === BlockKind.request) this.wantsLoadReport = true;
        break;
      case FieldRole.explain:
        if (this.#kind !== BlockKind.request) break;
        this.wantsExplanation = number === 1;
        return Admission.drop;
      case FieldRole.callerIdentity:
        if (this.#kind !== BlockKind.response) return Admission.drop;
        break;
      case FieldRole.retryPushback:
        if (this.#kind !== BlockKind.request) this.retryPushbackMs = number;
        break;
      case FieldRole.previousAttempts:
        if (this.#kind !== BlockKind.request) break;
        this.previousAttempts = number;
        return Admission.drop;
      case FieldRole.traceparent:
        if (this.#kind !== BlockKind.request) break;
        // Source: W3C Trace Context, §3.2: one header field at most.
        this.traceparentLength = this.#traceparentAt === 0 ? length : NO_TRACEPARENT;
        this.#traceparentAt = at;
        break;
      case FieldRole.connectionSpecific:
        return Admission.reject;
      default:
        break;
    }
    return Admission.keep;
  }

  /** @returns whether the section has all it must have. */
  protected isComplete(): boolean {
    if (this.#kind === BlockKind.trailers) return true;
    if (this.#kind === BlockKind.response) return this.#seen === STATUS;
    if (this.methodCode === MethodCode.connect) return this.#seen === (METHOD | AUTHORITY);
    return (this.#seen | AUTHORITY) === REQUEST;
  }

  #admitTimeout(number: number): number {
    if (number < 0 || this.timeoutMs >= 0) return Admission.reject;
    this.timeoutMs = timeoutMsOf(number);
    return Admission.drop;
  }

  #admitLength(number: number, at: number): number {
    let value = number;
    if (number === LARGE_NUMBER) {
      const scratch = this.pool.scratch;
      const length = this.pool.scanner.decode(at, scratch);
      value = decimal(this.bytes, scratch, length, CONTENT_LENGTH_DIGITS);
    }
    if (value < 0) return Admission.reject;
    // The same length twice is harmless but not for every server: one is enough.
    if (this.contentLength >= 0) return this.contentLength === value ? Admission.drop : Admission.reject;
    this.contentLength = value;
    return Admission.keep;
  }

  #read(at: number, out: number): number {
    if (at > 0) return this.pool.scanner.decode(at, out);
    if (at === 0) return 0;
    return this.bytes.write(staticValue(-at), out, "latin1");
  }
}
