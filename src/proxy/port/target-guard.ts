import type { IpAddress } from "../../base/ip-address.ts";
import type { IpRange } from "../../base/ip-ranges.ts";
import { IpRanges, parseIpRange } from "../../base/ip-ranges.ts";
import { TunnelResult } from "../../telemetry/port-cell.ts";
import { embeddedIpv4, forbiddenKind } from "./forbidden-address.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import type { TunnelTarget } from "./tunnel-target.ts";

/** One entry of `connect.allowedTargets`, read. */
export interface TargetPattern {
  /** A host name, or `.suffix` for every name below one, or `*` for everything; "" when it is a range. */
  readonly host: string;
  readonly range: IpRange | undefined;
  /** 0 for every port. */
  readonly port: number;
}

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;
/** Names that mean this machine without being asked of anybody (RFC 6761 §6.3, and what /etc/hosts often has). */
const LOCAL_NAME = /^(?:.*\.)?(?:localhost|localhost6|localdomain|ip6-localhost|ip6-loopback)$/;

/**
 * Reads `name`, `*.suffix`, `*`, an address or a range, with or without `:port`; with a port, IPv6 stands in brackets.
 *
 * @returns undefined when it is none of these.
 */
export function parseTargetPattern(text: string): TargetPattern | undefined {
  const whole = parseIpRange(text);
  if (whole !== undefined) return { host: "", range: whole, port: 0 };
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::([1-9][0-9]{0,4}))?$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3] ?? 0);
  if (port > 65_535) return undefined;
  if (match[1] !== undefined) {
    const range = parseIpRange(match[1]);
    return range && { host: "", range, port };
  }
  const host = match[2]!.toLowerCase();
  const range = parseIpRange(host);
  if (range !== undefined) return { host: "", range, port };
  if (host === "*") return { host, range: undefined, port };
  if (!NAME.test(host) || /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(host)) return undefined;
  return { host: host.startsWith("*.") ? host.slice(1) : host, range: undefined, port };
}

/**
 * Decides which targets of CONNECT that are no cluster may be dialled: a proxy on the host's network must not lend its reach to
 * its callers. Whatever is allowed, loopback, link-local and metadata, multicast, reserved and unspecified addresses, the
 * node's own, and the denied ranges are not; nor IPv6 spellings of such IPv4 addresses.
 */
export class TargetGuard {
  readonly #patterns: readonly TargetPattern[];
  readonly #denied: IpRanges;

  constructor(options: {
    readonly allowedTargets: readonly string[];
    readonly deniedRanges: readonly string[];
  }) {
    this.#patterns = options.allowedTargets.map((text) => {
      const pattern = parseTargetPattern(text);
      if (pattern === undefined) throw new RangeError(`not a pattern of targets: "${text}"`);
      return pattern;
    });
    this.#denied = new IpRanges(options.deniedRanges);
  }

  /** @returns whether a name is worth resolving: a pattern has it, or a range may have its address. */
  mayResolve(target: TunnelTarget): boolean {
    if (LOCAL_NAME.test(target.host)) return false;
    return this.#patterns.some(
      (pattern) =>
        fits(pattern.port, target.port) && (pattern.range !== undefined || hasName(pattern, target.host)),
    );
  }

  /**
   * Judges an address that is about to be dialled, be it the target itself or what its name was resolved to.
   *
   * @returns `TunnelResult.allowed`, or why not.
   */
  judge(target: TunnelTarget, address: IpAddress, own: OwnAddresses): TunnelResult {
    if (forbiddenKind(address) !== undefined) return TunnelResult.forbidden;
    const all = [address, ...embeddedIpv4(address)];
    if (all.some((each) => own.has(each))) return TunnelResult.ownAddress;
    if (all.some((each) => this.#denied.contains(each))) return TunnelResult.deniedRange;
    const allowed = this.#patterns.some((pattern) => {
      if (!fits(pattern.port, target.port)) return false;
      if (pattern.range !== undefined) return rangeHas(pattern.range, address);
      return target.address === undefined ? hasName(pattern, target.host) : pattern.host === "*";
    });
    return allowed ? TunnelResult.allowed : TunnelResult.notAllowed;
  }
}

function fits(patternPort: number, port: number): boolean {
  return patternPort === 0 || patternPort === port;
}

function hasName({ host }: TargetPattern, name: string): boolean {
  if (host === "*" || host === name) return host !== "";
  return host.startsWith(".") && name.endsWith(host) && name.length > host.length;
}

function rangeHas(range: IpRange, address: IpAddress): boolean {
  return range.address.every((word, i) => ((word ^ address[i]!) & range.mask[i]!) === 0);
}
