//! How long the gateway's work takes beside that of others in the same process:
//! `cargo bench -p gateway --bench speed`, with a folder of protos behind `--` to start up with it.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

mod directory;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/race.rs"]
mod race;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/transcoding.rs"]
mod transcoding;

use std::error::Error;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gateway::Gateway;
use prost::Message;
use prost_reflect::DescriptorPool;

use directory::{
    CREATE, Directory, GET, GetUserRequest, LIST, ListUsersRequest, User, UserList, native, send,
};
use race::Race;
use rest::rest;
use transcoding::{Case, transcode};

fn main() -> Result<(), Box<dyn Error>> {
    let set = directory::descriptor_set(1)?;
    let pool = DescriptorPool::decode(set.as_slice())?;
    let list = fixture::list(50);
    let one = Case {
        descriptor_set: &set,
        message: "bench.directory.v1.User",
        get: "/v1/users/1",
        post: "/v1/users",
        json: fixture::USER,
    };
    let many = Case {
        message: "bench.directory.v1.UserList",
        get: "/v1/users",
        post: "/v1/users:batchCreate",
        json: &list,
        ..one
    };
    transcode::<User>(&one, &[])?;
    transcode::<UserList>(&many, &[])?;
    call(&pool, &set)?;
    start_up()
}

/// A call to a tonic service in the same process, natively and by REST.
fn call(pool: &DescriptorPool, set: &[u8]) -> Result<(), Box<dyn Error>> {
    let directory = Directory::new(pool)?;
    let user = directory.user().clone();
    let mut gateway = Gateway::builder(set).build(directory.clone())?;
    let mut service = directory.clone();

    let id = GetUserRequest { id: user.id.clone() };
    let asked = rest::frame(&id.encode_to_vec());
    let path = format!("/v1/users/{}", user.id);
    Race::new("GET of one in one process")
        .way("native: a tonic client", || native::<_, User>(&directory, GET, id.clone()))
        .way("native: ready frames", || send(&mut service, GET, &asked))
        .way("REST", || rest(&mut gateway, &path, &Bytes::new()))
        .run();

    let page = ListUsersRequest { page_size: 50, ..ListUsersRequest::default() };
    let asked = rest::frame(&page.encode_to_vec());
    Race::new("GET of a list of 50 in one process")
        .way("native: a tonic client", || native::<_, UserList>(&directory, LIST, page.clone()))
        .way("native: ready frames", || send(&mut service, LIST, &asked))
        .way("REST", || rest(&mut gateway, "/v1/users?pageSize=50", &Bytes::new()))
        .run();

    let asked = rest::frame(&user.encode_to_vec());
    let body = Bytes::from_static(fixture::USER.as_bytes());
    Race::new("POST of one in one process")
        .way("native: a tonic client", || native::<_, User>(&directory, CREATE, user.clone()))
        .way("native: ready frames", || send(&mut service, CREATE, &asked))
        .way("REST", || rest(&mut gateway, "/v1/users", &body))
        .run();
    Ok(())
}

/// From a descriptor set to a gateway that serves it.
fn start_up() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().skip(1).map(PathBuf::from).find(|folder| folder.is_dir());
    let set = match &folder {
        Some(folder) => folder_set(folder)?,
        // As many messages and methods as a backend of some size has.
        None => directory::descriptor_set(12)?,
    };
    let pool = DescriptorPool::decode(set.as_slice())?;
    let methods: usize = pool.services().map(|service| service.methods().len()).sum();
    let (bytes, messages) = (set.len(), pool.all_messages().len());
    let title = format!("start-up: {bytes} bytes, {messages} messages, {methods} methods");
    Race::new(&title)
        .way("gateway", || Gateway::builder(&set).build(()).unwrap())
        .way("of that prost-reflect: the descriptor pool", || {
            DescriptorPool::decode(set.as_slice()).unwrap()
        })
        .run();
    Ok(())
}

fn folder_set(folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files)?;
    let mut compiler = protox::Compiler::new([folder])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    Ok(compiler.encode_file_descriptor_set())
}

/// The proto files at any depth of the folder, relative to its root.
fn collect(folder: &Path, root: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, root, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}
