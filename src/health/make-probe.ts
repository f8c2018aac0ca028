import type { HealthProbe } from "../resource/health-check.ts";
import type { Probe, ProbeTarget } from "./probe.ts";

/**
 * @param target with the endpoint's own port.
 * @returns the way to ask an endpoint. What it stands on is loaded when it is first needed.
 */
export async function makeProbe(probe: HealthProbe, target: ProbeTarget): Promise<Probe> {
  switch (probe.kind) {
    case "grpc": {
      const { GrpcProbe } = await import("./grpc-probe.ts");
      return new GrpcProbe(target, probe.service);
    }
    case "http": {
      const { HttpProbe } = await import("./http-probe.ts");
      const isOwnPort = probe.port === 0 || probe.port === target.port;
      // A port of its own for health is clear text, as kubelet asks it.
      return new HttpProbe(isOwnPort ? target : { ...target, port: probe.port, tls: undefined }, probe.path);
    }
    case "tcp": {
      const { TcpProbe } = await import("./tcp-probe.ts");
      return new TcpProbe(target);
    }
  }
}
