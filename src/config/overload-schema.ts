import { z } from "zod";
import { fieldNotes, shareField } from "./config-fields.ts";

/** What is done when the memory limit of the process's cgroup comes near. */
export const overloadSchema = z
  .strictObject({
    stopReadingAtShare: shareField({
      doc: "From this share of the memory limit on, the clients that hold most on its way to endpoints are not read.",
    }).default(0.8),
    refuseStreamsAtShare: shareField({
      doc: "From this share on, new calls are refused with RESOURCE_EXHAUSTED and `grpc-retry-pushback-ms`, and windows that have grown shrink.",
    }).default(0.9),
    notReadyAtShare: shareField({ doc: "From this share on, `/ready` answers 503." }).default(0.95),
  })
  .register(fieldNotes, {
    wanted: "a mapping",
    doc: "What is done when the memory limit of the container (its cgroup) comes near, so that the kernel need not end the process. Each stage ends 5 % below where it begins. Without such a limit nothing is watched.",
  });
