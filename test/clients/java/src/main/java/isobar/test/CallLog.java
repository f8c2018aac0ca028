package isobar.test;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.ServerCallStreamObserver;
import isobar.test.generated.StatsReply;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Remembers how the calls that carry an id began and ended. */
final class CallLog {
  private final Map<String, StatsReply> calls = new ConcurrentHashMap<>();
  private final PrintStream journal;

  /** @param journal the file that gets the id of each call as it begins; empty for none */
  CallLog(String journal) throws IOException {
    this.journal = journal.isEmpty() ? null : new PrintStream(new FileOutputStream(journal, true), true);
  }

  /** Notes a call; to be called before the handler returns. */
  void begin(String id, ServerCallStreamObserver<?> call) {
    Deadline deadline = Context.current().getDeadline();
    long left = deadline == null ? -1 : deadline.timeRemaining(TimeUnit.MILLISECONDS);
    StatsReply entry = StatsReply.newBuilder().setKnown(true).setDeadlineMs(left).build();
    if (!id.isEmpty()) {
      calls.put(id, entry);
      if (journal != null) {
        journal.println(id);
      }
    }
    call.setOnCancelHandler(
        () ->
            calls.computeIfPresent(
                id,
                (key, known) ->
                    known.toBuilder()
                        .setCancelled(true)
                        .setCancelledUnixMs(System.currentTimeMillis())
                        .build()));
  }

  StatsReply stats(String id) {
    return calls.getOrDefault(id, StatsReply.getDefaultInstance());
  }
}
