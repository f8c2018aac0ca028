import { data, frame, Parameter, SETTINGS_ACK, settings, windowUpdate } from "../support/frames.ts";
import type { FaultRow } from "./server-fault.ts";
import { amid, amidStream, bulk, NOTHING, start } from "./server-fault.ts";

/** Settings and windows. */
export const CONTROL_FAULTS: readonly FaultRow[] = [
  [
    "6.5",
    "SETTINGS on a stream",
    "connection:PROTOCOL_ERROR",
    amidStream((id) => frame("SETTINGS", 0, id, NOTHING)),
  ],
  [
    "6.5",
    "SETTINGS of 5 octets",
    "connection:FRAME_SIZE_ERROR",
    amid(frame("SETTINGS", 0, 0, Buffer.alloc(5))),
  ],
  [
    "6.5",
    "SETTINGS ACK with a payload",
    "connection:FRAME_SIZE_ERROR",
    amid(frame("SETTINGS", 1, 0, Buffer.alloc(6))),
  ],
  ["6.5", "SETTINGS ACK that was not asked for", "ok", amid(SETTINGS_ACK, SETTINGS_ACK)],
  ["6.5.2", "an unknown setting", "ok", amid(settings({ 153: 5 }))],
  ["6.5.2", "ENABLE_PUSH of 1", "connection:PROTOCOL_ERROR", amid(settings({ [Parameter.enablePush]: 1 }))],
  ["6.5.2", "ENABLE_PUSH of 2", "connection:PROTOCOL_ERROR", amid(settings({ [Parameter.enablePush]: 2 }))],
  [
    "6.5.2",
    "INITIAL_WINDOW_SIZE of 2^31",
    "connection:FLOW_CONTROL_ERROR",
    amid(settings({ [Parameter.initialWindowSize]: 2 ** 31 })),
  ],
  [
    "6.5.2",
    "MAX_FRAME_SIZE below 16,384",
    "connection:PROTOCOL_ERROR",
    amid(settings({ [Parameter.maxFrameSize]: 16_383 })),
  ],
  [
    "6.5.2",
    "MAX_FRAME_SIZE of 2^24",
    "connection:PROTOCOL_ERROR",
    amid(settings({ [Parameter.maxFrameSize]: 2 ** 24 })),
  ],
  ["6.5.2", "HEADER_TABLE_SIZE of 0", "ok", amid(settings({ [Parameter.headerTableSize]: 0 }))],
  [
    "6.5.2",
    "HEADER_TABLE_SIZE of 2^32 - 1",
    "ok",
    amid(settings({ [Parameter.headerTableSize]: 2 ** 32 - 1 })),
  ],
  ["6.9", "WINDOW_UPDATE of 0 for a stream", "stream:PROTOCOL_ERROR", (id) => [windowUpdate(id, 0)]],
  ["6.9", "WINDOW_UPDATE of 0 for the connection", "connection:PROTOCOL_ERROR", amid(windowUpdate(0, 0))],
  [
    "6.9",
    "WINDOW_UPDATE of 3 octets",
    "connection:FRAME_SIZE_ERROR",
    amid(frame("WINDOW_UPDATE", 0, 0, Buffer.alloc(3))),
  ],
  [
    "6.9.1",
    "a stream's window above 2^31 - 1",
    "stream:FLOW_CONTROL_ERROR",
    (id) => [windowUpdate(id, 2 ** 31 - 1)],
  ],
  [
    "6.9.1",
    "the connection's window above 2^31 - 1",
    "connection:FLOW_CONTROL_ERROR",
    amid(windowUpdate(0, 2 ** 31 - 1)),
  ],
  [
    "6.9.1",
    "DATA beyond the stream's window",
    "stream:FLOW_CONTROL_ERROR",
    (id) => [start(id), ...bulk(id, 70_000)],
    "slow",
  ],
  [
    "6.9.1",
    "padding beyond the stream's window",
    "stream:FLOW_CONTROL_ERROR",
    (id) => [start(id), ...bulk(id, 65_500), data(id, NOTHING, { padding: 40 })],
    "slow",
  ],
  ["6.9.2", "windows made negative", "ok", amid(settings({ [Parameter.initialWindowSize]: 0 }))],
  [
    "6.9.2",
    "windows above 2^31 - 1 by SETTINGS",
    "connection:FLOW_CONTROL_ERROR",
    (id) => [windowUpdate(id, 2 ** 31 - 1 - 65_535), settings({ [Parameter.initialWindowSize]: 70_000 })],
  ],
];
