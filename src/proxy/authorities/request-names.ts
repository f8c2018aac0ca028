/** What a request's header section says of where it goes and how: the decoder right after the section, or what was kept of it. */
export interface RequestNames {
  /** Intern id of `:authority`, or 0. */
  readonly authorityIntern: number;
  readonly hasAuthority: boolean;
  /** Decoded length. */
  readonly authorityLength: number;
  /** Decodes `:authority` to `out`. @returns its length in octets. */
  readAuthority(out: number): number;
  /** As for the authority; length 0 where there is none. */
  readonly pathIntern: number;
  readonly pathLength: number;
  readPath(out: number): number;
  /** `grpc-timeout`, -1 without one. */
  readonly timeoutMs: number;
  /** `grpc-previous-rpc-attempts`, 0 without one. */
  readonly previousAttempts: number;
  /** Octets of the field block that are literals, and the size of its list (RFC 9113 §6.5.2). */
  readonly outLiteralOctets: number;
  readonly listOctets: number;
}
