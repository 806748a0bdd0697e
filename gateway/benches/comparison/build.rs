//! Makes messages, their JSON by pbjson, and the routes of rest_over_grpc of the contract.

use std::error::Error;
use std::path::PathBuf;

#[expect(clippy::disallowed_methods, reason = "cargo says in the environment where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../directory/directory.proto");
    let mut compiler = protox::Compiler::new(["../directory", "../../../proto"])?;
    compiler.include_imports(true).open_file("directory.proto")?;
    let set = compiler.encode_file_descriptor_set();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    std::fs::write(out.join("descriptors.bin"), &set)?;

    let (well_known, types) = (".google.protobuf", "::pbjson_types");
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(well_known, types)
        .compile_fds(compiler.file_descriptor_set())?;
    pbjson_build::Builder::new()
        .register_descriptors(&set)?
        .extern_path(well_known, types)
        .build(&[".bench"])?;
    let options = rest_over_grpc::build::DescriptorOptions::new()
        .package(".bench")
        .extern_path(well_known, types);
    rest_over_grpc::build::Generator::new()
        .add_all(rest_over_grpc::build::ServiceDefinition::from_fds(&set, &options)?)
        .write(&out)?;
    Ok(())
}
