//! Runs the checks on one channel and prints one JSON line for each.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use http::Uri;
use serde_json::json;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::checks;
use crate::echo::echo_client::EchoClient;

/// Bounds each check.
const LIMIT: Duration = Duration::from_secs(30);

pub type Client = EchoClient<Channel>;
pub type Counts = BTreeMap<String, u32>;

/// What a check that passed has to say: a detail for the reader, and from the
/// check "spread" the replies per backend.
pub type Outcome = Result<(String, Counts), Failure>;
pub type Check = (&'static str, fn(Client) -> Pin<Box<dyn Future<Output = Outcome>>>);

/// Why a check failed.
pub struct Failure(pub String);

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure(status.to_string())
    }
}

pub fn passed(detail: impl Into<String>) -> Outcome {
    Ok((detail.into(), Counts::new()))
}

pub fn want(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure(otherwise())) }
}

pub async fn call(target: &str, authority: &str, only: &str) -> Result<bool, Box<dyn Error>> {
    let origin: Uri = format!("http://{authority}").parse()?;
    let channel = Endpoint::from_shared(format!("http://{target}"))?.origin(origin).connect().await?;
    let mut all_ok = true;
    for (name, check) in checks::ALL {
        if !only.is_empty() && !only.split(',').any(|wanted| wanted == *name) {
            continue;
        }
        let outcome = tokio::time::timeout(LIMIT, check(EchoClient::new(channel.clone()))).await;
        let line = match outcome.unwrap_or_else(|_| Err(Failure(format!("hung for {LIMIT:?}")))) {
            Ok((detail, counts)) if counts.is_empty() => json!({"check": name, "ok": true, "detail": detail}),
            Ok((detail, counts)) => json!({"check": name, "ok": true, "detail": detail, "counts": counts}),
            Err(Failure(detail)) => {
                all_ok = false;
                json!({"check": name, "ok": false, "detail": detail})
            }
        };
        println!("{line}");
    }
    Ok(all_ok)
}
