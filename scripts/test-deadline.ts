// Loaded into every test file's process: ends it when it has not ended by itself, so that what a failed test leaves open
// cannot hold up the whole run. The runner then reports the file as failed.
import { isMainThread } from "node:worker_threads";

const { ISOBAR_TEST_LIMIT_MS = "" } = process.env;

if (isMainThread && ISOBAR_TEST_LIMIT_MS !== "") {
  setTimeout(() => {
    process.stderr.write(
      `not ended after ${Number(ISOBAR_TEST_LIMIT_MS) / 1000} s: something is left open\n`,
    );
    process.exit(1);
  }, Number(ISOBAR_TEST_LIMIT_MS)).unref();
}
