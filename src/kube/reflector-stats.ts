/** What a reflector counts; read by metrics. */
export class ReflectorStats {
  /** The kind, as Kubernetes writes it. */
  readonly kind: string;
  /** Objects kept. */
  objects = 0;
  /** Whole lists taken, streamed or in pages. */
  lists = 0;
  /** Watches begun. */
  watches = 0;
  /** Changes that watches told of, bookmarks apart. */
  events = 0;
  /** Failures of any kind, but for versions that were gone. */
  errors = 0;
  /** Versions that were gone. */
  expired = 0;
  /** Objects that could not be read. */
  unreadable = 0;
  /** When a watch last said something, bookmarks included, on the process's monotonic clock in ms; 0 for never. */
  lastEventMs = 0;
  /** Since when nothing but failures has come, on the same clock; 0 while it works. */
  failingSinceMs = 0;
  /** The server has no such kind, or not for us: it counts as empty. */
  isAbsent = false;

  constructor(kind: string) {
    this.kind = kind;
  }
}
