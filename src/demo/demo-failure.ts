/** The demo cannot go on; the message says why, in words for the person who started it. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}
