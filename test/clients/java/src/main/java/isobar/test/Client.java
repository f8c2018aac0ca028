package isobar.test;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import isobar.test.generated.EchoGrpc;
import isobar.test.generated.EchoGrpc.EchoBlockingV2Stub;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Runs the checks on one channel and prints one JSON line for each. */
final class Client {
  /** Bounds each check in seconds; one that hangs fails with DEADLINE_EXCEEDED. */
  static final long LIMIT_SECONDS = 30;

  private static final PrintStream OUTPUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  /** One check: answers with a detail for the reader, or throws. */
  interface Check {
    String run(EchoBlockingV2Stub stub) throws Exception;
  }

  /** What a check throws when it did not get what it wants. */
  static final class CheckFailed extends Exception {
    CheckFailed(String message) {
      super(message);
    }
  }

  private Client() {}

  static void want(boolean condition, String otherwise) throws CheckFailed {
    if (!condition) {
      throw new CheckFailed(otherwise);
    }
  }

  static boolean call(String target, String authority, String only) throws Exception {
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(target).usePlaintext().overrideAuthority(authority).build();
    boolean allOk = true;
    try {
      for (Map.Entry<String, Check> entry : Checks.all().entrySet()) {
        if (only.isEmpty() || List.of(only.split(",")).contains(entry.getKey())) {
          allOk &= report(entry.getKey(), entry.getValue(), EchoGrpc.newBlockingV2Stub(channel));
        }
      }
    } finally {
      channel.shutdownNow();
    }
    return allOk;
  }

  private static boolean report(String name, Check check, EchoBlockingV2Stub stub) {
    Map<String, Integer> counts = new TreeMap<>();
    boolean ok = true;
    String detail;
    try {
      EchoBlockingV2Stub limited = stub.withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
      detail = name.equals("spread") ? Checks.spread(limited, counts) : check.run(limited);
    } catch (Exception error) {
      ok = false;
      detail = error instanceof CheckFailed ? error.getMessage() : error.toString();
    }
    String fields =
        counts.entrySet().stream()
            .map(count -> quoted(count.getKey()) + ":" + count.getValue())
            .collect(Collectors.joining(",", ",\"counts\":{", "}"));
    OUTPUT.printf(
        "{\"check\":%s,\"ok\":%b,\"detail\":%s%s}%n",
        quoted(name), ok, quoted(detail), counts.isEmpty() ? "" : fields);
    return ok;
  }

  static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c < ' ') {
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    return json.append('"').toString();
  }
}
