//! Calls without a pause on one channel until standard input ends, and then prints one JSON line.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Uri;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Endpoint;

use crate::call_log::unix_ms;
use crate::client::Client;
use crate::echo::echo_client::EchoClient;
use crate::echo::{EchoReply, EchoRequest};
use crate::pattern::pattern;

// The load of one client, the same in every language.
const UNARY_LOOPS: usize = 4;
const LONG_REPLIES: u32 = 150;
const SHORT_REPLIES: u32 = 10;
const REPLY_DELAY_MS: u32 = 20;
const BIDI_PAUSE: Duration = Duration::from_millis(100);

/// So that what fails at once is not called without a pause.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
enum Call {
    /// Takes so many milliseconds at its server.
    Unary(u32),
    /// So many replies.
    Stream(u32),
    /// Messages and their replies in turn, for so long.
    Bidi(Duration),
}

/// Why a call failed.
struct Failed {
    status: i32,
    message: String,
}

impl From<Status> for Failed {
    fn from(status: Status) -> Failed {
        Failed { status: status.code() as i32, message: status.message().to_string() }
    }
}

#[derive(Default)]
struct Report {
    stopped: AtomicBool,
    unary: AtomicU32,
    streams: AtomicU32,
    failed: Mutex<Vec<Value>>,
}

/// Each unary call takes `delay_ms` at its server. Bidirectional streams are kept for `bidi_ms` each, one after the other; 0: none.
pub async fn load(
    target: &str,
    authority: &str,
    name: &str,
    delay_ms: u32,
    bidi_ms: u64,
) -> Result<(), Box<dyn Error>> {
    let origin: Uri = format!("http://{authority}").parse()?;
    let channel = Endpoint::from_shared(format!("http://{target}"))?.origin(origin).connect_lazy();
    let client = EchoClient::new(channel);
    let report = Arc::new(Report::default());
    let mut kinds: Vec<(String, Call)> =
        (0..UNARY_LOOPS).map(|each| (format!("unary{each}"), Call::Unary(delay_ms))).collect();
    kinds.push(("long".to_string(), Call::Stream(LONG_REPLIES)));
    kinds.push(("short".to_string(), Call::Stream(SHORT_REPLIES)));
    if bidi_ms > 0 {
        kinds.push(("bidi".to_string(), Call::Bidi(Duration::from_millis(bidi_ms))));
    }
    let mut loops = JoinSet::new();
    for (kind, call) in kinds {
        loops.spawn(repeat(client.clone(), report.clone(), format!("{name}-{kind}"), call));
    }
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    report.stopped.store(true, Ordering::Relaxed);
    loops.join_all().await;
    let (unary, streams) = (&report.unary, &report.streams);
    println!("{}", json!({"unary": unary, "streams": streams, "failed": *report.failed.lock().unwrap()}));
    Ok(())
}

async fn repeat(client: Client, report: Arc<Report>, name: String, call: Call) {
    let count = if matches!(call, Call::Unary(_)) { &report.unary } else { &report.streams };
    let mut number = 0;
    while !report.stopped.load(Ordering::Relaxed) {
        let id = format!("{name}-{number}");
        number += 1;
        let outcome = match call {
            Call::Unary(delay_ms) => unary(client.clone(), id.clone(), delay_ms).await,
            Call::Stream(replies) => read_stream(client.clone(), id.clone(), replies).await,
            Call::Bidi(lasts) => ping_pong(client.clone(), id.clone(), lasts).await,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Err(Failed { status, message }) = outcome {
            let failure = json!({"id": id, "status": status, "message": message, "at": unix_ms()});
            report.failed.lock().unwrap().push(failure);
            sleep(AFTER_FAILURE).await;
        }
    }
}

async fn unary(mut client: Client, call_id: String, delay_ms: u32) -> Result<(), Failed> {
    client.unary(EchoRequest { payload: pattern(100, 0), call_id, delay_ms, ..EchoRequest::default() }).await?;
    Ok(())
}

async fn read_stream(mut client: Client, call_id: String, replies: u32) -> Result<(), Failed> {
    let request = EchoRequest { replies, reply_size: 100, delay_ms: REPLY_DELAY_MS, call_id, ..EchoRequest::default() };
    let mut stream = client.server_stream(request).await?.into_inner();
    for index in 0..replies {
        want_reply(stream.message().await?, index)?;
    }
    want_end(stream.message().await?)
}

/// Sends a message only when the reply to the one before has come.
async fn ping_pong(mut client: Client, call_id: String, lasts: Duration) -> Result<(), Failed> {
    let (outbox, mut inbox) = mpsc::channel::<EchoRequest>(1);
    let requests = async_stream::stream! {
        while let Some(request) = inbox.recv().await {
            yield request;
        }
    };
    let message = || EchoRequest { payload: pattern(100, 0), call_id: call_id.clone(), ..EchoRequest::default() };
    let begin = Instant::now();
    // The response headers may come with the first reply, not before it.
    let _ = outbox.send(message()).await;
    let mut replies = client.bidi(requests).await?.into_inner();
    let mut index = 0;
    want_reply(replies.message().await?, index)?;
    while begin.elapsed() < lasts {
        sleep(BIDI_PAUSE).await;
        // Where nobody takes it any more, the next reply is the status.
        let _ = outbox.send(message()).await;
        index += 1;
        want_reply(replies.message().await?, index)?;
    }
    drop(outbox);
    if replies.message().await?.is_none() {
        return Err(Failed { status: -1, message: "no reply after the half-close".to_string() });
    }
    want_end(replies.message().await?)
}

fn want_reply(reply: Option<EchoReply>, index: u32) -> Result<(), Failed> {
    match reply {
        Some(reply) if reply.index == index => Ok(()),
        Some(reply) => Err(Failed { status: -1, message: format!("reply {} came as number {index}", reply.index) }),
        None => Err(Failed { status: -1, message: format!("the stream ended before reply {index}") }),
    }
}

fn want_end(reply: Option<EchoReply>) -> Result<(), Failed> {
    match reply {
        None => Ok(()),
        Some(reply) => Err(Failed { status: -1, message: format!("reply {} came after the last one", reply.index) }),
    }
}
