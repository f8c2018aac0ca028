import { hashText } from "../lb/subset/hash-text.ts";
import type { CallerMode } from "../resource/caller.ts";
import { CALLER_MODES } from "../resource/caller.ts";

/** What annotations say of Pods as callers. */
export interface OptIn {
  readonly mode: CallerMode;
  /** How many of a hundred Pods are captured, 0 to 100. */
  readonly percent: number;
  /** Whether connections that went past the proxy may be reset. */
  readonly reclaim: boolean;
  readonly failClosed: boolean;
}

/** What annotations of one object say; what they do not mention is not in it. */
export type OptInPart = Partial<OptIn>;

/** Where nothing is said. */
export const NOT_OPTED_IN: OptIn = { mode: "off", percent: 100, reclaim: true, failClosed: false };

/** What a value that nobody can read comes to, where none before it was good: what does least. */
const UNREADABLE: OptIn = { mode: "off", percent: 0, reclaim: false, failClosed: false };

const PERCENT = /^(?:100|[1-9]?[0-9])$/;

/** How each of them is read. undefined: it cannot be. */
const READ: { readonly [Key in keyof OptIn]: (value: string) => OptIn[Key] | undefined } = {
  mode: (value) => CALLER_MODES.find((mode) => mode === value),
  percent: (value) => (PERCENT.test(value) ? Number(value) : undefined),
  reclaim: (value) => (value === "on" ? true : value === "off" ? false : undefined),
  failClosed: (value) => (value === "closed" ? true : value === "open" ? false : undefined),
};

/** What annotations are called, without their prefix. */
const ANNOTATION: { readonly [Key in keyof OptIn]: string } = {
  mode: "mode",
  percent: "percent",
  reclaim: "reclaim",
  failClosed: "fail",
};

/** What the annotation of Namespaces and Pods that opts in is called among these, for messages. */
export const OPT_IN_ANNOTATIONS: readonly string[] = Object.values(ANNOTATION);

/**
 * Reads the annotations of a Namespace or of a Pod.
 *
 * @param annotations without their prefix.
 * @param before what the same object said before: a value that nobody can read goes on saying that.
 */
export function readOptInPart(
  annotations: Readonly<Record<string, string>>,
  before: OptInPart = {},
): OptInPart {
  const part: { -readonly [Key in keyof OptIn]?: OptIn[Key] } = {};
  const read = <Key extends keyof OptIn>(key: Key): void => {
    const value = annotations[ANNOTATION[key]];
    if (value !== undefined) part[key] = READ[key](value) ?? before[key] ?? UNREADABLE[key];
  };
  for (const key of Object.keys(ANNOTATION) as (keyof OptIn)[]) read(key);
  return part;
}

/** @returns whether the value of an annotation of these can be read. @param name without its prefix. */
export function isReadableOptIn(name: string, value: string): boolean {
  const key = (Object.keys(ANNOTATION) as (keyof OptIn)[]).find((each) => ANNOTATION[each] === name);
  return key === undefined || READ[key](value) !== undefined;
}

/** What a Namespace and one of its Pods say together: the Pod counts. One that says its mode itself is meant, whatever the percent. */
export function joinOptIn(namespace: OptInPart, pod: OptInPart): OptIn {
  const percent = pod.percent ?? (pod.mode === undefined ? namespace.percent : undefined);
  return { ...NOT_OPTED_IN, ...namespace, ...pod, percent: percent ?? NOT_OPTED_IN.percent };
}

/** {@link readOptInPart} and {@link joinOptIn} for whoever remembers nothing. Both without their prefix. */
export function readOptIn(
  namespace: Readonly<Record<string, string>>,
  pod: Readonly<Record<string, string>>,
): OptIn {
  return joinOptIn(readOptInPart(namespace), readOptInPart(pod));
}

/** @returns whether it is among the percent. Whoever is stays so as the percent is raised. */
export function isAmong(percent: number, text: string): boolean {
  return hashText(text) % 100 < percent;
}

/**
 * The mode of one Pod. The percent is of those that are captured: Pods of the other modes come to the proxy by themselves, and would be refused.
 *
 * @param uid of the Pod.
 */
export function callerMode({ mode, percent }: OptIn, uid: string): CallerMode {
  return mode === "transparent" && !isAmong(percent, uid) ? "off" : mode;
}
