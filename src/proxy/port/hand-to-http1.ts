import type { Transport } from "../../net/transport.ts";
import { PortRefusal } from "../../telemetry/port-cell.ts";
import type { HeldOctets } from "./held-octets.ts";
import type { Http1Arrival, Http1Handler } from "./http1-handler.ts";
import type { LocalAnswer } from "./local-answer.ts";
import { ANSWERS } from "./local-answer.ts";

/** The connection that {@link handToHttp1} is about. */
export interface Http1Candidate {
  /** Whether the client has gone. */
  readonly isClosed: boolean;
  /** It is the handler's from now on. */
  handedOver(): void;
  refuse(reason: PortRefusal, answer: LocalAnswer): void;
}

/** What the handler gets of it. */
export interface Http1Goods extends Omit<Http1Arrival, "octets" | "clusterSlot"> {
  readonly transport: Transport;
  readonly held: HeldOctets;
  /** The connection's own cluster, as it is when the handler has been loaded. */
  readonly pin: { readonly slot: number };
}

/** Hands a connection to the part that handles HTTP/1.1 request by request, once that is loaded. */
export async function handToHttp1(
  candidate: Http1Candidate,
  goods: Http1Goods,
  load: () => Promise<Http1Handler>,
): Promise<void> {
  try {
    const handler = await load();
    if (candidate.isClosed) return;
    candidate.handedOver();
    const { held, pin, ...rest } = goods;
    handler.accept({ ...rest, octets: held.toBuffer(), clusterSlot: pin.slot });
  } catch {
    if (!candidate.isClosed) candidate.refuse(PortRefusal.http1Unavailable, ANSWERS.unavailable);
  }
}
