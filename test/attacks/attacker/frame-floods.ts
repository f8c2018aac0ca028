import { data, frame, headers, ping, priority, settings, windowUpdate } from "../../support/frames.ts";
import { SHARED } from "../clusters.ts";
import type { Attack } from "./attack.ts";
import { firstRequest } from "./request-blocks.ts";

const UNKNOWN_TYPE = 0x42;

/** One open stream, and a frame again and again. */
function repeat(...frames: readonly Buffer[]): Attack["play"] {
  const unit = Buffer.concat(frames);
  return (connection) => {
    connection.greet({}, headers(connection.open(), firstRequest(SHARED)));
    return (count) => {
      const times = Math.ceil(count / frames.length);
      connection.send(Buffer.concat(Array.from({ length: times }, () => unit)), times * frames.length);
    };
  };
}

const FLOOD = { framesPerSecond: 20_000, connections: 1 } as const;

export const FRAME_FLOODS = {
  "settings-flood": { ...FLOOD, play: repeat(settings()) },
  // Each change of the initial window touches every stream.
  "settings-flood, windows": { ...FLOOD, play: repeat(settings({ 4: 60_000 }), settings({ 4: 65_535 })) },
  "ping-flood": { ...FLOOD, play: repeat(ping("flood")) },
  "ping-flood, unread": { ...FLOOD, reads: false, play: repeat(ping("flood")) },
  "empty-data-flood": { ...FLOOD, play: repeat(data(1, "")) },
  // Padding has no use either: one octet of body in 256.
  "padded-data-flood": { ...FLOOD, framesPerSecond: 2_000, play: repeat(data(1, "", { padding: 255 })) },
  "window-update-flood": { ...FLOOD, play: repeat(windowUpdate(0, 1), windowUpdate(1, 1)) },
  "priority-flood": { ...FLOOD, play: repeat(priority(1, 0)) },
  "unknown-frame-flood": { ...FLOOD, play: repeat(frame(UNKNOWN_TYPE, 0, 0, Buffer.alloc(8))) },
} as const satisfies Record<string, Attack>;
