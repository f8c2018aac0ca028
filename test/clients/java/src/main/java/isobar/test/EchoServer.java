package isobar.test;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import isobar.test.generated.EchoGrpc;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import isobar.test.generated.StatsReply;
import isobar.test.generated.StatsRequest;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The Echo service; see echo.proto for its contract. */
final class EchoServer extends EchoGrpc.EchoImplBase {
  private final String name;
  private final CallLog calls;
  private final ScheduledExecutorService timers = Executors.newScheduledThreadPool(1);

  private EchoServer(String name, String journal) throws IOException {
    this.name = name;
    this.calls = new CallLog(journal);
  }

  /** Serves until SIGTERM, then lets calls finish as grpc-java's shutdown does. */
  static void serve(int port, String name, String journal) throws Exception {
    Server server =
        NettyServerBuilder.forAddress(
                new InetSocketAddress("127.0.0.1", port), InsecureServerCredentials.create())
            .addService(new EchoServer(name, journal))
            .intercept(new MetadataEcho())
            .build()
            .start();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    server.shutdown().awaitTermination();
                  } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                  }
                }));
    System.out.println("ready 127.0.0.1:" + server.getPort());
    server.awaitTermination();
  }

  @Override
  public void unary(EchoRequest request, StreamObserver<EchoReply> observer) {
    calls.begin(request.getCallId(), (ServerCallStreamObserver<EchoReply>) observer);
    if (request.getDelayMs() > 0) {
      timers.schedule(() -> finishUnary(request, observer), request.getDelayMs(), TimeUnit.MILLISECONDS);
    } else {
      finishUnary(request, observer);
    }
  }

  private void finishUnary(EchoRequest request, StreamObserver<EchoReply> observer) {
    if (!failed(request, observer)) {
      observer.onNext(reply(request, 0));
      observer.onCompleted();
    }
  }

  @Override
  public void serverStream(EchoRequest request, StreamObserver<EchoReply> observer) {
    ServerCallStreamObserver<EchoReply> call = (ServerCallStreamObserver<EchoReply>) observer;
    calls.begin(request.getCallId(), call);
    new ReplyStream(request, call, index -> reply(request, index), timers).start();
  }

  @Override
  public StreamObserver<EchoRequest> clientStream(StreamObserver<EchoReply> observer) {
    return new ClientStreamReader(name, observer);
  }

  @Override
  public StreamObserver<EchoRequest> bidi(StreamObserver<EchoReply> observer) {
    return new StreamObserver<>() {
      private final EchoReply.Builder last = EchoReply.newBuilder().setBackend(name);

      @Override
      public void onNext(EchoRequest request) {
        last.setReceived(last.getReceived() + request.getPayload().size());
        observer.onNext(reply(request, last.getIndex()));
        last.setIndex(last.getIndex() + 1);
        failed(request, observer);
      }

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        observer.onNext(last.build());
        observer.onCompleted();
      }
    };
  }

  @Override
  public void stats(StatsRequest request, StreamObserver<StatsReply> observer) {
    observer.onNext(calls.stats(request.getCallId()).toBuilder().setBackend(name).build());
    observer.onCompleted();
  }

  private EchoReply reply(EchoRequest request, int index) {
    return EchoReply.newBuilder()
        .setPayload(
            request.getReplySize() > 0 ? Pattern.of(request.getReplySize(), index) : request.getPayload())
        .setBackend(name)
        .setIndex(index)
        .build();
  }

  /** Ends the call with the status that the request asks for, if it asks for one. */
  static boolean failed(EchoRequest request, StreamObserver<EchoReply> observer) {
    if (request.getStatus() == 0) {
      return false;
    }
    observer.onError(
        Status.fromCodeValue(request.getStatus()).withDescription(request.getMessage()).asRuntimeException());
    return true;
  }
}
