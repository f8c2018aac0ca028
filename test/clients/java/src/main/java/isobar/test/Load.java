package isobar.test;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import isobar.test.generated.EchoGrpc;
import isobar.test.generated.EchoGrpc.EchoBlockingStub;
import isobar.test.generated.EchoGrpc.EchoBlockingV2Stub;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Calls without a pause on one channel until standard input ends, and then prints one JSON line. */
final class Load {
  // The load of one client, the same in every language.
  private static final int UNARY_LOOPS = 4;
  private static final int LONG_REPLIES = 150;
  private static final int SHORT_REPLIES = 10;
  private static final int REPLY_DELAY_MS = 20;
  private static final int BIDI_PAUSE_MS = 100;

  /** So that what fails at once is not called without a pause. */
  private static final int AFTER_FAILURE_MS = 50;

  private final EchoBlockingStub stub;
  private final EchoBlockingV2Stub bidiStub;
  private final String name;
  private final int delayMs;
  private final int bidiMs;
  private final AtomicInteger unary = new AtomicInteger();
  private final AtomicInteger streams = new AtomicInteger();
  private final Queue<String> failed = new ConcurrentLinkedQueue<>();
  private final List<Thread> loops = new ArrayList<>();
  private volatile boolean stopped;

  private Load(ManagedChannel channel, String name, boolean waitForReady, int delayMs, int bidiMs) {
    EchoBlockingStub stub = EchoGrpc.newBlockingStub(channel);
    EchoBlockingV2Stub bidiStub = EchoGrpc.newBlockingV2Stub(channel);
    this.stub = waitForReady ? stub.withWaitForReady() : stub;
    this.bidiStub = waitForReady ? bidiStub.withWaitForReady() : bidiStub;
    this.name = name;
    this.delayMs = delayMs;
    this.bidiMs = bidiMs;
  }

  /**
   * @param waitForReady calls wait while the channel has no connection, instead of failing
   * @param delayMs how long each unary call takes at its server
   * @param bidiMs how long each bidirectional stream lasts, one after the other; 0: there are none
   */
  static void run(
      String target, String authority, String name, boolean waitForReady, int delayMs, int bidiMs)
      throws Exception {
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(target).usePlaintext().overrideAuthority(authority).build();
    try {
      new Load(channel, name, waitForReady, delayMs, bidiMs).untilInputEnds();
    } finally {
      channel.shutdownNow();
    }
  }

  private void untilInputEnds() throws Exception {
    for (int each = 0; each < UNARY_LOOPS; each++) {
      loop("unary" + each, unary, this::callUnary);
    }
    loop("long", streams, id -> readStream(id, LONG_REPLIES));
    loop("short", streams, id -> readStream(id, SHORT_REPLIES));
    if (bidiMs > 0) {
      loop("bidi", streams, this::pingPong);
    }
    System.in.readAllBytes();
    stopped = true;
    for (Thread thread : loops) {
      thread.join();
    }
    System.out.printf(
        "{\"unary\":%d,\"streams\":%d,\"failed\":[%s]}%n", unary.get(), streams.get(), String.join(",", failed));
  }

  private void loop(String kind, AtomicInteger count, Consumer<String> call) {
    Thread thread =
        new Thread(
            () -> {
              for (int number = 0; !stopped; number++) {
                String id = name + "-" + kind + "-" + number;
                try {
                  call.accept(id);
                } catch (RuntimeException error) {
                  Status status = Status.fromThrowable(error);
                  failed.add(
                      String.format(
                          "{\"id\":%s,\"status\":%d,\"message\":%s,\"at\":%d}",
                          Client.quoted(id),
                          status.getCode().value(),
                          Client.quoted(error.toString()),
                          System.currentTimeMillis()));
                  pauseAfterFailure();
                }
                count.incrementAndGet();
              }
            });
    loops.add(thread);
    thread.start();
  }

  private static void pauseAfterFailure() {
    try {
      Thread.sleep(AFTER_FAILURE_MS);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  private void callUnary(String id) {
    stub.unary(
        EchoRequest.newBuilder()
            .setPayload(Pattern.of(100, 0))
            .setCallId(id)
            .setDelayMs(delayMs)
            .build());
  }

  private void readStream(String id, int replies) {
    Iterator<EchoReply> answers =
        stub.serverStream(
            EchoRequest.newBuilder()
                .setReplies(replies)
                .setReplySize(100)
                .setDelayMs(REPLY_DELAY_MS)
                .setCallId(id)
                .build());
    int index = 0;
    while (answers.hasNext()) {
      if (answers.next().getIndex() != index++) {
        throw new IllegalStateException("a reply out of order before number " + index);
      }
    }
    if (index != replies) {
      throw new IllegalStateException(index + " replies of " + replies);
    }
  }

  /** Sends a message only when the reply to the one before has come. */
  private void pingPong(String id) {
    EchoRequest message = EchoRequest.newBuilder().setPayload(Pattern.of(100, 0)).setCallId(id).build();
    long beginNs = System.nanoTime();
    try {
      BlockingClientCall<EchoRequest, EchoReply> call = bidiStub.bidi();
      for (int index = 0; System.nanoTime() - beginNs < bidiMs * 1_000_000L; index++) {
        // Where nobody takes it any more, the next reply is the status.
        call.write(message);
        EchoReply reply = call.read();
        if (reply == null || reply.getIndex() != index) {
          throw new IllegalStateException("no reply, or another one, as number " + index);
        }
        Thread.sleep(BIDI_PAUSE_MS);
      }
      call.halfClose();
      if (call.read() == null || call.read() != null) {
        throw new IllegalStateException("not one reply after the half-close");
      }
    } catch (StatusException error) {
      throw error.getStatus().asRuntimeException();
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }
}
