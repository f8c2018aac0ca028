/**
 * Reads the keys (JWK Set) from the file of the first argument and tokens from standard input, one a line, for the service of the second
 * argument, and says of each who calls, or why it is refused.
 */

// docs: begin
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

/**
 * Verifies a token.
 *
 * @param keys the JWK Set.
 * @param service the name that callers know this service by.
 * @param now in seconds since 1970.
 * @throws Error saying why it is refused.
 */
function callerOf(
  token: string,
  keys: { keys: Record<string, string>[] },
  service: string,
  now: number,
): Record<string, unknown> {
  const [head = "", body = "", signature = ""] = token.split(".");
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString() || "{}");
  const { alg, kid } = json(head);
  if (alg !== "EdDSA") throw new Error("not signed with EdDSA");
  const jwk = keys.keys.find((key) => key["kid"] === kid && key["crv"] === "Ed25519");
  if (jwk === undefined) throw new Error("unknown key: fetch the keys again");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  if (!verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url")))
    throw new Error("wrong signature");
  const claims = json(body);
  if (claims.iss !== "isobar" || claims.aud !== service) throw new Error("for somebody else");
  // Clocks of nodes differ by a little.
  if (!(claims.exp >= now - 5 && claims.iat <= now + 5)) throw new Error("expired");
  return claims;
}
// docs: end

const [, , keysFile = "", service = ""] = process.argv;
const keys = JSON.parse(readFileSync(keysFile, "utf8"));
for (const token of readFileSync(0, "utf8").trimEnd().split("\n")) {
  try {
    console.log(callerOf(token, keys, service, Date.now() / 1000)["sub"]);
  } catch (error) {
    console.log("refused:", (error as Error).message);
  }
}
