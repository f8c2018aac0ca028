import { cpSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Copy, DockerfileParser, From } from "dockerfile-ast";
import { ROOT, readText, trackedFiles } from "../repository-files.ts";

/** A COPY of a stage. */
export interface StageCopy {
  readonly keyword: "COPY";
  /** The stage it takes files from; undefined: the repository. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly to: string;
}

/** A RUN of a stage. */
export interface StageRun {
  readonly keyword: "RUN";
  /** As a shell takes it. */
  readonly command: string;
}

/** A stage of the Dockerfile, with what is done in it, in order. */
export interface Stage {
  readonly name: string;
  readonly image: string;
  readonly steps: readonly (StageCopy | StageRun)[];
  /** All other instructions, by keyword. */
  readonly settings: ReadonlyMap<string, string>;
}

/** @returns the stages of the repository's Dockerfile. */
export function readStages(): readonly Stage[] {
  const stages: {
    name: string;
    image: string;
    steps: (StageCopy | StageRun)[];
    settings: Map<string, string>;
  }[] = [];
  for (const instruction of DockerfileParser.parse(readText("Dockerfile")).getInstructions()) {
    const stage = stages.at(-1);
    const text = instruction.getArgumentsContent() ?? "";
    const keyword = instruction.getKeyword();
    if (instruction instanceof From) {
      const name = instruction.getBuildStage() ?? "image";
      stages.push({ name, image: instruction.getImage() ?? "", steps: [], settings: new Map() });
    } else if (stage === undefined) continue;
    else if (instruction instanceof Copy) {
      const from =
        instruction
          .getFlags()
          .find((flag) => flag.getName() === "from")
          ?.getValue() ?? undefined;
      const paths = instruction.getArguments().map((each) => each.getValue());
      stage.steps.push({ keyword: "COPY", from, sources: paths.slice(0, -1), to: paths.at(-1) ?? "" });
    } else if (keyword === "RUN") stage.steps.push({ keyword: "RUN", command: text });
    else stage.settings.set(keyword, text);
  }
  return stages;
}

/** Does what a COPY does. @param folders of other stages' roots. @param root of this stage's. @param workdir of this stage. */
export function copyInto(
  step: StageCopy,
  folders: ReadonlyMap<string, string>,
  root: string,
  workdir: string,
): void {
  const { from, sources, to } = step;
  for (const source of sources) {
    const origin = from === undefined ? join(ROOT, source) : join(folders.get(from)!, source);
    // Of a folder it is what is in it that is copied, whatever the target's name ends with.
    const name = to.endsWith("/") && !statSync(origin).isDirectory() ? basename(source) : "";
    const target = join(root, to.startsWith("/") ? to : join(workdir, to), name);
    mkdirSync(dirname(target), { recursive: true });
    if (from === undefined) copyTracked(source, target);
    else cpSync(origin, target, { recursive: true, verbatimSymlinks: true });
  }
}

/** Only what git knows: a clean clone has nothing else. */
function copyTracked(source: string, target: string): void {
  for (const path of trackedFiles()) {
    if (path !== source && !path.startsWith(`${source}/`)) continue;
    const to = join(target, path.slice(source.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(ROOT, path), to);
  }
}
