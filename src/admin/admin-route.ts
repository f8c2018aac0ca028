/** An answer of an admin server. */
export interface AdminReply {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly contentType?: string;
  /** Further ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One path of an admin server. */
export interface AdminRoute<View> {
  /** GET routes only show, POST routes only act; GET includes HEAD. */
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly doc: string;
  readonly answer: (view: View, query: URLSearchParams) => AdminReply | Promise<AdminReply>;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** @returns the list of all routes as text, for people who ask for `/` or for something that does not exist. */
export function routeIndex(routes: readonly AdminRoute<never>[]): string {
  return routes.map(({ method, path, doc }) => `${method.padEnd(4)} ${path.padEnd(12)} ${doc}\n`).join("");
}

/** @returns the value as indented JSON. */
export function json(value: unknown): AdminReply {
  return { status: 200, body: `${JSON.stringify(value, null, 2)}\n`, contentType: JSON_TYPE };
}
