import assert from "node:assert/strict";
import { it } from "node:test";
import { checkTlsFiles } from "../../src/config/check-tls-files.ts";
import { formatConfigProblem } from "../../src/config/config-problem.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

function problemsOf(controlPlane: string): string[] {
  const text = `listeners: [{ name: a, address: "127.0.0.1:1" }]\ncontrolPlane: { addresses: ["cp:1"], ${controlPlane} }\n`;
  const { problems = [] } = parseConfig(text, { file: "f.yaml", env: {}, check: checkTlsFiles });
  return problems.map(formatConfigProblem);
}

it("a token is sent over TLS or not at all", () => {
  const [problem = ""] = problemsOf("insecure: true, tokenFile: /run/token");
  assert.match(
    problem,
    /^f\.yaml:2:\d+: controlPlane\.tokenFile: found a token without tls, wanted tls beside it/,
  );
});

it("a token file that is not there is found before a port opens", () => {
  const [problem = ""] = problemsOf("tls: { mode: SIMPLE }, tokenFile: /nowhere/token");
  assert.match(problem, /controlPlane\.tokenFile: found "\/nowhere\/token": .*wanted a file with a token/);
});

it("it has to be said how a control plane is spoken with, and not twice", () => {
  assert.match(problemsOf("holdBack: 1s")[0] ?? "", /found neither tls nor insecure/);
  assert.match(problemsOf("insecure: true, tls: { mode: SIMPLE }")[0] ?? "", /found true together with tls/);
});
