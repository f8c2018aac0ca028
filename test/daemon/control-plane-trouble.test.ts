import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ControlPlaneTrouble } from "../../src/daemon/control-plane-trouble.ts";
import { createLog } from "../../src/telemetry/log.ts";

const AT = "cp.test:18000";

function troubleWithLog(): { readonly trouble: ControlPlaneTrouble; readonly said: () => string[] } {
  const lines: string[] = [];
  const trouble = new ControlPlaneTrouble(createLog({ stream: { write: (line) => void lines.push(line) } }));
  return {
    trouble,
    said: () =>
      lines.splice(0).map((line) => {
        const { level, message } = JSON.parse(line) as { readonly level: string; readonly message: string };
        return `${level}: ${message}`;
      }),
  };
}

describe("trouble with the control plane", () => {
  it("is said once for each kind, with what to do where waiting does not help", () => {
    const { trouble, said } = troubleWithLog();
    const reasons = [
      "14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED (2026-11-23T09:53:39.779Z).",
      "14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED (2026-11-23T09:53:40.101Z).",
      "14 UNAVAILABLE: No connection established. Last error: Error: unable to verify the first certificate",
      "14 UNAVAILABLE: No connection established. Last error: Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames",
      "the certificate is for DNS:a.test, wanted b.test",
      "14 UNAVAILABLE: No connection established. Last error: Error: certificate has expired",
      "16 UNAUTHENTICATED: found neither token nor certificate",
      "16 UNAUTHENTICATED: found neither token nor certificate",
      "7 PERMISSION_DENIED: found Pod b",
      "controlPlane.tokenFile: found /t: ENOENT",
    ];
    for (const reason of reasons) trouble.disconnected(AT, reason);
    assert.deepEqual(said(), [
      "warn: no connection with the control plane, what is known stays in force",
      "error: the control plane's certificate is not of a trusted authority",
      "error: the control plane's certificate is for another name",
      "error: the control plane's certificate is not valid now",
      "error: the control plane refuses this proxy",
      "error: the proxy cannot show the control plane who it is",
    ]);
  });

  it("is over when the control plane answers, not when a stream stands that it then refuses", () => {
    const { trouble, said } = troubleWithLog();
    const refusal = "16 UNAUTHENTICATED: found a token that the API server refuses";
    trouble.connected(AT);
    trouble.disconnected(AT, refusal);
    trouble.connected(AT);
    trouble.disconnected(AT, refusal);
    trouble.connected(AT);
    trouble.answered(AT);
    trouble.disconnected(AT, refusal);
    assert.deepEqual(said(), [
      "info: connected with the control plane",
      "error: the control plane refuses this proxy",
      "info: the control plane accepts this proxy again",
      "error: the control plane refuses this proxy",
    ]);
  });

  it("is said again when it comes back after all was well", () => {
    const { trouble, said } = troubleWithLog();
    trouble.disconnected(AT, "gone");
    trouble.connected(AT);
    trouble.disconnected(AT, "gone");
    assert.equal(said().length, 3);
  });
});
