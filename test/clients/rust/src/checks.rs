//! The checks of unary calls, metadata and errors.

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Request, Status};

use crate::client::{Check, Client, Counts, Failure, Outcome, passed, want};
use crate::echo::EchoRequest;
use crate::pattern::pattern;
use crate::{end_checks, stream_checks};

/// Needs percent-encoding for most of its characters.
const HARD_MESSAGE: &str = "fail: 100 % naïve \"ünïcode\" ✓ 🚀\nnext\tline";

pub const ALL: &[Check] = &[
    ("unary-0", |client| Box::pin(unary(client, 0))),
    ("unary-100", |client| Box::pin(unary(client, 100))),
    ("unary-70k", |client| Box::pin(unary(client, 71_680))),
    ("unary-1m", |client| Box::pin(unary(client, 1_048_576))),
    ("metadata", |client| Box::pin(metadata(client))),
    ("error-trailers-only", |client| Box::pin(error_trailers_only(client))),
    ("error-after-messages", |client| Box::pin(error_after_messages(client))),
    ("error-codes", |client| Box::pin(error_codes(client))),
    ("server-stream-small", |client| Box::pin(stream_checks::server_stream(client, 500, 10))),
    ("server-stream-large", |client| Box::pin(stream_checks::server_stream(client, 20, 1_000_000))),
    ("client-stream-15mb", |client| Box::pin(stream_checks::client_stream(client))),
    ("bidi-ping-pong", |client| Box::pin(stream_checks::ping_pong(client))),
    ("deadline", |client| Box::pin(end_checks::deadline(client))),
    ("cancel", |client| Box::pin(end_checks::cancel(client))),
    ("spread", |client| Box::pin(spread(client))),
];

async fn unary(mut client: Client, size: usize) -> Outcome {
    let payload = pattern(size, size);
    let reply = client.unary(EchoRequest { payload: payload.clone(), ..EchoRequest::default() }).await?.into_inner();
    want(reply.payload == payload, || format!("{size} octets came back changed ({})", reply.payload.len()))?;
    passed(format!("{size} octets by {}", reply.backend))
}

async fn metadata(mut client: Client) -> Outcome {
    let all_octets: Vec<u8> = (0..=255).collect();
    let mut request = Request::new(EchoRequest::default());
    let sent = request.metadata_mut();
    sent.insert("x-text", MetadataValue::from_static("plain text, with = and ; and spaces"));
    sent.append("x-many", MetadataValue::from_static("first"));
    sent.append("x-many", MetadataValue::from_static("second"));
    sent.insert("x-long", "0123456789abcdef".repeat(192).parse().unwrap());
    sent.insert_bin("x-octets-bin", MetadataValue::from_bytes(&all_octets));
    sent.insert_bin("x-empty-bin", MetadataValue::from_bytes(b""));
    let sent = sent.clone();
    // tonic's client puts the trailers of a unary call among its headers.
    let response = client.unary(request).await?;
    for prefix in ["h-", "t-"] {
        for key in ["x-text", "x-many", "x-long", "x-octets-bin", "x-empty-bin"] {
            let (got, expected) = (values(response.metadata(), &format!("{prefix}{key}")), values(&sent, key));
            want(got == expected, || format!("{prefix}{key}: got {got:?}, want {expected:?}"))?;
        }
    }
    passed("headers and trailers")
}

fn values(metadata: &MetadataMap, key: &str) -> Vec<Vec<u8>> {
    if key.ends_with("-bin") {
        let found = metadata.get_all_bin(key);
        found.iter().map(|value| value.to_bytes().map(|octets| octets.to_vec()).unwrap_or_default()).collect()
    } else {
        metadata.get_all(key).iter().map(|value| value.as_bytes().to_vec()).collect()
    }
}

async fn error_trailers_only(mut client: Client) -> Outcome {
    let message = HARD_MESSAGE.to_string();
    let mut request = Request::new(EchoRequest { status: 9, message, ..EchoRequest::default() });
    request.metadata_mut().insert_bin("x-why-bin", MetadataValue::from_bytes(b"\x00\xff"));
    let error = client.unary(request).await.err();
    want_status(error.as_ref(), Code::FailedPrecondition, HARD_MESSAGE)?;
    let echoed = error.map(|status| values(status.metadata(), "t-x-why-bin"));
    want(echoed == Some(vec![vec![0, 255]]), || format!("trailer t-x-why-bin: got {echoed:?}"))?;
    passed("FAILED_PRECONDITION")
}

async fn error_after_messages(mut client: Client) -> Outcome {
    let message = HARD_MESSAGE.to_string();
    let request = EchoRequest { replies: 3, reply_size: 10, status: 8, message, ..EchoRequest::default() };
    let mut replies = client.server_stream(request).await?.into_inner();
    for _ in 0..3 {
        want(replies.message().await?.is_some(), || "fewer than 3 replies".to_string())?;
    }
    want_status(replies.message().await.err().as_ref(), Code::ResourceExhausted, HARD_MESSAGE)?;
    passed("RESOURCE_EXHAUSTED after 3 messages")
}

async fn error_codes(mut client: Client) -> Outcome {
    for code in 1..=16 {
        let message = format!("code {code}");
        let request = EchoRequest { status: code, message: message.clone(), ..EchoRequest::default() };
        let error = client.unary(request).await.err();
        want_status(error.as_ref(), Code::from_i32(code), &message)?;
    }
    passed("1 to 16")
}

fn want_status(error: Option<&Status>, code: Code, message: &str) -> Result<(), Failure> {
    let found = error.map(|status| (status.code(), status.message()));
    want(found == Some((code, message)), || format!("got {found:?}, want {code:?} {message:?}"))
}

/// Counts which backends serve 300 calls made on the one channel.
async fn spread(mut client: Client) -> Outcome {
    let mut counts = Counts::new();
    for _ in 0..300 {
        let request = EchoRequest { payload: pattern(100, 0), ..EchoRequest::default() };
        let reply = client.unary(request).await?.into_inner();
        *counts.entry(reply.backend).or_default() += 1;
    }
    Ok((String::new(), counts))
}
