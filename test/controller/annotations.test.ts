import assert from "node:assert/strict";
import { it } from "node:test";
import { ANNOTATIONS } from "../../src/controller/annotations.ts";
import { readText } from "../repository/repository-files.ts";

it("docs/kubernetes.md lists every annotation with its values and meaning, and no other", () => {
  const page = readText("docs/kubernetes.md");
  const rows = [...page.matchAll(/^\| `isobar\.dev\/[a-z-]+` \|.*$/gm)].map(([row]) => row);
  const wanted = Object.entries(ANNOTATIONS).map(
    ([name, { wanted: value, doc }]) => `| \`isobar.dev/${name}\` | ${value} | ${doc} |`,
  );
  assert.deepEqual(rows, wanted);
});
