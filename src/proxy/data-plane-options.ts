import type { Random } from "../base/random.ts";
import type { PolicyModules } from "../lb/create-picker.ts";
import type { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { GuardOptions } from "./guard/guard-options.ts";
import type { FrontDoorOptions } from "./port/front-door.ts";
import type { CaptureReception } from "./reception.ts";
import type { TlsFailure } from "./tls-failure.ts";

/** What a data plane is made of. */
export interface DataPlaneOptions {
  readonly workerIndex: number;
  readonly workerCount: number;
  /** Name of the node, for those who ask how a request was picked for; default "". */
  readonly node?: string;
  /** The node's zone, "" for none. */
  readonly zone: string;
  /** The zone's region; default "". */
  readonly region?: string;
  readonly slabOctets: number;
  readonly poison: boolean;
  /** Octets of a request's body at most; default 0: no limit. */
  readonly maxRequestBodyOctets?: number;
  /** Limits of clients, and how silent ones are looked after; default: GUARD_DEFAULTS. */
  readonly guard?: GuardOptions;
  /** What captured connections need; default: there are none. */
  readonly capture?: CaptureReception | undefined;
  /** The words of an OverloadState; default: memory is never short. */
  readonly overload?: Int32Array;
  /** Least time between two PINGs an endpoint has not spoken between; default: SERVER_MIN_PING_MS. For tests. */
  readonly minPingMs?: number;
  /** TLS handshakes with endpoints at once; default 8. */
  readonly maxTlsHandshakes?: number;
  /** Told of every connection that TLS kept from coming about; default: nobody is. */
  readonly onTlsFailure?: (failure: TlsFailure) => void;
  readonly nowMs: () => number;
  /** Milliseconds since 1970, for log records. */
  readonly wallMs: () => number;
  readonly random: Random;
  /** Ids of traces and spans are drawn from it, which are one in the world; default: {@link random}. */
  readonly ids?: Random;
  readonly endpoints: EndpointCounters;
  /** A team's own policies; default: such clusters are served by `least_request`. */
  readonly policyModules?: PolicyModules;
  /** What attempts come to, for all threads; default: for this one alone. */
  readonly outcomes?: SharedOutcomes;
  /** This worker's row. */
  readonly workerRow: Float64Array;
  /** No stream is on that endpoint slot any more. */
  readonly onEndpointReleased: (slot: number) => void;
  /** A removed cluster's last exchange has ended. */
  readonly onClusterReleased: (clusterSlot: number) => void;
  /** What the listeners are, and who helps with what is not HTTP/2. */
  readonly port?: FrontDoorOptions;
  /** A client's connection has ended, and {@link DataPlane.downstreamConnections} is one less. */
  readonly onDownstreamGone?: () => void;
}
