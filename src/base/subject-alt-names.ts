/** A name of a certificate and its kind, as OpenSSL names them: `DNS`, `URI`, `IP Address`. */
interface SubjectAltName {
  readonly kind: string;
  readonly name: string;
}

/**
 * Whether a certificate bears one of the wanted names.
 *
 * @param wanted host names (`*.` stands for one label), IP addresses, or URIs, which have to be equal to the letter.
 * @param certified the certificate's names as Node gives them: `DNS:a.test, URI:spiffe://mesh/a`.
 */
export function matchSubjectAltNames(wanted: readonly string[], certified: string): boolean {
  const names = splitSubjectAltNames(certified);
  return wanted.some((each) => names.some(({ kind, name }) => matches(each, kind, name)));
}

function matches(wanted: string, kind: string, name: string): boolean {
  if (wanted.includes("://")) return kind === "URI" && wanted === name;
  if (kind === "IP Address") return wanted.toLowerCase() === name.toLowerCase();
  return kind === "DNS" && (hostMatches(wanted, name) || hostMatches(name, wanted));
}

/** RFC 9525 section 6.3: the wildcard is the whole of the first label and stands for one label. */
function hostMatches(pattern: string, name: string): boolean {
  const [p, n] = [pattern.toLowerCase(), name.toLowerCase()];
  if (p === n || !p.startsWith("*.")) return p === n;
  const dot = n.indexOf(".");
  return dot > 0 && n.slice(dot) === p.slice(1) && !n.startsWith("*");
}

/** Node puts what would be mistaken for a separator into JSON strings (CVE-2021-44532). */
function splitSubjectAltNames(text: string): SubjectAltName[] {
  const parts = text.match(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return parts.flatMap((part) => {
    const colon = part.indexOf(":");
    const kind = part.slice(0, colon).trim();
    try {
      const name = part
        .slice(colon + 1)
        .replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => JSON.parse(quoted) as string);
      return [{ kind, name }];
    } catch {
      return [];
    }
  });
}
