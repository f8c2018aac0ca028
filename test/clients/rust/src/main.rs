//! The Rust tonic client and server of the interoperability tests.

mod call_log;
mod checks;
mod client;
mod end_checks;
mod load;
mod metadata_echo;
mod pattern;
mod server;
mod stream_checks;

/// The code generated from echo.proto.
pub mod echo {
    tonic::include_proto!("isobar.test");
}

const USAGE: &str = "usage: echo serve --port N --name ID | echo call --target ADDR --authority NAME [--only CHECKS] | echo load --target ADDR --authority NAME --name ID [--delay-ms N] [--bidi-ms N]";

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, otherwise: &str| {
        let found = arguments.iter().skip_while(|argument| *argument != name).nth(1);
        found.map_or(otherwise.to_string(), String::clone)
    };
    let outcome = match arguments.first().map(String::as_str) {
        Some("serve") => server::serve(&option("--port", "0"), option("--name", "rust")).await.map(|()| true),
        Some("call") => client::call(&option("--target", ""), &option("--authority", ""), &option("--only", "")).await,
        Some("load") => {
            let number = |name: &str, otherwise: &str| option(name, otherwise).parse::<u32>().unwrap_or_default();
            let (delay_ms, bidi_ms) = (number("--delay-ms", "20"), number("--bidi-ms", "0"));
            let (target, authority, name) =
                (option("--target", ""), option("--authority", ""), option("--name", "rust"));
            load::load(&target, &authority, &name, delay_ms, bidi_ms.into()).await.map(|()| true)
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(64);
        }
    };
    match outcome {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(error) => {
            eprintln!("echo: {error}");
            std::process::exit(1);
        }
    }
}
