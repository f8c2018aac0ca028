//! The checks of the three streaming call kinds.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;

use crate::client::{Client, Failure, Outcome, passed, want};
use crate::echo::{EchoReply, EchoRequest};
use crate::pattern::pattern;

pub async fn server_stream(mut client: Client, replies: u32, size: u32) -> Outcome {
    let request = EchoRequest { replies, reply_size: size, ..EchoRequest::default() };
    let mut stream = client.server_stream(request).await?.into_inner();
    for index in 0..replies {
        want_reply(stream.message().await?, index, &pattern(size as usize, index as usize))?;
    }
    want(stream.message().await?.is_none(), || format!("more than {replies} replies"))?;
    passed(format!("{replies} x {size} octets"))
}

pub async fn client_stream(mut client: Client) -> Outcome {
    const MESSAGES: usize = 15;
    const SIZE: usize = 1_000_000;
    let checksum = Arc::new(Mutex::new(crc32fast::Hasher::new()));
    let sum = checksum.clone();
    let requests = tokio_stream::iter(0..MESSAGES).map(move |index| {
        let payload = pattern(SIZE, index);
        sum.lock().unwrap().update(&payload);
        EchoRequest { payload, ..EchoRequest::default() }
    });
    let reply = client.client_stream(requests).await?.into_inner();
    let crc32 = checksum.lock().unwrap().clone().finalize();
    want(reply.received == (MESSAGES * SIZE) as u64 && reply.crc32 == crc32, || {
        format!("server got {} octets, CRC {:08x}, want CRC {crc32:08x}", reply.received, reply.crc32)
    })?;
    passed(format!("{} octets", reply.received))
}

/// Sends a message only when the reply to the one before has come, so it hangs
/// when anything on the way holds messages back.
pub async fn ping_pong(mut client: Client) -> Outcome {
    let sizes = [0, 100, 5_000, 71_680];
    let (outbox, mut inbox) = mpsc::channel::<EchoRequest>(1);
    let requests = async_stream::stream! {
        while let Some(request) = inbox.recv().await {
            yield request;
        }
    };
    let mut sent = 0;
    let mut replies = None;
    let mut opening = Some(Box::pin(async move { client.bidi(requests).await }));
    for index in 0..100 {
        let payload = pattern(sizes[index % sizes.len()], index);
        sent += payload.len() as u64;
        let request = EchoRequest { payload: payload.clone(), ..EchoRequest::default() };
        outbox.send(request).await.map_err(|_| Failure(format!("ended at message {index}")))?;
        // The response headers may come with the first reply, not before it.
        if let Some(opening) = opening.take() {
            replies = Some(opening.await?.into_inner());
        }
        want_reply(replies.as_mut().unwrap().message().await?, index as u32, &payload)?;
    }
    drop(outbox);
    let mut replies = replies.unwrap();
    let last = replies.message().await?.unwrap_or_default();
    want(last.received == sent, || format!("server got {} octets of {sent}", last.received))?;
    want(replies.message().await?.is_none(), || "a reply more than asked for".to_string())?;
    passed(format!("100 messages, {sent} octets"))
}

fn want_reply(reply: Option<EchoReply>, index: u32, payload: &[u8]) -> Result<(), Failure> {
    let reply = reply.ok_or_else(|| Failure(format!("the stream ended before reply {index}")))?;
    want(reply.index == index && reply.payload == payload, || {
        format!("reply {index} came changed: index {}, {} octets", reply.index, reply.payload.len())
    })
}
