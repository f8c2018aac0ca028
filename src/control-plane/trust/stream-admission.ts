import { status } from "@grpc/grpc-js";
import type { Admission, ClientCredentials, ClientSession, Refusal } from "../../xds/server/admission.ts";
import type { AdmissionParts } from "./admitted-client.ts";
import { AdmittedClient } from "./admitted-client.ts";
import { certificateIdentity } from "./certificate-identity.ts";
import type { ClientIdentity } from "./client-identity.ts";
import { TOKEN_AUDIENCE } from "./token-reviewer.ts";

/** Lets in who proves who it is, and is somebody here. */
export class StreamAdmission implements Admission {
  readonly #parts: AdmissionParts;
  readonly #review: ((token: string) => Promise<ClientIdentity | Refusal>) | undefined;
  readonly #takesCertificates: boolean;

  /** @param review says whose a token is; undefined where nobody can say. */
  constructor(
    parts: AdmissionParts,
    review: ((token: string) => Promise<ClientIdentity | Refusal>) | undefined,
    takesCertificates: boolean,
  ) {
    this.#parts = parts;
    this.#review = review;
    this.#takesCertificates = takesCertificates;
  }

  async admit(credentials: ClientCredentials): Promise<ClientSession | Refusal> {
    const identity = await this.#identify(credentials);
    if ("code" in identity) return identity;
    const { roles } = this.#parts;
    if (roles.of(identity) !== undefined) return new AdmittedClient(identity, this.#parts);
    return {
      code: status.PERMISSION_DENIED,
      reason: "unknown_client",
      message: `found ${identity.who}, who is nobody here; wanted ${[...roles.proxyAccounts].join(" or ")} (--proxy-service-account), somebody listed in --clients, or a Pod of a namespace with the annotation isobar.dev/mode`,
    };
  }

  async #identify({ certificate, token }: ClientCredentials): Promise<ClientIdentity | Refusal> {
    if (certificate !== undefined && this.#takesCertificates) return certificateIdentity(certificate);
    if (token !== "" && this.#review !== undefined) return this.#review(token);
    const wanted = [
      ...(this.#review === undefined
        ? []
        : [
            `a ServiceAccount token for the audience "${TOKEN_AUDIENCE}" as "authorization: Bearer …" (of a proxy: controlPlane.tokenFile)`,
          ]),
      ...(this.#takesCertificates ? ["a client certificate (of a proxy: controlPlane.tls.certFile)"] : []),
    ];
    const message = `found ${token === "" ? "neither token nor certificate" : "a token"}, wanted ${wanted.join(" or ")}`;
    return { code: status.UNAUTHENTICATED, reason: "no_credentials", message };
  }
}
