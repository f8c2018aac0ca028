package isobar.test;

import com.google.protobuf.ByteString;

/** The octets that the checks send. */
final class Pattern {
  private Pattern() {}

  /**
   * Makes octets that show loss, repetition and misplacement: the period divides neither frame
   * sizes nor buffer sizes.
   */
  static ByteString of(int size, int seed) {
    byte[] octets = new byte[size];
    for (int i = 0; i < size; i++) {
      octets[i] = (byte) ((i + seed) % 251);
    }
    return ByteString.copyFrom(octets);
  }
}
