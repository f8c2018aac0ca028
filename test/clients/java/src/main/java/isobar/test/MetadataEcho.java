package isobar.test;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;

/** Sends the request's "x-" metadata back as "h-x-" headers and "t-x-" trailers. */
final class MetadataEcho implements ServerInterceptor {
  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata received, ServerCallHandler<Q, R> next) {
    return next.startCall(
        new SimpleForwardingServerCall<Q, R>(call) {
          @Override
          public void sendHeaders(Metadata headers) {
            copy(received, "h-", headers);
            super.sendHeaders(headers);
          }

          @Override
          public void close(Status status, Metadata trailers) {
            copy(received, "t-", trailers);
            super.close(status, trailers);
          }
        },
        received);
  }

  private static void copy(Metadata from, String prefix, Metadata to) {
    for (String name : from.keys()) {
      if (!name.startsWith("x-")) {
        continue;
      }
      if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        copyKey(from, binary(name), to, binary(prefix + name));
      } else {
        copyKey(from, ascii(name), to, ascii(prefix + name));
      }
    }
  }

  private static <T> void copyKey(Metadata from, Metadata.Key<T> key, Metadata to, Metadata.Key<T> newKey) {
    for (T value : from.getAll(key)) {
      to.put(newKey, value);
    }
  }

  static Metadata.Key<byte[]> binary(String name) {
    return Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
  }

  static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
