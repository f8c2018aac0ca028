package isobar.test;

import io.grpc.stub.ServerCallStreamObserver;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** The replies of one server stream, sent as fast as the client reads or at the pace it asks for. */
final class ReplyStream {
  private final EchoRequest request;
  private final ServerCallStreamObserver<EchoReply> call;
  private final IntFunction<EchoReply> replyAt;
  private final ScheduledExecutorService timers;
  private int next = 0;
  private boolean ended = false;

  ReplyStream(
      EchoRequest request,
      ServerCallStreamObserver<EchoReply> call,
      IntFunction<EchoReply> replyAt,
      ScheduledExecutorService timers) {
    this.request = request;
    this.call = call;
    this.replyAt = replyAt;
    this.timers = timers;
  }

  void start() {
    if (request.getDelayMs() > 0) {
      schedule();
    } else {
      call.setOnReadyHandler(this::sendWhileReady);
      sendWhileReady();
    }
  }

  private void schedule() {
    timers.schedule(this::sendOne, request.getDelayMs(), TimeUnit.MILLISECONDS);
  }

  private synchronized void sendOne() {
    if (call.isCancelled()) {
      return;
    }
    call.onNext(replyAt.apply(next++));
    if (next < request.getReplies()) {
      schedule();
    } else {
      end();
    }
  }

  private synchronized void sendWhileReady() {
    while (next < request.getReplies() && call.isReady() && !call.isCancelled()) {
      call.onNext(replyAt.apply(next++));
    }
    if (next == request.getReplies()) {
      end();
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      if (!EchoServer.failed(request, call)) {
        call.onCompleted();
      }
    }
  }
}
