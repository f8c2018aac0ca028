package isobar.test;

import io.grpc.stub.StreamObserver;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import java.util.zip.CRC32;

/** Counts and sums what a client stream brings. */
final class ClientStreamReader implements StreamObserver<EchoRequest> {
  private final String name;
  private final StreamObserver<EchoReply> observer;
  private final CRC32 checksum = new CRC32();
  private long received = 0;

  ClientStreamReader(String name, StreamObserver<EchoReply> observer) {
    this.name = name;
    this.observer = observer;
  }

  @Override
  public void onNext(EchoRequest request) {
    received += request.getPayload().size();
    checksum.update(request.getPayload().asReadOnlyByteBuffer());
    EchoServer.failed(request, observer);
  }

  @Override
  public void onError(Throwable error) {}

  @Override
  public void onCompleted() {
    observer.onNext(
        EchoReply.newBuilder()
            .setBackend(name)
            .setReceived(received)
            .setCrc32((int) checksum.getValue())
            .build());
    observer.onCompleted();
  }
}
