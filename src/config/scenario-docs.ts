import { keyTables } from "./key-tables.ts";
import { scenarioSchema } from "./scenario-schema.ts";

const INTRODUCTION = `# Keys of a scenario

<!-- Generated from src/config/scenario-schema.ts by scripts/gen-scenario-docs.ts; edit the schema, not this page. -->

For \`isobar simulate FILE\`: what it simulates, and how to read what it prints, is in [simulate.md](simulate.md). \`policies[].loadBalancer\` has
the keys of \`clusters[].loadBalancer\` in [configuration.md](configuration.md).
`;

/** @returns the text of docs/scenario-keys.md, made from the schema. */
export function scenarioDocs(): string {
  const tables = keyTables(scenarioSchema, { without: ["policies[].loadBalancer"] });
  return `${INTRODUCTION}\n${tables.join("\n")}`;
}
