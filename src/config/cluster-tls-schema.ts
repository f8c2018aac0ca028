import { z } from "zod";
import { TLS_MODES } from "../resource/tls-identity.ts";
import { choiceField, fieldNotes, textField } from "./config-fields.ts";

const ABSOLUTE_PATH = /^\/[^\0]*[^/\0]$/;
const SERVER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/;
/** A host name, perhaps with `*.` for its first label, an IP address, or a URI. */
const SUBJECT_ALT_NAME =
  /^(?:(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?|[a-z][a-z0-9+.-]*:\/\/[!-~]+)$/;
const MAX_PATH_LENGTH = 4096;
const MAX_NAME_LENGTH = 2048;

const pemFile = (doc: string) =>
  textField({ wanted: "the absolute path of a PEM file", doc }, ABSOLUTE_PATH, MAX_PATH_LENGTH);

/** How the endpoints of a cluster are reached by TLS. */
export const clusterTlsSchema = z
  .strictObject({
    mode: choiceField(TLS_MODES, {
      doc: "`SIMPLE` checks the endpoint's certificate; `MUTUAL` shows it one of ours as well.",
    }),
    caFile: pemFile(
      "Authorities whose certificates are trusted, and no others. Without it: those of the system, or Mozilla's where the system has none.",
    ).optional(),
    certFile: pemFile("Our certificate, with intermediate ones behind it. For `MUTUAL`.").optional(),
    keyFile: pemFile("The key of our certificate, not encrypted. For `MUTUAL`.").optional(),
    serverName: textField(
      {
        wanted: "a host name or an IP address",
        doc: "Name sent as SNI, which the endpoint's certificate has to bear, unless `subjectAltNames` says otherwise.",
        defaultText: "the cluster's name without its port",
      },
      SERVER_NAME,
    ).optional(),
    subjectAltNames: z
      .array(
        textField(
          {
            wanted:
              "a host name (*. may stand for its first label), an IP address, or a URI such as spiffe://mesh/ns/a/sa/b",
            doc: "",
          },
          SUBJECT_ALT_NAME,
          MAX_NAME_LENGTH,
        ),
      )
      .min(1)
      .max(64)
      .register(fieldNotes, {
        wanted: "a list of 1 to 64 names",
        doc: "One of these has to be among the names in the endpoint's certificate, instead of `serverName`.",
      })
      .optional(),
  })
  .register(fieldNotes, {
    wanted: "a mapping with mode",
    doc: "Speaks TLS with the endpoints, version 1.2 or 1.3, and HTTP/2 as agreed by ALPN. Without this section: clear text.",
  });
