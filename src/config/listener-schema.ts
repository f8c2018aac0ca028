import { z } from "zod";
import { fieldNotes, listenAddressField, textField } from "./config-fields.ts";
import { NAME } from "./name-patterns.ts";

/** One address where clients connect. */
export const listenerSchema = z
  .strictObject({
    name: textField(
      {
        wanted: "a name of letters, digits, dots, dashes and underscores",
        doc: "Names the listener in logs; unique.",
      },
      NAME,
      64,
    ),
    address: listenAddressField({ doc: "Where gRPC clients connect, HTTP/2 without TLS." }),
  })
  .register(fieldNotes, { wanted: "a mapping with name and address", doc: "" });
