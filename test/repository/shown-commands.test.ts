import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePage } from "../../scripts/docs/parse-page.ts";
import { sameOutput } from "../../scripts/docs/same-output.ts";
import { readText, trackedFiles } from "./repository-files.ts";

const PAGES = trackedFiles(/^(?:[^/]+|docs\/.*)\.md$/);

describe("commands that pages show", () => {
  it("are all run, or the page says why not", () => {
    assert.deepEqual(
      PAGES.flatMap((path) => parsePage(path, readText(path)).problems),
      [],
    );
  });

  it("have the --help of every command among them", () => {
    const { blocks } = parsePage("docs/cli-help.md", readText("docs/cli-help.md"));
    const shown = new Map(
      blocks.flatMap(({ commands }) => commands).map((each) => [each.args.join(" "), each.shown]),
    );
    const wanted = ["", ...listed(shown.get("--help")), ...listed(shown.get("audit --help"), "audit ")];
    assert.ok(wanted.length > 15, wanted.join());
    assert.deepEqual(
      wanted.filter((name) => !shown.has(`${name} --help`.trim())),
      [],
    );
  });

  it("are read with their terms, files and commands", () => {
    const page = [
      "<!-- file: a.yaml -->\n```yaml\na: 1\n```",
      "<!-- run: exit 64, with proxy, figures vary -->\n```console\n$ isobar status\nNODES\n$ isobar top --once\n```",
      "```sh\nisobar proxy\n```",
    ].join("\n\n");
    const { files, blocks, problems } = parsePage("p.md", page);
    assert.deepEqual(problems, []);
    assert.deepEqual([...files], [["a.yaml", "a: 1\n"]]);
    assert.deepEqual(blocks, [
      {
        line: 8,
        exitCode: 64,
        stage: "proxy",
        figuresVary: true,
        commands: [
          { args: ["status"], shown: "NODES\n" },
          { args: ["top", "--once"], shown: "" },
        ],
      },
    ]);
  });

  for (const [what, page, wanted] of [
    ["a block without a mark", "```\n$ isobar status\n```", /p\.md:2: .* neither as run nor as not run/],
    ["no reason", "<!-- not run -->\n```\n$ isobar status\n```", /p\.md:3: says no reason/],
    ["a term that is none", "<!-- run: slowly -->\n```\n$ isobar x\n```", /found the term "slowly"/],
    ["a pipe", "<!-- run -->\n```\n$ isobar x | cat\n```", /found "\$ isobar x \| cat", wanted/],
    ["another program", "<!-- run -->\n```\n$ curl x\n```", /found "\$ curl x", wanted/],
    ["output before any command", "<!-- run -->\n```\nNODES\n```", /does not begin with/],
    ["a file in a folder", "<!-- file: ../a -->\n```\n\n```", /wanted a name without a folder/],
  ] as const)
    it(`are refused with ${what}`, () => {
      assert.match(parsePage("p.md", page).problems.join("\n"), wanted);
    });
});

describe("what a command printed", () => {
  it("is what the page shows but for blanks at the ends of lines", () => {
    assert.ok(sameOutput("a 1\nb\n", "a 1  \nb\n\n", false));
    assert.ok(!sameOutput("a 1\n", "a 2\n", false));
    assert.ok(!sameOutput("a\n", "a\nb\n", false));
    assert.ok(!sameOutput("a\nb\n", "a\n", false));
  });

  it("may have other figures, where they vary, and no other words", () => {
    const [shown, printed] = [
      "2026-11-23T04:02:11Z p99 1,018.5 ms  86 MiB",
      "2027-01-02T03:04:05.678Z p99 7 s 1.1 GiB",
    ];
    assert.ok(sameOutput(shown, printed, true));
    assert.ok(!sameOutput(shown, printed, false));
    assert.ok(!sameOutput("3 nodes", "3 failed", true));
  });

  it("may have any lines where the page leaves some out, and none elsewhere", () => {
    assert.ok(sameOutput("a\n…\nd\n", "a\nb\nc\nd\n", false));
    assert.ok(sameOutput("a\n…\n", "a\n", false));
    assert.ok(!sameOutput("a\n…\nd\n", "a\nb\nc\n", false));
    assert.ok(!sameOutput("a\n…\n", "b\n", false));
  });
});

/** @returns the commands that a help lists, without help itself. */
function listed(help = "", prefix = ""): string[] {
  const [, commands = ""] = /^Commands:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
  return [...commands.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name]) => prefix + name)
    .filter((name) => !name.endsWith("help"));
}
