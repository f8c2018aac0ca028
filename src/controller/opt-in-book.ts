import type { OptIn, OptInPart } from "./opt-in.ts";
import { joinOptIn, readOptInPart } from "./opt-in.ts";

interface Annotated {
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Known extends Annotated {
  readonly part: OptInPart;
}

const NOTHING: OptInPart = {};

/** Who is opted in, as annotations of Namespaces and Pods say it. What turns unreadable goes on saying what it said last, until it is mended or taken away. */
export class OptInBook {
  readonly #namespace: (name: string) => Annotated | undefined;
  readonly #namespaces = new Map<string, Known>();
  readonly #pods = new Map<string, Known>();

  /** @param namespace a Namespace as it is now. */
  constructor(namespace: (name: string) => Annotated | undefined) {
    this.#namespace = namespace;
  }

  /** @returns what counts for Pods of the namespace that say nothing themselves. */
  ofNamespace(name: string): OptIn {
    return joinOptIn(this.#ofNamespace(name), NOTHING);
  }

  of({ namespace, uid, annotations }: Annotated & { readonly namespace: string }): OptIn {
    return joinOptIn(this.#ofNamespace(namespace), read(this.#pods, uid, { uid, annotations }));
  }

  /** The Pod is gone. */
  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  /** A Namespace has changed: what it said is remembered, even if nobody asks in between. */
  changed(name: string): void {
    this.#ofNamespace(name);
  }

  #ofNamespace(name: string): OptInPart {
    const namespace = this.#namespace(name);
    if (namespace !== undefined) return read(this.#namespaces, name, namespace);
    this.#namespaces.delete(name);
    return NOTHING;
  }
}

/** Nothing is remembered of who says nothing, as most do. */
function read(known: Map<string, Known>, key: string, { uid, annotations }: Annotated): OptInPart {
  const before = known.get(key);
  if (before?.uid === uid && before.annotations === annotations) return before.part;
  const part = readOptInPart(annotations, before?.uid === uid ? before.part : undefined);
  if (Object.keys(part).length === 0) known.delete(key);
  else known.set(key, { uid, annotations, part });
  return part;
}
