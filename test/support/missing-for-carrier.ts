import type { CarrierName } from "./carrier.ts";
import { missingOpenssl } from "./test-authority.ts";

const { CI = "" } = process.env;

/** @returns why a carrier cannot be tried on this machine; false when it can. In CI nothing may be missing. */
export function missingForCarrier(carrier: CarrierName): string | false {
  if (!carrier.startsWith("tls")) return false;
  const missing = missingOpenssl();
  if (missing !== undefined && CI !== "") throw new Error(missing);
  return missing ?? false;
}
