//! Sends the request's "x-" metadata back as "h-x-" headers and "t-x-" trailers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tonic::body::Body;
use tower::{Layer, Service};

#[derive(Clone)]
pub struct MetadataEcho;

impl<S> Layer<S> for MetadataEcho {
    type Service = Echoing<S>;

    fn layer(&self, inner: S) -> Echoing<S> {
        Echoing(inner)
    }
}

#[derive(Clone)]
pub struct Echoing<S>(S);

impl<S> Service<Request<Body>> for Echoing<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echoed: Vec<(String, HeaderValue)> = request
            .headers()
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-"))
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        let response = self.0.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            // A response that has its status among the headers has no trailers.
            if response.headers().contains_key("grpc-status") {
                append(response.headers_mut(), "t-", &echoed);
                return Ok(response);
            }
            append(response.headers_mut(), "h-", &echoed);
            Ok(response.map(|body| Body::new(WithTrailers { body, echoed })))
        })
    }
}

fn append(fields: &mut HeaderMap, prefix: &str, echoed: &[(String, HeaderValue)]) {
    for (name, value) in echoed {
        let name = HeaderName::try_from(format!("{prefix}{name}")).unwrap();
        fields.append(name, value.clone());
    }
}

struct WithTrailers {
    body: Body,
    echoed: Vec<(String, HeaderValue)>,
}

impl HttpBody for WithTrailers {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        polled.map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                append(trailers, "t-", &self.echoed);
            }
            frame
        })
    }
}
