import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;

/**
 * Reads the keys (JWK Set) from the file of the first argument and tokens from standard input, one a line, for the service of the second
 * argument, and says of each who calls, or why it is refused.
 */
public final class CallerToken {
  // docs: begin
  /** What stands before the 32 octets of an Ed25519 key in its X.509 form. Source: RFC 8410. */
  private static final byte[] X509 = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};

  /** Verifies a token. keys is the JWK Set, service the name that callers know this service by. Java 15 and Gson. */
  static JsonObject callerOf(String token, JsonObject keys, String service, Instant now)
      throws GeneralSecurityException {
    String[] parts = token.split("\\.", -1);
    if (parts.length != 3) throw new GeneralSecurityException("not a token");
    JsonObject head = json(parts[0]);
    if (!"EdDSA".equals(text(head, "alg"))) throw new GeneralSecurityException("not signed with EdDSA");
    Signature signature = Signature.getInstance("Ed25519");
    signature.initVerify(keyOf(text(head, "kid"), keys));
    signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
    if (!signature.verify(octets(parts[2]))) throw new GeneralSecurityException("wrong signature");
    JsonObject claims = json(parts[1]);
    if (!"isobar".equals(text(claims, "iss")) || !service.equals(text(claims, "aud")))
      throw new GeneralSecurityException("for somebody else");
    long seconds = now.getEpochSecond();
    // Clocks of nodes differ by a little.
    if (claims.get("exp").getAsLong() < seconds - 5 || claims.get("iat").getAsLong() > seconds + 5)
      throw new GeneralSecurityException("expired");
    return claims;
  }

  private static PublicKey keyOf(String id, JsonObject keys) throws GeneralSecurityException {
    for (JsonElement each : keys.getAsJsonArray("keys")) {
      JsonObject key = each.getAsJsonObject();
      if (!id.equals(text(key, "kid")) || !"Ed25519".equals(text(key, "crv"))) continue;
      byte[] x = octets(text(key, "x"));
      byte[] encoded = new byte[X509.length + x.length];
      System.arraycopy(X509, 0, encoded, 0, X509.length);
      System.arraycopy(x, 0, encoded, X509.length, x.length);
      return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
    }
    throw new GeneralSecurityException("unknown key: fetch the keys again");
  }

  private static JsonObject json(String part) throws GeneralSecurityException {
    try {
      return JsonParser.parseString(new String(octets(part), StandardCharsets.UTF_8)).getAsJsonObject();
    } catch (RuntimeException error) {
      throw new GeneralSecurityException("not a token", error);
    }
  }

  private static byte[] octets(String part) throws GeneralSecurityException {
    try {
      return Base64.getUrlDecoder().decode(part);
    } catch (IllegalArgumentException error) {
      throw new GeneralSecurityException("not a token", error);
    }
  }

  private static String text(JsonObject object, String name) {
    return object.has(name) ? object.get(name).getAsString() : "";
  }

  // docs: end

  public static void main(String[] args) throws Exception {
    JsonObject keys = JsonParser.parseString(Files.readString(Path.of(args[0]))).getAsJsonObject();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String token = lines.readLine(); token != null; token = lines.readLine()) {
      try {
        System.out.println(callerOf(token, keys, args[1], Instant.now()).get("sub").getAsString());
      } catch (GeneralSecurityException error) {
        System.out.println("refused: " + error.getMessage());
      }
    }
  }
}
