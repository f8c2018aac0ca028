import { isAbsolute } from "node:path";
import type { ClusterTls, NamedTls } from "../../resource/cluster-tls.ts";
import { ResourceProblem } from "./resource-problem.ts";
import { WireReader } from "./wire-reader.ts";

/** A part of a certificate: the file that it is in, or its text. */
interface Source {
  file?: string;
  text?: string;
}

interface Certificates {
  ca: Source | undefined;
  /** The system's authorities are asked for. */
  system: boolean;
  cert: Source | undefined;
  key: Source | undefined;
  names: string[];
}

const SECRETS = "secrets from elsewhere (SDS, a certificate provider)";
const IN_PLACE = "certificates in the resource itself, as text or as files of the proxy's node";
const MAX_TEXT = 4 * 1_048_576;
const MAX_NAMES = 64;

/** TLSv1_2 and TLSv1_3 of TlsParameters.TlsProtocol. */
const TLS12 = 3;
const TLS13 = 4;

/** Names of fields that would change whom we talk to, and that cannot be said by a {@link ClusterTls}. */
const CONTEXT_FIELDS: Readonly<Record<number, string>> = {
  3: "allow_renegotiation",
  6: "auto_host_sni",
};
const COMMON_FIELDS: Readonly<Record<number, string>> = {
  6: "tls_certificate_sds_secret_configs",
  7: "validation_context_sds_secret_config",
  8: "combined_validation_context",
  9: "tls_certificate_certificate_provider",
  10: "validation_context_certificate_provider",
  11: "tls_certificate_certificate_provider_instance",
  12: "validation_context_certificate_provider_instance",
  13: "custom_handshaker",
  14: "tls_certificate_provider_instance",
  16: "custom_tls_certificate_selector",
};
const VALIDATION_FIELDS: Readonly<Record<number, string>> = {
  2: "verify_certificate_hash",
  3: "verify_certificate_spki",
  6: "require_signed_certificate_timestamp",
  7: "crl",
  8: "allow_expired_certificate",
  10: "trust_chain_verification",
  12: "custom_validator_config",
  13: "ca_certificate_provider_instance",
};
const CERTIFICATE_FIELDS: Readonly<Record<number, string>> = {
  3: "password",
  6: "private_key_provider",
  8: "pkcs12",
};

/**
 * Reads an envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext as far as it can be kept to, and refuses the rest: nothing that it demands of an endpoint
 * is passed over. Two things are demanded beyond Envoy: authorities, without which Envoy would believe anybody, and a name to expect, by `sni` or by exact
 * matchers, without which everybody whom an authority knows would do.
 *
 * @throws ResourceProblem naming the field.
 */
export function decodeUpstreamTls(octets: Uint8Array): NamedTls {
  const found: Certificates = { ca: undefined, system: false, cert: undefined, key: undefined, names: [] };
  let sni = "";
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 1) within(reader, () => readCommon(reader, found));
    else if (reader.field === 2) sni = reader.string();
    else if (CONTEXT_FIELDS[reader.field] === undefined) reader.skip();
    else if (reader.number() !== 0) refuse(CONTEXT_FIELDS[reader.field]!, "true", "false");
  }
  const { ca, system, cert, key, names } = found;
  if (ca === undefined && !system) {
    refuse("common_tls_context.validation_context.trusted_ca", "none", `one: ${IN_PLACE}`);
  }
  if (sni === "" && names.length === 0) {
    refuse("sni", "none", "a name, or match_typed_subject_alt_names in the validation_context");
  }
  if ((cert === undefined) !== (key === undefined)) {
    refuse("common_tls_context.tls_certificates", "one of certificate_chain and private_key", "both");
  }
  const texts = textsOf(ca, cert, key);
  const tls: ClusterTls = {
    mode: cert === undefined ? "SIMPLE" : "MUTUAL",
    caFile: ca?.file,
    certFile: cert?.file,
    keyFile: key?.file,
    subjectAltNames: names.length === 0 ? undefined : names,
    ...(texts && { texts }),
  };
  return { ...tls, serverName: sni };
}

function readCommon(reader: WireReader, found: Certificates): void {
  let certificates = 0;
  const protocols: string[] = [];
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) within(reader, () => readParams(reader));
    else if (field === 2) {
      if (++certificates > 1) refuse("common_tls_context.tls_certificates", "several", "one at most");
      within(reader, () => readCertificate(reader, found));
    } else if (field === 3) within(reader, () => readValidation(reader, found));
    else if (field === 4) protocols.push(reader.string());
    else if (COMMON_FIELDS[field] !== undefined) {
      const found = field === 13 || field === 16 ? "one" : SECRETS;
      refuse(`common_tls_context.${COMMON_FIELDS[field]}`, found, found === "one" ? "none" : IN_PLACE);
    } else reader.skip();
  }
  if (protocols.length > 0 && !protocols.includes("h2")) {
    refuse("common_tls_context.alpn_protocols", protocols.join(", "), "h2 among them, or none");
  }
}

function readParams(reader: WireReader): void {
  const key = "common_tls_context.tls_params";
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) {
      const least = reader.number();
      if (least > TLS12) refuse(`${key}.tls_minimum_protocol_version`, "TLSv1_3", "TLSv1_2 or less");
    } else if (field === 2) {
      const most = reader.number();
      if (most !== 0 && most !== TLS13) refuse(`${key}.tls_maximum_protocol_version`, "less", "TLSv1_3");
    } else if (field === 3 || field === 4)
      refuse(`${key}.${field === 3 ? "cipher_suites" : "ecdh_curves"}`, "some", "none");
    else reader.skip();
  }
}

function readCertificate(reader: WireReader, found: Certificates): void {
  const key = "common_tls_context.tls_certificates";
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) found.cert = readSource(reader, `${key}.certificate_chain`);
    else if (field === 2) found.key = readSource(reader, `${key}.private_key`);
    else if (CERTIFICATE_FIELDS[field] !== undefined)
      refuse(`${key}.${CERTIFICATE_FIELDS[field]}`, "one", "none");
    else reader.skip();
  }
}

function readValidation(reader: WireReader, found: Certificates): void {
  const key = "common_tls_context.validation_context";
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) found.ca = readSource(reader, `${key}.trusted_ca`);
    else if (field === 9) within(reader, () => readName(reader, `${key}.match_subject_alt_names`, found));
    else if (field === 15) {
      const names = `${key}.match_typed_subject_alt_names`;
      within(reader, () => {
        while (reader.next()) {
          if (reader.field === 2) within(reader, () => readName(reader, `${names}.matcher`, found));
          else reader.skip();
        }
      });
    } else if (field === 17) {
      found.system = true;
      reader.skip();
    } else if (field === 13) refuse(`${key}.${VALIDATION_FIELDS[field]}`, SECRETS, IN_PLACE);
    else if (VALIDATION_FIELDS[field] !== undefined)
      refuse(`${key}.${VALIDATION_FIELDS[field]}`, "some", "none");
    else reader.skip();
  }
}

/** A StringMatcher: only whole names can be looked for in a certificate. */
function readName(reader: WireReader, key: string, found: Certificates): void {
  let name: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 6) {
      // Names of hosts have no case, and others are compared as they are.
      if (reader.number() !== 0) refuse(`${key}.ignore_case`, "true", "false");
    } else refuse(key, "a pattern (prefix, suffix, safe_regex or contains)", "exact");
  }
  if (name === undefined || name === "") refuse(key, "no name", "exact");
  found.names.push(name!);
  if (found.names.length > MAX_NAMES) refuse(key, `more than ${MAX_NAMES}`, `at most ${MAX_NAMES}`);
}

function readSource(reader: WireReader, key: string): Source {
  const source: Source = {};
  within(reader, () => {
    while (reader.next()) {
      if (reader.field === 1) source.file = reader.string();
      else if (reader.field === 2) source.text = reader.octets().toString("utf8");
      else if (reader.field === 3) source.text = reader.string();
      else if (reader.field === 4)
        refuse(key, "environment_variable", "filename, inline_bytes or inline_string");
      else reader.skip();
    }
  });
  const { file, text } = source;
  if (file !== undefined && !isAbsolute(file)) refuse(`${key}.filename`, `"${file}"`, "an absolute path");
  if (file === undefined && (text === undefined || text === "")) refuse(key, "nothing", IN_PLACE);
  if (text !== undefined && text.length > MAX_TEXT) refuse(key, `${text.length} octets`, "at most 4 MiB");
  return source;
}

function textsOf(
  ca: Source | undefined,
  cert: Source | undefined,
  key: Source | undefined,
): ClusterTls["texts"] {
  const texts: { caFile?: string; certFile?: string; keyFile?: string } = {};
  if (ca?.text !== undefined) texts.caFile = ca.text;
  if (cert?.text !== undefined) texts.certFile = cert.text;
  if (key?.text !== undefined) texts.keyFile = key.text;
  return Object.keys(texts).length === 0 ? undefined : texts;
}

function within(reader: WireReader, read: () => void): void {
  reader.enter();
  read();
  reader.leave();
}

function refuse(key: string, found: string, wanted: string): never {
  throw new ResourceProblem(`transport_socket.${key}`, found, wanted);
}
