import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { otherClusterOption } from "../../src/cli/other-cluster-option.ts";

describe("--cluster", () => {
  it("names a cluster, the file that leads to it, and its context", () => {
    const one = otherClusterOption("west=/etc/isobar/west.yaml");
    const two = otherClusterOption("east=../k#admin@east#1", one);
    assert.deepEqual(two, [
      { name: "west", file: "/etc/isobar/west.yaml", context: undefined },
      { name: "east", file: "../k", context: "admin@east#1" },
    ]);
  });

  it("says what is wanted", () => {
    for (const [text, wanted] of [
      ["west", /Found "west", wanted NAME=FILE or NAME=FILE#CONTEXT/],
      ["west=", /wanted NAME=FILE/],
      ["=file", /Found the name "", wanted lower-case/],
      ["West=file", /Found the name "West", wanted lower-case/],
      ["own=file", /which is that of the cluster that --kubeconfig names/],
      ["east=file", /which is that of a former --cluster/],
    ] as const)
      assert.throws(
        () => otherClusterOption(text, [{ name: "east", file: "f", context: undefined }]),
        wanted,
      );
  });
});
