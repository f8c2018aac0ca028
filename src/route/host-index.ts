import type { AuthorityTable } from "./authority-table.ts";
import { NO_ROUTE } from "./authority-table.ts";

interface Named {
  readonly host: string;
  /** 0 when the name has no port. */
  readonly port: number;
  readonly value: number;
}

/**
 * Finds routes by less than a whole authority: by a host without its port (a TLS server name), or by the first labels of a
 * host (`svc`, `svc.namespace`), which count only if one route alone has them. It is made anew when the table has changed.
 */
export class HostIndex {
  readonly #authorities: AuthorityTable;
  #version = -1;
  readonly #byHost = new Map<string, Named[]>();
  readonly #byLabels = new Map<string, Named[]>();

  constructor(authorities: AuthorityTable) {
    this.#authorities = authorities;
  }

  /**
   * @param host in lower case.
   * @param preferredPort where several routes share the host, the one with this port is meant; 0 for none.
   * @returns NO_ROUTE when no route has the host, or several have and none has that port.
   */
  findHost(host: string, preferredPort = 0): number {
    this.#refresh();
    const named = this.#byHost.get(host);
    if (named === undefined) return NO_ROUTE;
    const preferred = named.find(({ port }) => port === preferredPort && port !== 0);
    return preferred?.value ?? (named.length === 1 ? named[0]!.value : NO_ROUTE);
  }

  /**
   * The target of a tunnel: `host:port` as it stands, else a route whose name has no port and this host, else the only route
   * with that port whose host begins with the one or two labels given.
   */
  findTarget(host: string, port: number): number {
    const name = host.includes(":") ? `[${host}]` : host;
    const exact = this.#authorities.find(`${name}:${port}`);
    if (exact !== NO_ROUTE) return exact;
    const portless = this.#authorities.find(name);
    if (portless !== NO_ROUTE) return portless;
    this.#refresh();
    const candidates = this.#byLabels.get(host)?.filter((each) => each.port === port || each.port === 0);
    return candidates?.length === 1 ? candidates[0]!.value : NO_ROUTE;
  }

  #refresh(): void {
    if (this.#version === this.#authorities.version) return;
    this.#version = this.#authorities.version;
    this.#byHost.clear();
    this.#byLabels.clear();
    for (const [authority, value] of this.#authorities.entries) {
      const [, host = authority, portText = "0"] = /^(.*?)(?::([0-9]+))?$/.exec(authority) ?? [];
      const named: Named = { host, port: Number(portText), value };
      add(this.#byHost, host, named);
      const labels = host.split(".");
      if (labels.length > 1) add(this.#byLabels, labels[0]!, named);
      if (labels.length > 2) add(this.#byLabels, `${labels[0]}.${labels[1]}`, named);
    }
  }
}

function add(map: Map<string, Named[]>, key: string, named: Named): void {
  const present = map.get(key);
  if (present === undefined) map.set(key, [named]);
  else present.push(named);
}
