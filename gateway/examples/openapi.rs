//! Prints the OpenAPI document of a folder of protos: `cargo run --example openapi -- <folder>`.

use std::{env, error::Error, ffi::OsStr, fs, io, path::Path, path::PathBuf};

use gateway::openapi::Document;
use protox::Compiler;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("name a folder of protos")?);
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut compiler = Compiler::new([&folder])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let document = Document::builder(&compiler.descriptor_pool())
        .title("Example")
        .version("1.0.0")
        .description("What the gateway serves for these protos.")
        .license("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
        .server("https://api.example.org")
        .annotate(|_, operation| operation["security"] = json!([{"bearerAuth": []}]))
        .build();
    serde_json::to_writer_pretty(io::stdout().lock(), &document)?;
    Ok(())
}

/// Collects the proto files at any depth of the folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension() == Some(OsStr::new("proto")) {
            files.push(path);
        }
    }
    Ok(())
}
