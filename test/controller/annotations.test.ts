import assert from "node:assert/strict";
import { it } from "node:test";
import { ANNOTATIONS, OTHER_ANNOTATIONS, readAnnotations } from "../../src/controller/annotations.ts";
import { readText } from "../repository/repository-files.ts";

it("docs/kubernetes.md lists every annotation with its values and meaning, and no other", () => {
  const page = readText("docs/kubernetes.md");
  const rows = [...page.matchAll(/^\| `isobar\.dev\/[a-z-]+` \|.*$/gm)].map(([row]) => row);
  const wanted = Object.entries(ANNOTATIONS).map(
    ([name, { wanted: value, doc }]) => `| \`isobar.dev/${name}\` | ${value} | ${doc} |`,
  );
  assert.deepEqual(rows, wanted);
});

it("docs/security.md lists the annotations that say who may call whom", () => {
  const page = readText("docs/security.md");
  for (const name of ["mode", "callable-from"]) {
    const { wanted, doc } = OTHER_ANNOTATIONS[name]!;
    const row = page.split("\n").find((line) => line.startsWith(`| \`isobar.dev/${name}\` |`));
    assert.deepEqual(row?.split(" | ").slice(2), [wanted, `${doc} |`]);
  }
});

it("a mode or a list of callers that cannot be read is named", () => {
  const wrong = readAnnotations({ mode: "transparant", "callable-from": "Shop and bank" });
  assert.deepEqual(
    wrong.problems.map(({ text }) => text.slice(0, 21)),
    ['found "transparant", ', 'found "Shop and bank"'],
  );
  const good = readAnnotations({ mode: "off", "callable-from": "shop, bank" });
  assert.deepEqual(good.problems, []);
});
