package isobar.test;

import java.util.HashMap;
import java.util.Map;

/** The grpc-java client and server of the interoperability tests. */
public final class Main {
  private static final String USAGE =
      "usage: echo serve --port N --name ID [--journal FILE]"
          + " | echo call --target ADDR --authority NAME [--only CHECKS]"
          + " | echo load --target ADDR --authority NAME --name ID [--wait-for-ready yes] [--delay-ms N]"
          + " [--bidi-ms N]";

  private Main() {}

  /** Runs the command that the arguments name. */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length % 2 == 0) {
      usage();
    }
    Map<String, String> options = new HashMap<>();
    for (int i = 1; i < arguments.length; i += 2) {
      options.put(arguments[i], arguments[i + 1]);
    }
    switch (arguments[0]) {
      case "serve" ->
          EchoServer.serve(
              Integer.parseInt(options.getOrDefault("--port", "0")),
              options.getOrDefault("--name", "java"),
              options.getOrDefault("--journal", ""));
      case "call" -> {
        boolean ok =
            Client.call(options.get("--target"), options.get("--authority"), options.getOrDefault("--only", ""));
        System.exit(ok ? 0 : 1);
      }
      case "load" ->
          Load.run(
              options.get("--target"),
              options.get("--authority"),
              options.getOrDefault("--name", "java"),
              options.getOrDefault("--wait-for-ready", "no").equals("yes"),
              Integer.parseInt(options.getOrDefault("--delay-ms", "20")),
              Integer.parseInt(options.getOrDefault("--bidi-ms", "0")));
      default -> usage();
    }
  }

  private static void usage() {
    System.err.println(USAGE);
    System.exit(64);
  }
}
