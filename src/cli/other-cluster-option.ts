import { InvalidArgumentError } from "commander";
import type { OtherClusterFlag } from "../control-plane/create-source.ts";

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** How the cluster is called whose clients are served. */
const OWN = "own";

/**
 * Reads one `--cluster NAME=FILE[#CONTEXT]`, in the form in which commander collects options that may be repeated.
 *
 * @throws InvalidArgumentError saying what is wanted.
 */
export function otherClusterOption(
  text: string,
  former: readonly OtherClusterFlag[] = [],
): OtherClusterFlag[] {
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(0, equals));
  const [file = "", ...rest] = text.slice(equals + 1).split("#");
  if (equals < 0 || file === "") {
    throw new InvalidArgumentError(
      `Found "${text}", wanted NAME=FILE or NAME=FILE#CONTEXT, such as west=/etc/isobar/west.yaml.`,
    );
  }
  if (!NAME.test(name)) {
    throw new InvalidArgumentError(`Found the name "${name}", wanted lower-case letters, digits and dashes.`);
  }
  if (name === OWN || former.some((each) => each.name === name)) {
    const taken = name === OWN ? "the cluster that --kubeconfig names" : "a former --cluster";
    throw new InvalidArgumentError(
      `Found the name "${name}", which is that of ${taken}; wanted another one.`,
    );
  }
  return [...former, { name, file, context: rest.length === 0 ? undefined : rest.join("#") }];
}
