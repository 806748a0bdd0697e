//! The contract of the directory, compiled.

use std::error::Error;

use protox::file::{
    ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};

const NAME: &str = "directory.proto";
const CONTRACT: &str = include_str!("directory.proto");
/// Where the file that declares `google.api.http` is.
const IMPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");

/// The encoded descriptor set of as many directories, each in a package of its own; one by itself is
/// the contract that the service speaks.
pub fn descriptor_set(count: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Numbered);
    resolver.add(IncludeFileResolver::new(IMPORTS.into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true).open_file(NAME)?;
    for number in 1..count {
        compiler.open_file(format!("{number}/{NAME}"))?;
    }
    Ok(compiler.encode_file_descriptor_set())
}

/// The contract itself, and as `<number>/directory.proto` the same in another package and under
/// other paths.
struct Numbered;

impl FileResolver for Numbered {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == NAME {
            return File::from_source(name, CONTRACT);
        }
        let number = name.strip_suffix(NAME).and_then(|name| name.strip_suffix('/'));
        let number = number.filter(|number| number.parse::<usize>().is_ok());
        let Some(number) = number else { return Err(protox::Error::file_not_found(name)) };
        let text = CONTRACT.replace("bench.directory.v1", &format!("bench.directory{number}.v1"));
        File::from_source(name, &text.replace("\"/v1/", &format!("\"/v1/{number}/")))
    }
}
