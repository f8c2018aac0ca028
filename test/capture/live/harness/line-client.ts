/**
 * Run in the network of a pod. Reads commands from standard input, one a line: `open ID HOST PORT`, `say ID`, `loop HOST PORT COUNT`; says what
 * happens on standard output: `ID: open`, `ID: <answer>`, `ID: gone CODE`.
 */
import type { Socket } from "node:net";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const sockets = new Map<string, Socket>();

function open(id: string, host: string, port: number): void {
  const socket = connect({ host, port, noDelay: true });
  let code = "END";
  sockets.set(id, socket);
  socket.setEncoding("utf8");
  socket.on("connect", () => console.log(`${id}: open`));
  socket.on("data", (text: string) => {
    for (const line of text.trim().split("\n")) console.log(`${id}: ${line}`);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code ?? error.message;
  });
  socket.on("close", () => console.log(`${id}: gone ${code}`));
}

/** Connections one after the other, each with a question and its answer. */
async function loop(host: string, port: number, count: number): Promise<void> {
  const answers = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const answer = await once(host, port);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  console.log(`loop: ${JSON.stringify(Object.fromEntries(answers))}`);
}

function once(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setEncoding("utf8");
    socket.setTimeout(5_000, () => resolve("silence"));
    socket.on("connect", () => socket.write("hello\n"));
    socket.on("data", (text: string) => {
      resolve(text.trim());
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve("END"));
  });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, id = "", host = "", port = ""] = line.split(" ");
  if (command === "open") open(id, host, Number(port));
  else if (command === "say") sockets.get(id)?.write("hello\n");
  else if (command === "loop") void loop(id, Number(host), Number(port));
});
