//! Generates the protobuf and tonic code with the protoc that a crate brings.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protoc = protoc_bin_vendored::protoc_bin_path()?;
    let mut config = tonic_prost_build::Config::new();
    config.protoc_executable(protoc);
    println!("cargo:rerun-if-changed=../proto/echo.proto");
    tonic_prost_build::configure().compile_with_config(config, &["../proto/echo.proto"], &["../proto"])?;
    Ok(())
}
