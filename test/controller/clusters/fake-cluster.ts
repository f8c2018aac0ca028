import type { ClusterSource } from "../../../src/controller/clusters/cluster-source.ts";
import type { ServiceSink } from "../../../src/resource/service-source.ts";

/** A cluster whose services the test gives. */
export class FakeCluster implements ClusterSource {
  readonly name: string;
  regions: ReadonlySet<string> = new Set();
  isLost = false;
  sink!: ServiceSink;

  constructor(name: string) {
    this.name = name;
  }

  start(sink: ServiceSink): Promise<void> {
    this.sink = sink;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
