import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientOptions } from "../../src/sdk/client-options.ts";
import { readClientSettings } from "../../src/sdk/read-client-settings.ts";

const SERVED = { ISOBAR_CONTROL_PLANE: "a.isobar:18000" };

describe("the client's settings", () => {
  it("come from options, then from the environment, then from the defaults", () => {
    const environment = {
      ISOBAR_CONTROL_PLANE: "a:1, [fd00::1]:2",
      ISOBAR_ZONE: "z",
      ISOBAR_REGION: "r",
      ISOBAR_FALLBACK_AFTER_MS: "50",
    };
    const settings = readClientSettings({ region: "s", insecure: true }, environment);
    const { controlPlane, zone, region, fallbackAfterMs, holdBackMs, insecure } = settings;
    assert.deepEqual([controlPlane, zone, region], [["a:1", "[fd00::1]:2"], "z", "s"]);
    assert.deepEqual([fallbackAfterMs, holdBackMs, insecure], [50, 10_000, true]);
    assert.deepEqual(readClientSettings({ controlPlane: "b:1" }, environment).controlPlane, ["b:1"]);
  });

  it("find the node's proxy by the node's address", () => {
    const addressOf = (options: ClientOptions, environment: Record<string, string>) =>
      readClientSettings(options, environment).address;
    assert.equal(addressOf({}, { NODE_IP: "10.0.0.1" }), "10.0.0.1:15001");
    assert.equal(addressOf({}, { NODE_IP: "fd00::1" }), "[fd00::1]:15001");
    assert.equal(addressOf({}, { NODE_IP: "10.0.0.1", ISOBAR_ADDRESS: "127.0.0.1:1" }), "127.0.0.1:1");
    assert.equal(addressOf({ address: "" }, { ...SERVED, NODE_IP: "10.0.0.1" }), "");
  });

  for (const [what, options, environment, message] of [
    [
      "an unknown option",
      { controlplane: "a:1" },
      {},
      /found the option "controlplane", wanted one of controlPlane, /,
    ],
    [
      "an address without a port",
      { controlPlane: "isobar" },
      {},
      /controlPlane: found "isobar", wanted a host and a port/,
    ],
    ["one in a variable", {}, { ISOBAR_CONTROL_PLANE: "a:99999" }, /ISOBAR_CONTROL_PLANE: found "a:99999"/],
    [
      "a number out of range",
      { fallbackAfterMs: 1 },
      SERVED,
      /fallbackAfterMs: found 1, wanted a number from 10 to 60000/,
    ],
    [
      "text for a number",
      {},
      { ...SERVED, ISOBAR_HOLD_BACK_MS: "soon" },
      /ISOBAR_HOLD_BACK_MS: found "soon"/,
    ],
    ["a certificate without its key", { certFile: "/a" }, SERVED, /found one of certFile and keyFile/],
    [
      "a token in clear text",
      { insecure: true, tokenFile: "/t" },
      SERVED,
      /found tokenFile together with insecure/,
    ],
    ["nothing to go by", {}, {}, /found neither a control plane nor the address of the node's proxy/],
  ] as const) {
    it(`are refused for ${what}, by the name a person knows`, () => {
      assert.throws(() => readClientSettings(options as ClientOptions, environment), message);
    });
  }
});
