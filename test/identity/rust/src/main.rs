//! Reads the keys (JWK Set) from the file of the first argument and tokens from standard input, one a line, for the service of the second
//! argument, and says of each who calls, or why it is refused.

// docs: begin
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

/// `keys` is the JWK Set, `service` the name that callers know this service by, `now` in seconds since 1970.
fn caller_of(token: &str, keys: &Value, service: &str, now: i64) -> Result<Value, String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("not a token")?;
    let (head, body) = signed.split_once('.').ok_or("not a token")?;
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "not a token");
    let json = |text: &str| serde_json::from_slice::<Value>(&octets(text)?).map_err(|_| "not a token");
    let head = json(head)?;
    if head["alg"] != "EdDSA" {
        return Err("not signed with EdDSA".into());
    }
    let found = keys["keys"].as_array().and_then(|all| all.iter().find(|key| key["kid"] == head["kid"]));
    let key = found.ok_or("unknown key: fetch the keys again")?;
    let key: [u8; 32] = octets(key["x"].as_str().unwrap_or_default())?.try_into().map_err(|_| "not a key")?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| "not a key")?;
    let signature = Signature::from_slice(&octets(signature)?).map_err(|_| "not a token")?;
    key.verify_strict(signed.as_bytes(), &signature).map_err(|_| "wrong signature")?;
    let claims = json(body)?;
    if claims["iss"] != "isobar" || claims["aud"] != service {
        return Err("for somebody else".into());
    }
    // Clocks of nodes differ by a little.
    if claims["exp"].as_i64().unwrap_or(0) < now - 5 || claims["iat"].as_i64().unwrap_or(i64::MAX) > now + 5 {
        return Err("expired".into());
    }
    Ok(claims)
}
// docs: end

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let keys = serde_json::from_str(&std::fs::read_to_string(&arguments[1]).unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    for token in std::io::stdin().lines() {
        match caller_of(&token.unwrap(), &keys, &arguments[2], now) {
            Ok(claims) => println!("{}", claims["sub"].as_str().unwrap()),
            Err(reason) => println!("refused: {reason}"),
        }
    }
}
