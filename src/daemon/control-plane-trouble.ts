import type { Log } from "../telemetry/log.ts";

/** A kind of trouble that waiting does not mend. */
interface Trouble {
  readonly pattern: RegExp;
  readonly message: string;
  readonly advice: string;
}

/** Reasons are OpenSSL's and Node's words for what is wrong with a certificate, or gRPC's status. */
const TROUBLES: readonly Trouble[] = [
  // The first: what it says of our certificate sounds like what we would say of its own.
  {
    pattern: /^16 UNAUTHENTICATED|^7 PERMISSION_DENIED/,
    message: "the control plane refuses this proxy",
    advice: "what it wants stands in reason; docs/security.md has what each kind of client needs",
  },
  {
    pattern: /certificate has expired|CERT_HAS_EXPIRED|certificate is not yet valid/i,
    message: "the control plane's certificate is not valid now",
    advice: "renew it, or mend the clock of this node; until then what is known stays in force",
  },
  {
    pattern: /altnames|the certificate is for/i,
    message: "the control plane's certificate is for another name",
    advice: "set controlPlane.tls.serverName (or subjectAltNames) to a name that it has",
  },
  {
    pattern: /self.signed|unable to (?:verify|get)|UNABLE_TO|unknown ca/i,
    message: "the control plane's certificate is not of a trusted authority",
    advice:
      "controlPlane.tls.caFile has to hold the authority that the control plane uses: ca.crt of its ConfigMap isobar-ca-bundle, or the one its files were issued by",
  },
  {
    pattern: /^controlPlane\./,
    message: "the proxy cannot show the control plane who it is",
    advice: "mend the file; it is read again for the next attempt",
  },
];

/** Says once what is wrong between this proxy and its control plane; what repeats is not said again until it has been good. */
export class ControlPlaneTrouble {
  readonly #log: Log;
  /** What was said last; "" while all is well. */
  #said = "";
  #refused = false;

  constructor(log: Log) {
    this.#log = log;
  }

  connected(address: string): void {
    // A stream stands before it is refused.
    if (this.#refused) return;
    this.#said = "";
    this.#log.info("connected with the control plane", { address });
  }

  /** The control plane has answered: it knows us. */
  answered(address: string): void {
    if (!this.#refused) return;
    this.#refused = false;
    this.#said = "";
    this.#log.info("the control plane accepts this proxy again", { address });
  }

  disconnected(address: string, reason: string): void {
    const known = TROUBLES.find(({ pattern }) => pattern.test(reason));
    const said = known === undefined ? `${address} ${withoutTime(reason)}` : `${address} ${known.message}`;
    if (said === this.#said) {
      this.#log.debug("no connection with the control plane", { address, reason });
      return;
    }
    this.#said = said;
    if (known === undefined) {
      this.#log.warn("no connection with the control plane, what is known stays in force", {
        address,
        reason,
      });
      return;
    }
    this.#refused = /^(?:16|7) /.test(reason);
    this.#log.error(known.message, { address, reason, advice: known.advice });
  }
}

/** grpc-js puts the time of day into its reasons. */
function withoutTime(reason: string): string {
  return reason.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "");
}
