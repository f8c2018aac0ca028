import { freePorts } from "./free-ports.ts";

/** @returns a port of loopback that nobody listens on at the moment. For several ask {@link freePorts}: two asked for one by one may be the same. */
export async function freePort(): Promise<number> {
  const [port] = (await freePorts(1)) as [number];
  return port;
}
