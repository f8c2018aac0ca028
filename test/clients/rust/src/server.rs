//! The Echo service; see echo.proto for its contract.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::call_log::CallLog;
use crate::echo::echo_server::{Echo, EchoServer};
use crate::echo::{EchoReply, EchoRequest, StatsReply, StatsRequest};
use crate::metadata_echo::MetadataEcho;
use crate::pattern::pattern;

type Replies = Pin<Box<dyn Stream<Item = Result<EchoReply, Status>> + Send>>;

struct Backend {
    name: String,
    calls: CallLog,
}

pub async fn serve(port: &str, name: String) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("ready {}", listener.local_addr()?);
    let backend = Backend { name, calls: CallLog::default() };
    let connections = TcpListenerStream::new(listener).map(|accepted| {
        accepted.inspect(|socket| {
            let _ = socket.set_nodelay(true);
        })
    });
    tonic::transport::Server::builder()
        .layer(MetadataEcho)
        .add_service(EchoServer::new(backend))
        .serve_with_incoming(connections)
        .await?;
    Ok(())
}

#[tonic::async_trait]
impl Echo for Backend {
    async fn unary(&self, request: Request<EchoRequest>) -> Result<Response<EchoReply>, Status> {
        let mut call = self.calls.begin(&request.get_ref().call_id, request.metadata());
        let request = request.into_inner();
        pause(&request).await;
        call.finish();
        failure(&request)?;
        Ok(Response::new(reply(&self.name, &request, 0)))
    }

    type ServerStreamStream = Replies;

    async fn server_stream(&self, request: Request<EchoRequest>) -> Result<Response<Replies>, Status> {
        let mut call = self.calls.begin(&request.get_ref().call_id, request.metadata());
        let request = request.into_inner();
        let name = self.name.clone();
        Ok(Response::new(Box::pin(async_stream::try_stream! {
            for index in 0..request.replies {
                pause(&request).await;
                yield reply(&name, &request, index);
            }
            call.finish();
            failure(&request)?;
        })))
    }

    async fn client_stream(&self, requests: Request<Streaming<EchoRequest>>) -> Result<Response<EchoReply>, Status> {
        let mut requests = requests.into_inner();
        let mut checksum = crc32fast::Hasher::new();
        let mut received = 0;
        while let Some(request) = requests.message().await? {
            received += request.payload.len() as u64;
            checksum.update(&request.payload);
            failure(&request)?;
        }
        let crc32 = checksum.finalize();
        Ok(Response::new(EchoReply { backend: self.name.clone(), received, crc32, ..EchoReply::default() }))
    }

    type BidiStream = Replies;

    async fn bidi(&self, requests: Request<Streaming<EchoRequest>>) -> Result<Response<Replies>, Status> {
        let mut requests = requests.into_inner();
        let name = self.name.clone();
        Ok(Response::new(Box::pin(async_stream::try_stream! {
            let mut last = EchoReply { backend: name.clone(), ..EchoReply::default() };
            while let Some(request) = requests.message().await? {
                last.received += request.payload.len() as u64;
                yield reply(&name, &request, last.index);
                last.index += 1;
                failure(&request)?;
            }
            yield last;
        })))
    }

    async fn stats(&self, request: Request<StatsRequest>) -> Result<Response<StatsReply>, Status> {
        let known = self.calls.stats(&request.get_ref().call_id);
        Ok(Response::new(StatsReply { backend: self.name.clone(), ..known }))
    }
}

async fn pause(request: &EchoRequest) {
    if request.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(request.delay_ms.into())).await;
    }
}

fn failure(request: &EchoRequest) -> Result<(), Status> {
    match request.status {
        0 => Ok(()),
        code => Err(Status::new(Code::from_i32(code), request.message.clone())),
    }
}

fn reply(name: &str, request: &EchoRequest, index: u32) -> EchoReply {
    let payload = match request.reply_size {
        0 => request.payload.clone(),
        size => pattern(size as usize, index as usize),
    };
    EchoReply { payload, backend: name.to_string(), index, ..EchoReply::default() }
}
