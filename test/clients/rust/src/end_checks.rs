//! The checks of calls that end early.

use std::time::Duration;

use tonic::{Code, Request, Status};

use crate::call_log::unix_ms;
use crate::client::{Client, Failure, Outcome, passed, want};
use crate::echo::{EchoRequest, StatsReply, StatsRequest};

/// How long after the client gave up a server may still work on a call.
const NOTICE_LIMIT_MS: i64 = 1_000;

pub async fn deadline(mut client: Client) -> Outcome {
    const LIMIT_MS: i64 = 400;
    let call_id = call_id("deadline");
    let mut request = Request::new(EchoRequest { delay_ms: 8_000, call_id: call_id.clone(), ..EchoRequest::default() });
    request.set_timeout(Duration::from_millis(LIMIT_MS as u64));
    let begin = unix_ms();
    let error = client.unary(request).await.err();
    let ended = unix_ms();
    // tonic's own timers call it CANCELLED, and so it does a server's reset.
    let expired = matches!(error.as_ref().map(Status::code), Some(Code::DeadlineExceeded | Code::Cancelled));
    want(expired, || format!("got {error:?}, want DEADLINE_EXCEEDED"))?;
    want(ended - begin < LIMIT_MS + NOTICE_LIMIT_MS, || format!("ended after {} ms", ended - begin))?;
    let seen = cancel_seen(&mut client, call_id, ended).await?;
    let passed_on = (0..=LIMIT_MS).contains(&seen.deadline_ms);
    want(passed_on, || format!("server saw a deadline of {} ms", seen.deadline_ms))?;
    passed(format!("server saw {} ms", seen.deadline_ms))
}

/// Cancels in the middle of a server stream.
pub async fn cancel(mut client: Client) -> Outcome {
    let call_id = call_id("cancel");
    let request = EchoRequest {
        replies: 1_000_000,
        reply_size: 10,
        delay_ms: 10,
        call_id: call_id.clone(),
        ..EchoRequest::default()
    };
    let mut replies = client.server_stream(request).await?.into_inner();
    for _ in 0..3 {
        want(replies.message().await?.is_some(), || "the stream ended early".to_string())?;
    }
    drop(replies);
    let ended = unix_ms();
    let seen = cancel_seen(&mut client, call_id, ended).await?;
    passed(format!("{} saw it after {} ms", seen.backend, seen.cancelled_unix_ms - ended))
}

/// Asks until the backend that served the call, whichever it is, answers that
/// it saw the call cancelled.
async fn cancel_seen(client: &mut Client, call_id: String, since: i64) -> Result<StatsReply, Failure> {
    while unix_ms() - since < 6 * NOTICE_LIMIT_MS {
        let reply = client.stats(StatsRequest { call_id: call_id.clone() }).await?.into_inner();
        if reply.cancelled {
            let late = reply.cancelled_unix_ms - since;
            want(late <= NOTICE_LIMIT_MS, || format!("{} noticed the cancel after {late} ms", reply.backend))?;
            return Ok(reply);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Failure(format!("no backend noticed the cancel within {} ms", 6 * NOTICE_LIMIT_MS)))
}

fn call_id(check: &str) -> String {
    format!("{check}-{}-{}", std::process::id(), unix_ms())
}
