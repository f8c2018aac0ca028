import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller } from "../../../src/resource/caller.ts";
import { CALLER_MODES } from "../../../src/resource/caller.ts";
import { decodeCallerView, encodeCallerView } from "../../../src/xds/resources/caller-view.ts";
import {
  CAPTURE_VIEW,
  decodeCaptureView,
  encodeCaptureView,
} from "../../../src/xds/resources/capture-view.ts";
import { WireWriter } from "../../../src/xds/resources/wire-writer.ts";

const CALLER: Caller = {
  uid: "0e4f",
  namespace: "shop",
  pod: "checkout-7f-x2",
  serviceAccount: "checkout",
  workload: "Deployment/checkout",
  addresses: ["10.1.0.7", "fd00:1::7"],
  mode: "transparent",
  failClosed: true,
  reclaim: false,
};
const SERVICE = { service: "echo.default:50051", addresses: ["10.96.0.1", "fd00:96::1"], port: 50_051 };

test("the callers of a node are read as they were written, in every mode", () => {
  const callers = CALLER_MODES.map((mode, i): Caller => {
    return { ...CALLER, uid: `u${i}`, mode, failClosed: i % 2 === 0, reclaim: i % 2 === 1 };
  });
  const bare: Caller = {
    ...CALLER,
    uid: "bare",
    workload: "",
    serviceAccount: "",
    addresses: [],
    mode: "off",
  };
  const view = { name: "n1", callers: [...callers, bare] };
  assert.deepEqual(decodeCallerView(encodeCallerView(view)).value, view);
  assert.deepEqual(decodeCallerView(encodeCallerView({ name: "n1", callers: [] })).value?.callers, []);
});

test("a mode that a later release has invented is off", () => {
  const octets = new WireWriter()
    .string(1, "n1")
    .message(2, (caller) => caller.string(1, "u").number(7, 9))
    .finish();
  assert.equal(decodeCallerView(octets).value?.callers[0]?.mode, "off");
});

test("what a later release says more is passed over", () => {
  const callers = new WireWriter()
    .string(1, "n1")
    .string(15, "later")
    .message(2, (caller) => caller.string(1, "u").string(6, "10.1.0.7").number(7, 3).string(30, "later"));
  const [caller] = decodeCallerView(callers.number(99, 1).finish()).value!.callers;
  assert.deepEqual([caller!.uid, caller!.addresses, caller!.mode], ["u", ["10.1.0.7"], "transparent"]);
  const services = new WireWriter().string(1, CAPTURE_VIEW).message(2, (service) => {
    service
      .string(1, "a.b:1")
      .string(2, "10.96.0.1")
      .number(3, 1)
      .message(9, (inner) => inner.number(1, 7));
  });
  const view = decodeCaptureView(services.string(12, "later").finish()).value!;
  assert.deepEqual(view.services, [{ service: "a.b:1", addresses: ["10.96.0.1"], port: 1 }]);
});

test("a caller that is nobody, or whose address is none, is refused with its place", () => {
  const view = (caller: Caller) => encodeCallerView({ name: "n1", callers: [CALLER, caller] });
  assert.match(
    decodeCallerView(view({ ...CALLER, uid: "" })).problem!,
    /CallerView: callers\[1\]\.uid: found nothing/,
  );
  assert.match(
    decodeCallerView(view({ ...CALLER, addresses: ["10.1.0.7", "10.1.0.007"] })).problem!,
    /callers\[1\]\.addresses\[1\]: found "10\.1\.0\.007", wanted an IP address/,
  );
});

test("captured services are read as they were written", () => {
  const view = { name: CAPTURE_VIEW, services: [SERVICE, { ...SERVICE, service: "a.b:1", port: 1 }] };
  assert.deepEqual(decodeCaptureView(encodeCaptureView(view)).value, view);
});

test("a captured service without a name, with a port or an address that is none, is refused with its place", () => {
  for (const [wrong, text] of [
    [{ service: "" }, /services\[0\]\.service: found nothing/],
    [{ port: 0 }, /services\[0\]\.port: found 0, wanted a port/],
    [{ port: 65_536 }, /services\[0\]\.port: found 65536/],
    [{ addresses: ["echo"] }, /services\[0\]\.addresses\[0\]: found "echo", wanted an IP address/],
  ] as const) {
    const octets = encodeCaptureView({ name: CAPTURE_VIEW, services: [{ ...SERVICE, ...wrong }] });
    assert.match(decodeCaptureView(octets).problem!, text);
  }
});

test("views that are cut off anywhere throw nothing", () => {
  const callers = encodeCallerView({ name: "n1", callers: [CALLER] });
  for (let length = 0; length < callers.length; length++) decodeCallerView(callers.subarray(0, length));
  const services = encodeCaptureView({ name: CAPTURE_VIEW, services: [SERVICE] });
  for (let length = 0; length < services.length; length++) decodeCaptureView(services.subarray(0, length));
});
