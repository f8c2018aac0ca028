package isobar.test;

import static isobar.test.Client.want;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.MetadataUtils;
import isobar.test.generated.EchoGrpc.EchoBlockingV2Stub;
import isobar.test.generated.EchoReply;
import isobar.test.generated.EchoRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/** The checks of unary calls, metadata and errors. */
final class Checks {
  /** Needs percent-encoding for most of its characters. */
  private static final String HARD_MESSAGE = "fail: 100 % naïve \"ünïcode\" ✓ 🚀\nnext\tline";

  private Checks() {}

  static Map<String, Client.Check> all() {
    Map<String, Client.Check> checks = new LinkedHashMap<>();
    checks.put("unary-0", stub -> unary(stub, 0));
    checks.put("unary-100", stub -> unary(stub, 100));
    checks.put("unary-70k", stub -> unary(stub, 71_680));
    checks.put("unary-1m", stub -> unary(stub, 1_048_576));
    checks.put("metadata", Checks::metadata);
    checks.put("error-trailers-only", Checks::errorTrailersOnly);
    checks.put("error-after-messages", Checks::errorAfterMessages);
    checks.put("error-codes", Checks::errorCodes);
    checks.put("server-stream-small", stub -> StreamChecks.serverStream(stub, 500, 10));
    checks.put("server-stream-large", stub -> StreamChecks.serverStream(stub, 20, 1_000_000));
    checks.put("client-stream-15mb", StreamChecks::clientStream);
    checks.put("bidi-ping-pong", StreamChecks::pingPong);
    checks.put("deadline", EndChecks::deadline);
    checks.put("cancel", EndChecks::cancel);
    checks.put("spread", null);
    return checks;
  }

  private static String unary(EchoBlockingV2Stub stub, int size) throws Exception {
    ByteString payload = Pattern.of(size, size);
    EchoReply reply = stub.unary(EchoRequest.newBuilder().setPayload(payload).build());
    want(
        reply.getPayload().equals(payload),
        size + " octets came back changed (" + reply.getPayload().size() + ")");
    return size + " octets by " + reply.getBackend();
  }

  private static String metadata(EchoBlockingV2Stub stub) throws Exception {
    byte[] allOctets = new byte[256];
    for (int i = 0; i < allOctets.length; i++) {
      allOctets[i] = (byte) i;
    }
    Metadata sent = new Metadata();
    sent.put(MetadataEcho.ascii("x-text"), "plain text, with = and ; and spaces");
    sent.put(MetadataEcho.ascii("x-many"), "first");
    sent.put(MetadataEcho.ascii("x-many"), "second");
    sent.put(MetadataEcho.ascii("x-long"), "0123456789abcdef".repeat(192));
    sent.put(MetadataEcho.binary("x-octets-bin"), allOctets);
    sent.put(MetadataEcho.binary("x-empty-bin"), new byte[0]);
    AtomicReference<Metadata> headers = new AtomicReference<>();
    AtomicReference<Metadata> trailers = new AtomicReference<>();
    stub.withInterceptors(
            MetadataUtils.newAttachHeadersInterceptor(sent),
            MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
        .unary(EchoRequest.getDefaultInstance());
    for (String name : List.of("x-text", "x-many", "x-long", "x-octets-bin", "x-empty-bin")) {
      List<String> expected = values(sent, name);
      want(values(headers.get(), "h-" + name).equals(expected), "header h-" + name + " came back changed");
      want(values(trailers.get(), "t-" + name).equals(expected), "trailer t-" + name + " came back changed");
    }
    return "headers and trailers";
  }

  private static List<String> values(Metadata metadata, String name) {
    List<String> values = new ArrayList<>();
    if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      Iterable<byte[]> found = metadata.getAll(MetadataEcho.binary(name));
      (found == null ? List.<byte[]>of() : found).forEach(value -> values.add(Arrays.toString(value)));
    } else {
      Iterable<String> found = metadata.getAll(MetadataEcho.ascii(name));
      (found == null ? List.<String>of() : found).forEach(values::add);
    }
    return values;
  }

  private static String errorTrailersOnly(EchoBlockingV2Stub stub) throws Exception {
    Metadata sent = new Metadata();
    sent.put(MetadataEcho.binary("x-why-bin"), new byte[] {0, -1});
    EchoRequest request = EchoRequest.newBuilder().setStatus(9).setMessage(HARD_MESSAGE).build();
    StatusException error =
        errorOf(() -> stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(sent)).unary(request));
    want(values(error.getTrailers(), "t-x-why-bin").equals(List.of("[0, -1]")), "trailer t-x-why-bin is missing");
    return wantStatus(error, 9, HARD_MESSAGE);
  }

  private static String errorAfterMessages(EchoBlockingV2Stub stub) throws Exception {
    EchoRequest request =
        EchoRequest.newBuilder().setReplies(3).setReplySize(10).setStatus(8).setMessage(HARD_MESSAGE).build();
    BlockingClientCall<?, EchoReply> replies = stub.serverStream(request);
    for (int i = 0; i < 3; i++) {
      want(replies.read() != null, "fewer than 3 replies");
    }
    return wantStatus(errorOf(replies::read), 8, HARD_MESSAGE);
  }

  private static String errorCodes(EchoBlockingV2Stub stub) throws Exception {
    for (int code = 1; code <= 16; code++) {
      EchoRequest request = EchoRequest.newBuilder().setStatus(code).setMessage("code " + code).build();
      wantStatus(errorOf(() -> stub.unary(request)), code, "code " + code);
    }
    return "1 to 16";
  }

  /** Counts which backends serve 300 calls made on the one channel. */
  static String spread(EchoBlockingV2Stub stub, Map<String, Integer> counts) throws Exception {
    EchoRequest request = EchoRequest.newBuilder().setPayload(Pattern.of(100, 0)).build();
    for (int i = 0; i < 300; i++) {
      counts.merge(stub.unary(request).getBackend(), 1, Integer::sum);
    }
    return "";
  }

  private interface Action {
    Object run() throws Exception;
  }

  private static StatusException errorOf(Action action) throws Exception {
    try {
      action.run();
    } catch (StatusException error) {
      return error;
    }
    throw new Client.CheckFailed("got OK, want an error");
  }

  private static String wantStatus(StatusException error, int code, String message) throws Exception {
    Status got = error.getStatus();
    want(
        got.getCode().value() == code && message.equals(got.getDescription()),
        "got " + got + ", want " + code + " " + message);
    return got.getCode().name();
  }
}
