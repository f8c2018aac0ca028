import type { Stored } from "../../test/kube/harness/kube-writer.ts";

/** Puts to one transaction; etcd takes 128, and 1.5 MiB. */
const PUTS = 60;
const TRANSACTIONS_AT_ONCE = 4;

/**
 * Writes objects into the store of an API server without asking it, thousands a second, as a restored backup would; the API server hears of them
 * as of any other write.
 *
 * @param objects with what their kind is called in the store.
 * @param onProgress told how many are written.
 */
export async function fillEtcd(
  port: number,
  objects: Iterable<readonly [plural: string, object: Stored]>,
  onProgress: (written: number) => void,
): Promise<number> {
  const iterator = objects[Symbol.iterator]();
  let written = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const success = [];
      while (success.length < PUTS) {
        const { value, done } = iterator.next();
        if (done === true) break;
        success.push({
          requestPut: { key: base64(keyOf(...value)), value: base64(JSON.stringify(value[1])) },
        });
      }
      if (success.length === 0) return;
      const body = JSON.stringify({ success });
      const response = await fetch(`http://127.0.0.1:${port}/v3/kv/txn`, { method: "POST", body });
      if (!response.ok) throw new Error(`etcd: ${response.status} ${await response.text()}`);
      await response.arrayBuffer();
      written += success.length;
      onProgress(written);
    }
  };
  await Promise.all(Array.from({ length: TRANSACTIONS_AT_ONCE }, work));
  return written;
}

function keyOf(plural: string, { metadata: { namespace, name } }: Stored): string {
  return ["/registry", plural, ...(namespace === undefined ? [] : [namespace]), name].join("/");
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
