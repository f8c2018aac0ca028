import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ECHO_AUTHORITY } from "./echo-service.ts";

/** @returns the shipped echo.proto: beside this file, or in the sources when this runs from a checkout's `dist`. */
export function echoProtoFile(): string {
  const beside = fileURLToPath(new URL("echo.proto", import.meta.url));
  const inSources = fileURLToPath(new URL("../../src/demo/echo.proto", import.meta.url));
  return !existsSync(beside) && existsSync(inSources) ? inSources : beside;
}

/** @returns how to call the demo's backends through Isobar with one's own client. */
export function clientHints(port: number, adminPort: number): string[] {
  const address = `127.0.0.1:${port}`;
  return [
    `Your own client: dial ${address} and name the service in :authority.`,
    `  grpcurl -plaintext -import-path ${dirname(echoProtoFile())} -proto echo.proto \\`,
    `    -authority ${ECHO_AUTHORITY} -d '{"text":"hi"}' \\`,
    `    ${address} echo.Echo/Say`,
    `  Python: grpc.insecure_channel("${address}", options=[`,
    `    ("grpc.default_authority", "${ECHO_AUTHORITY}")])`,
    `  Go: grpc.NewClient("${address}",`,
    `    grpc.WithAuthority("${ECHO_AUTHORITY}"),`,
    "    grpc.WithTransportCredentials(insecure.NewCredentials()))",
    `What Isobar sees: http://127.0.0.1:${adminPort}/clusters`,
  ];
}
