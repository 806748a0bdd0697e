//! Compiles the proto, and fails when an HTTP rule in it cannot be served.

use std::{env, error::Error, fs, path::PathBuf};

#[expect(clippy::disallowed_methods, reason = "cargo says in the environment where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto", "../../../proto"])?;
    compiler.include_imports(true).include_source_info(true).open_file("greeter.proto")?;
    if let Err(problems) = gateway::check(&compiler.descriptor_pool()) {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        return Err(lines.join("\n").into());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
