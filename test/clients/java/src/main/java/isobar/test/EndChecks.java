package isobar.test;

import static isobar.test.Client.want;

import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import isobar.test.generated.EchoGrpc.EchoBlockingV2Stub;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import isobar.test.generated.StatsReply;
import isobar.test.generated.StatsRequest;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** The checks of calls that end early. */
final class EndChecks {
  /** How long after the client gave up a server may still work on a call. */
  private static final long NOTICE_LIMIT_MS = 1_000;

  private EndChecks() {}

  static String deadline(EchoBlockingV2Stub stub) throws Exception {
    long limit = 400;
    String id = UUID.randomUUID().toString();
    EchoRequest request = EchoRequest.newBuilder().setDelayMs(8_000).setCallId(id).build();
    long begin = System.currentTimeMillis();
    Status status = Status.OK;
    try {
      stub.withDeadlineAfter(limit, TimeUnit.MILLISECONDS).unary(request);
    } catch (StatusException error) {
      status = error.getStatus();
    }
    long ended = System.currentTimeMillis();
    want(status.getCode() == Status.Code.DEADLINE_EXCEEDED, "got " + status + ", want DEADLINE_EXCEEDED");
    want(ended - begin < limit + NOTICE_LIMIT_MS, "ended after " + (ended - begin) + " ms");
    StatsReply seen = cancelSeen(stub, id, ended);
    boolean passedOn = seen.getDeadlineMs() >= 0 && seen.getDeadlineMs() <= limit;
    want(passedOn, "server saw a deadline of " + seen.getDeadlineMs() + " ms");
    return "server saw " + seen.getDeadlineMs() + " ms";
  }

  /** Cancels in the middle of a server stream. */
  static String cancel(EchoBlockingV2Stub stub) throws Exception {
    String id = UUID.randomUUID().toString();
    EchoRequest request =
        EchoRequest.newBuilder().setReplies(1_000_000).setReplySize(10).setDelayMs(10).setCallId(id).build();
    BlockingClientCall<?, EchoReply> call = stub.serverStream(request);
    for (int i = 0; i < 3; i++) {
      want(call.read() != null, "the stream ended early");
    }
    call.cancel("enough", null);
    long ended = System.currentTimeMillis();
    StatsReply seen = cancelSeen(stub, id, ended);
    return seen.getBackend() + " saw it after " + (seen.getCancelledUnixMs() - ended) + " ms";
  }

  /**
   * Asks until the backend that served the call, whichever it is, answers that it saw the call
   * cancelled.
   */
  private static StatsReply cancelSeen(EchoBlockingV2Stub stub, String id, long since) throws Exception {
    StatsRequest request = StatsRequest.newBuilder().setCallId(id).build();
    while (System.currentTimeMillis() - since < 6 * NOTICE_LIMIT_MS) {
      StatsReply reply = stub.stats(request);
      if (reply.getCancelled()) {
        long late = reply.getCancelledUnixMs() - since;
        want(late <= NOTICE_LIMIT_MS, reply.getBackend() + " noticed the cancel after " + late + " ms");
        return reply;
      }
      Thread.sleep(10);
    }
    throw new Client.CheckFailed("no backend noticed the cancel within " + 6 * NOTICE_LIMIT_MS + " ms");
  }
}
