//! Proto sources compiled for a test: files of the tests and of the project, and text that the
//! test writes itself.

use protox::file::{
    ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};

const GATEWAY: &str = env!("CARGO_MANIFEST_DIR");

/// Compiles a file, whose text may be given, with all it imports.
pub fn descriptors(name: &str, text: Option<&str>) -> Vec<u8> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Given { name: name.to_owned(), text: text.map(str::to_owned) });
    resolver.add(IncludeFileResolver::new(format!("{GATEWAY}/tests/proto").into()));
    resolver.add(IncludeFileResolver::new(format!("{GATEWAY}/../proto").into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file(name).unwrap();
    compiler.encode_file_descriptor_set()
}

struct Given {
    name: String,
    text: Option<String>,
}

impl FileResolver for Given {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match &self.text {
            Some(text) if name == self.name => File::from_source(name, text),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}
