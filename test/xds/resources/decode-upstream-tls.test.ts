import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeUpstreamTls } from "../../../src/xds/resources/decode-upstream-tls.ts";
import { WireWriter } from "../../../src/xds/resources/wire-writer.ts";

type Write = (writer: WireWriter) => void;

const file =
  (name: string): Write =>
  (writer) =>
    writer.string(1, name);
const text =
  (pem: string): Write =>
  (writer) =>
    writer.string(3, pem);
const exact =
  (name: string): Write =>
  (writer) =>
    writer.message(15, (typed) => typed.number(1, 3).message(2, (matcher) => matcher.string(1, name)));

interface Parts {
  readonly context?: Write;
  readonly common?: Write;
  readonly validation?: Write;
  readonly sni?: string;
}

function decode({ context, common, validation = (w) => w.message(1, file("/ca.pem")), sni = "echo" }: Parts) {
  const writer = new WireWriter().message(1, (inner) => {
    inner.message(3, validation);
    common?.(inner);
  });
  writer.string(2, sni);
  context?.(writer);
  return decodeUpstreamTls(writer.finish());
}

describe("an UpstreamTlsContext", () => {
  it("with authorities and a name is taken as it is", () => {
    assert.deepEqual(decode({}), {
      mode: "SIMPLE",
      caFile: "/ca.pem",
      certFile: undefined,
      keyFile: undefined,
      subjectAltNames: undefined,
      serverName: "echo",
    });
  });

  it("has its certificates as files or as text, and names that have to be among the endpoint's", () => {
    const tls = decode({
      sni: "",
      common: (w) =>
        w.message(2, (pair) => pair.message(1, file("/c.pem")).message(2, text("KEY"))).strings(4, ["h2"]),
      validation: (w) => {
        w.message(1, text("CA"));
        exact("spiffe://a/b")(w);
        w.message(9, (matcher) => matcher.string(1, "echo.test"));
      },
    });
    assert.deepEqual(tls, {
      mode: "MUTUAL",
      caFile: undefined,
      certFile: "/c.pem",
      keyFile: undefined,
      subjectAltNames: ["spiffe://a/b", "echo.test"],
      texts: { caFile: "CA", keyFile: "KEY" },
      serverName: "",
    });
  });

  it("trusts the system's authorities where it says so", () => {
    assert.equal(decode({ validation: (w) => w.message(17, () => {}) }).caFile, undefined);
  });

  const refused: readonly (readonly [string, Parts, RegExp])[] = [
    ["without authorities", { validation: () => {} }, /trusted_ca: found none, wanted one/],
    ["without any name to expect", { sni: "" }, /transport_socket\.sni: found none/],
    [
      "with secrets over SDS",
      { common: (w) => w.message(6, () => {}) },
      /sds_secret_configs: found secrets from elsewhere/,
    ],
    [
      "with a validation context over SDS",
      { common: (w) => w.message(7, () => {}) },
      /validation_context_sds_secret_config/,
    ],
    [
      "with a combined validation context",
      { common: (w) => w.message(8, () => {}) },
      /combined_validation_context/,
    ],
    [
      "with a certificate provider",
      { common: (w) => w.message(14, () => {}) },
      /tls_certificate_provider_instance/,
    ],
    [
      "with two certificates",
      { common: (w) => w.message(2, () => {}).message(2, () => {}) },
      /tls_certificates: found several/,
    ],
    [
      "with a certificate without its key",
      { common: (w) => w.message(2, (p) => p.message(1, file("/c"))) },
      /wanted both/,
    ],
    [
      "with a key that has a password",
      { common: (w) => w.message(2, (p) => p.message(3, text("x"))) },
      /password: found one/,
    ],
    [
      "for another protocol than HTTP/2",
      { common: (w) => w.strings(4, ["http/1.1"]) },
      /alpn_protocols: found http\/1\.1/,
    ],
    ["for TLS 1.3 alone", { common: (w) => w.message(1, (p) => p.number(1, 4)) }, /minimum_protocol_version/],
    [
      "for TLS 1.2 at most",
      { common: (w) => w.message(1, (p) => p.number(2, 3)) },
      /maximum_protocol_version/,
    ],
    ["with cipher suites", { common: (w) => w.message(1, (p) => p.strings(3, ["x"])) }, /cipher_suites/],
    [
      "with a pattern of names",
      {
        validation: (w) =>
          w.message(1, file("/ca")).message(15, (t) => t.message(2, (m) => m.string(2, "spiffe://a/"))),
      },
      /matcher: found a pattern \(prefix, suffix, safe_regex or contains\), wanted exact/,
    ],
    [
      "with pins",
      { validation: (w) => w.message(1, file("/ca")).strings(3, ["x"]) },
      /verify_certificate_spki/,
    ],
    [
      "that believes in anybody",
      { validation: (w) => w.message(1, file("/ca")).number(10, 1) },
      /trust_chain_verification/,
    ],
    [
      "with a relative path",
      { validation: (w) => w.message(1, file("ca.pem")) },
      /filename: found "ca\.pem", wanted an absolute path/,
    ],
    [
      "with an environment variable",
      { validation: (w) => w.message(1, (s) => s.string(4, "X")) },
      /environment_variable/,
    ],
  ];
  for (const [title, parts, problem] of refused) {
    it(`${title} is refused, and the field named`, () => {
      assert.throws(() => decode(parts), problem);
    });
  }
});
