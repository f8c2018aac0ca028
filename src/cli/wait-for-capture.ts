import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What a node's proxy says of whoever asks. */
export interface CallerAnswer {
  /** Whether it knows the Pod that asks. */
  readonly known: boolean;
  readonly mode: string;
  /** Whether the Pod's connections are captured from now on. */
  readonly captured: boolean;
}

/** How the waiting ended. `none`: nobody answered, or not in time. */
export interface WaitResult {
  readonly outcome: "captured" | "not_captured" | "none";
  /** For people. */
  readonly text: string;
}

const REQUEST = "GET /isobar/caller HTTP/1.1\r\nHost: isobar\r\nConnection: close\r\n\r\n";
const MAX_ANSWER_CHARACTERS = 16_384;
/** A proxy that does not know a Pod yet waits for a second before it says so. */
const ANSWER_MS = 2_000;
const SILENT = "the proxy takes the connection and does not answer";
const UNREADABLE = "the proxy answers something that is not understood";
/** Pauses between two questions: short at first, because it is a matter of tenths of a second, and never so that two hundred Pods that start at once are a load. */
const PAUSES_MS = [20, 40, 80, 160, 250];

/**
 * Asks the node's proxy again and again whether the Pod's connections are captured.
 *
 * @param address of the proxy's door.
 * @param limitMs when it gives up.
 */
export async function waitForCapture(
  address: { readonly host: string; readonly port: number },
  limitMs: number,
): Promise<WaitResult> {
  const startedMs = performance.now();
  const leftMs = (): number => limitMs - (performance.now() - startedMs);
  const afterText = (): string => `after ${Math.round(performance.now() - startedMs)} ms`;
  let last = "no proxy answers";
  for (let asked = 0; leftMs() > 0; asked++) {
    const givenMs = Math.min(ANSWER_MS, leftMs());
    const answer = await askCaller(address, givenMs);
    if (typeof answer === "string") {
      // A question that the limit cuts off says nothing new.
      if (answer !== SILENT || givenMs === ANSWER_MS || asked === 0) last = answer;
    } else if (answer.captured) return { outcome: "captured", text: `captured ${afterText()}` };
    else if (answer.known && answer.mode !== "transparent")
      return { outcome: "not_captured", text: `not to be captured (mode ${answer.mode}), ${afterText()}` };
    else last = answer.known ? "the Pod is known and not captured yet" : "the Pod is not known yet";
    await sleep(Math.max(0, Math.min(leftMs(), PAUSES_MS[asked] ?? PAUSES_MS.at(-1)!)));
  }
  return { outcome: "none", text: `${last}, ${afterText()}` };
}

/** @returns the answer, or in words why there is none. */
function askCaller(
  address: { readonly host: string; readonly port: number },
  limitMs: number,
): Promise<CallerAnswer | string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = createConnection(address, () => socket.write(REQUEST));
    let failure = "the proxy closes the connection";
    const timer = setTimeout(() => {
      failure = text === "" ? SILENT : UNREADABLE;
      socket.destroy();
    }, limitMs);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_CHARACTERS) socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      failure = `no proxy answers (${error.code ?? error.message})`;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(readAnswer(text) ?? failure);
    });
  });
}

function readAnswer(text: string): CallerAnswer | undefined {
  if (!/^HTTP\/1\.1 200 /.test(text)) return undefined;
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  try {
    const { known, mode, captured } = JSON.parse(body) as Partial<CallerAnswer>;
    return { known: known === true, mode: String(mode), captured: captured === true };
  } catch {
    return undefined;
  }
}
