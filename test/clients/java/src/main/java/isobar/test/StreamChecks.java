package isobar.test;

import static isobar.test.Client.want;

import com.google.protobuf.ByteString;
import io.grpc.stub.BlockingClientCall;
import isobar.test.generated.EchoGrpc.EchoBlockingV2Stub;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import java.util.zip.CRC32;

/** The checks of the three streaming call kinds. */
final class StreamChecks {
  private StreamChecks() {}

  static String serverStream(EchoBlockingV2Stub stub, int replies, int size) throws Exception {
    EchoRequest request = EchoRequest.newBuilder().setReplies(replies).setReplySize(size).build();
    BlockingClientCall<?, EchoReply> call = stub.serverStream(request);
    for (int index = 0; index < replies; index++) {
      wantReply(call.read(), index, Pattern.of(size, index));
    }
    want(call.read() == null, "more than " + replies + " replies");
    return replies + " x " + size + " octets";
  }

  static String clientStream(EchoBlockingV2Stub stub) throws Exception {
    int messages = 15;
    int size = 1_000_000;
    CRC32 checksum = new CRC32();
    BlockingClientCall<EchoRequest, EchoReply> call = stub.clientStream();
    for (int index = 0; index < messages; index++) {
      ByteString payload = Pattern.of(size, index);
      checksum.update(payload.asReadOnlyByteBuffer());
      want(call.write(EchoRequest.newBuilder().setPayload(payload).build()), "ended at message " + index);
    }
    call.halfClose();
    EchoReply reply = call.read();
    want(reply != null && call.read() == null, "want one reply");
    want(
        reply.getReceived() == (long) messages * size && reply.getCrc32() == (int) checksum.getValue(),
        "server got " + reply.getReceived() + " octets with another CRC or length");
    return reply.getReceived() + " octets";
  }

  /**
   * Sends a message only when the reply to the one before has come, so it hangs when anything on
   * the way holds messages back.
   */
  static String pingPong(EchoBlockingV2Stub stub) throws Exception {
    int[] sizes = {0, 100, 5_000, 71_680};
    long sent = 0;
    BlockingClientCall<EchoRequest, EchoReply> call = stub.bidi();
    for (int index = 0; index < 100; index++) {
      ByteString payload = Pattern.of(sizes[index % sizes.length], index);
      sent += payload.size();
      want(call.write(EchoRequest.newBuilder().setPayload(payload).build()), "ended at message " + index);
      wantReply(call.read(), index, payload);
    }
    call.halfClose();
    EchoReply last = call.read();
    want(last != null && last.getReceived() == sent, "server did not get the " + sent + " octets: " + last);
    want(call.read() == null, "a reply more than asked for");
    return "100 messages, " + sent + " octets";
  }

  private static void wantReply(EchoReply reply, int index, ByteString payload) throws Exception {
    want(reply != null, "the stream ended before reply " + index);
    want(
        reply.getIndex() == index && reply.getPayload().equals(payload),
        "reply " + index + " came changed: index " + reply.getIndex() + ", " + reply.getPayload().size() + " octets");
  }
}
