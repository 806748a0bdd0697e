//! The gateway beside pbjson, prost-reflect and rest_over_grpc in one process, for run.sh.

#[path = "../../support/race.rs"]
mod race;
#[path = "../../support/rest.rs"]
mod rest;
#[path = "../../support/transcoding.rs"]
mod transcoding;

use std::error::Error;

use bytes::Bytes;
use comparison::bench::directory::v1::__rest_over_grpc_bridge_Directory::DirectoryRestBridge;
use comparison::bench::directory::v1::directory_server::DirectoryServer;
use comparison::bench::directory::v1::{User, UserList};
use comparison::routes::Transcoder;
use comparison::{DESCRIPTOR_SET, People, fixture};
use gateway::Gateway;
use prost::Message;
use rest_over_grpc::serving::RestService;
use serde::Serialize;
use serde::de::DeserializeOwned;

use race::Race;
use rest::rest;
use transcoding::{Case, Other, transcode};

fn main() -> Result<(), Box<dyn Error>> {
    let list = fixture::list(50);
    let one = Case {
        descriptor_set: DESCRIPTOR_SET,
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
    transcode::<User>(&one, &[pbjson::<User>()])?;
    transcode::<UserList>(&many, &[pbjson::<UserList>()])?;

    let people = People::new()?;
    let bridge = DirectoryRestBridge::externally_authenticated(people.clone());
    let gateway = Gateway::builder(DESCRIPTOR_SET).build(DirectoryServer::new(people))?;
    let other = RestService::new(Transcoder::new(bridge));
    let user = Bytes::from_static(fixture::USER.as_bytes());
    for (title, path, body) in [
        ("GET of one in one process", "/v1/users/1", Bytes::new()),
        ("GET of a list of 50 in one process", "/v1/users", Bytes::new()),
        ("POST of one in one process", "/v1/users", user),
    ] {
        let (mut gateway, mut other) = (gateway.clone(), other.clone());
        Race::new(title)
            .way("gateway", || rest(&mut gateway, path, &body))
            .way("rest_over_grpc", || rest(&mut other, path, &body))
            .run();
    }
    Ok(())
}

fn pbjson<M: Message + Default + Serialize + DeserializeOwned>() -> Other<'static> {
    Other {
        name: "pbjson",
        to_wire: Box::new(|json| serde_json::from_slice::<M>(json).unwrap().encode_to_vec()),
        to_json: Box::new(|wire| serde_json::to_vec(&M::decode(wire).unwrap()).unwrap()),
    }
}
