import { z } from "zod";
import { fieldNotes, textField } from "./config-fields.ts";

const ACCOUNT = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;
const NAME = /^[!-~]+$/;
/** All, all of a namespace, one of Kubernetes, or a service by its canonical name. */
const SERVICES = /^(?:\*|[a-z0-9-]+\/(?:\*|[a-z0-9-]+)|[^\s/*]+:[0-9]+)$/;

/** The file of `isobar control-plane --clients`: who beside the proxies may ask, and for what. */
export const clientsSchema = z
  .strictObject({
    clients: z
      .array(
        z
          .strictObject({
            serviceAccount: textField(
              {
                wanted: "namespace/name of a ServiceAccount",
                doc: "Whose tokens, or whose SPIFFE certificates.",
              },
              ACCOUNT,
            ).optional(),
            subjectAltName: textField(
              {
                wanted: "a URI such as spiffe://mesh/ingress, or a DNS name",
                doc: "A name in the client's certificate.",
              },
              NAME,
              2_048,
            ).optional(),
            services: z
              .array(
                textField(
                  {
                    wanted: '"*", "namespace/*", "namespace/name" or a service as "name.namespace:port"',
                    doc: "",
                  },
                  SERVICES,
                ),
              )
              .min(1)
              .max(10_000)
              .register(fieldNotes, { wanted: "a list of services", doc: "What it may ask for." }),
          })
          .register(fieldNotes, {
            wanted: "a mapping with serviceAccount or subjectAltName, and services",
            doc: "",
          }),
      )
      .max(10_000)
      .register(fieldNotes, { wanted: "a list of clients", doc: "Clients beside the proxies." }),
  })
  .register(fieldNotes, { wanted: "a mapping with clients", doc: "" });

/** A file that {@link clientsSchema} has accepted. */
export type ClientsFile = z.output<typeof clientsSchema>;
