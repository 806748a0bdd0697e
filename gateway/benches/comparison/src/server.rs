//! Serves the directory for run.sh: `server grpc PORT` as gRPC, and `server rest PORT GRPC_PORT` as REST in four ways,
//! on as many ports from the given one on and with the same HTTP server before each: a bare axum handler, the gateway
//! in one process with the service, the gateway before a channel to the gRPC server, and rest_over_grpc.

use std::error::Error;

use bytes::Bytes;
use comparison::bench::directory::v1::__rest_over_grpc_bridge_Directory::DirectoryRestBridge;
use comparison::bench::directory::v1::directory_server::DirectoryServer;
use comparison::routes::Transcoder;
use comparison::{DESCRIPTOR_SET, People, bare};
use gateway::Gateway;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rest_over_grpc::serving::RestService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Server};
use tower::{Service, ServiceExt};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next().unwrap_or_default();
    let ports = arguments.map(|port| port.parse()).collect::<Result<Vec<u16>, _>>()?;
    match (role.as_str(), ports.as_slice()) {
        ("grpc", [port]) => {
            let address = ([127, 0, 0, 1], *port).into();
            let people = DirectoryServer::new(People::new()?);
            Ok(Server::builder().add_service(people).serve(address).await?)
        }
        ("rest", [port, grpc]) => rest(*port, *grpc).await,
        _ => Err("usage: server grpc PORT | server rest PORT GRPC_PORT".into()),
    }
}

async fn rest(port: u16, grpc: u16) -> Result<(), Box<dyn Error>> {
    let people = People::new()?;
    let native = DirectoryServer::new(people.clone());
    let channel = Channel::from_shared(format!("http://127.0.0.1:{grpc}"))?.connect().await?;
    let channel =
        channel.map_request(|request: Request<gateway::Body>| request.map(tonic::body::Body::new));
    let bridge = DirectoryRestBridge::externally_authenticated(people);

    let mut servers = JoinSet::new();
    servers.spawn(serve(port, bare::router()?));
    servers.spawn(serve(port + 1, Gateway::builder(DESCRIPTOR_SET).build(native)?));
    servers.spawn(serve(port + 2, Gateway::builder(DESCRIPTOR_SET).build(channel)?));
    servers.spawn(serve(port + 3, RestService::new(Transcoder::new(bridge))));
    match servers.join_next().await {
        Some(ended) => Ok(ended?.map_err(|error| error as Box<dyn Error>)?),
        None => Ok(()),
    }
}

/// HTTP/1.1 with connections that are kept, before any service.
async fn serve<S, B>(port: u16, service: S) -> Result<(), BoxError>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        let connection = hyper::server::conn::http1::Builder::new();
        connections.spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}
