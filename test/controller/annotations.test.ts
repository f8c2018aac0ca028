import assert from "node:assert/strict";
import { it } from "node:test";
import type { AnnotatedKind } from "../../src/controller/annotations.ts";
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

it("docs/opting-in.md lists the annotations that opt in and say what is captured", () => {
  const page = readText("docs/opting-in.md");
  const rows = [...page.matchAll(/^\| `isobar\.dev\/[a-z-]+` \|.*$/gm)].map(([row]) => row);
  const names = ["mode", "percent", "reclaim", "fail", "ports"];
  const wanted = names.map((name) => {
    const { on, wanted: value, doc } = OTHER_ANNOTATIONS[name]!;
    return `| \`isobar.dev/${name}\` | ${on.join(", ")} | ${value} | ${doc} |`;
  });
  assert.deepEqual(rows, wanted);
});

it("an annotation on an object that has no use for it, or with a value that means nothing there, is named", () => {
  const texts = (annotations: Record<string, string>, kind: AnnotatedKind) =>
    readAnnotations(annotations, kind).problems.map(({ text }) => text);
  assert.deepEqual(texts({ mode: "transparent" }, "Service"), [
    'found "transparent", wanted transparent, proxy-env, address or off; of a Service: off',
  ]);
  assert.deepEqual(texts({ percent: "25" }, "Service"), [
    "found it on a Service, wanted it on a Namespace or Pod",
  ]);
  assert.deepEqual(texts({ policy: "random", ports: "80" }, "Pod"), [
    "found it on a Pod, wanted it on a Service or Namespace",
    "found it on a Pod, wanted it on a Service or Namespace",
  ]);
  for (const percent of ["25%", "101", "-1", "007", ""])
    assert.equal(texts({ percent }, "Namespace").length, 1, percent);
  for (const ports of ["", "0", "65536", "80;81", "grpc", "all,80"])
    assert.equal(texts({ ports }, "Service").length, 1, ports);
  const good = { mode: "proxy-env", percent: "0", reclaim: "off", fail: "closed", ports: "50051, 8080" };
  assert.deepEqual(texts(good, "Namespace"), []);
});

it("a mode or a list of callers that cannot be read is named", () => {
  const wrong = readAnnotations({ mode: "transparant", "callable-from": "Shop and bank" }, "Namespace");
  assert.deepEqual(
    wrong.problems.map(({ text }) => text.slice(0, 21)),
    ['found "transparant", ', 'found "Shop and bank"'],
  );
  const good = readAnnotations({ mode: "off", "callable-from": "shop, bank" }, "Namespace");
  assert.deepEqual(good.problems, []);
});
