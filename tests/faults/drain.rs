//! F-16: replicas are stopped in order, one after the other, while clients go on.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Request;
use prost::Message;
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::HealthCheckRequest;

use super::{
    experiment::{Experiment, eventually, rounds},
    probe,
    targets::Targets,
    workload::Workload,
};
use crate::support::{
    client::{Answer, Client},
    grpc::frame,
    postgres,
    process::free_port,
    server::{Environment, Server},
};

/// How long a stop may take: the delay, and what calls have to finish.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How many streams are open on a replica that is stopped.
const STREAMS: u64 = 200;

/// The gRPC code that tells the client of a stream to come back elsewhere.
const UNAVAILABLE: &str = "14";

#[tokio::test(flavor = "multi_thread")]
async fn f_16_a_server_that_is_asked_to_stop_fails_no_call() {
    let mut experiment = Experiment::begin("F-16").await;
    let database = postgres::server().create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &database).set("DRAIN_DELAY", "1s");
    let migrated = environment.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    let at_port = || environment.clone().set("LISTEN_ADDR", &format!("127.0.0.1:{}", free_port()));
    let mut replicas = [at_port().start(), at_port().start()];
    let addresses = replicas.each_ref().map(|replica| replica.address);
    let targets = Targets::new(&addresses);
    let balancer = Balancer::start(&targets, addresses);
    let workload = Workload::start(experiment.plan(), &targets).await;

    let mut slowest = Duration::ZERO;
    let rounds = rounds(2);
    for place in (0..rounds).map(|round| usize::try_from(round % 2).unwrap()) {
        workload.progress(100).await;
        let streams = open_streams(addresses[place]).await;
        slowest = slowest.max(stop(&replicas[place]));
        for answer in streams.join_all().await {
            let status = answer.trailers.get("grpc-status").expect("a status");
            assert_eq!(status, UNAVAILABLE, "{answer:?}");
        }
        replicas[place] = replicas[place].environment.clone().start();
        until_ready(addresses[place]).await;
    }
    workload.progress(100).await;
    balancer.stop().await;
    assert!(slowest < STOP_MAX, "{slowest:?}");
    workload.ledger.assert_unharmed();
    experiment.measure("stops", rounds);
    experiment.measure_time("slowest stop", slowest);
    experiment.measure("streams told to reconnect", STREAMS * rounds);
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

/// Stops a replica in order, and returns how long that took.
fn stop(replica: &Server) -> Duration {
    let began = Instant::now();
    let status = replica.stop();
    assert_eq!(status.code(), Some(0), "{}", replica.output());
    began.elapsed()
}

/// Streams that end when their server does.
async fn open_streams(address: SocketAddr) -> JoinSet<Answer> {
    let client = Client::new(address);
    let request = frame(&HealthCheckRequest::default().encode_to_vec());
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let (client, request) = (client.clone(), request.clone());
        streams.spawn(async move {
            let request = Request::post("/grpc.health.v1.Health/Watch")
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(request);
            client.http2(request.expect("a request")).await
        });
    }
    let in_flight = async || probe::metric(address, "veza_requests_in_flight").await;
    let all_open = async {
        while in_flight().await.is_none_or(|open| open < STREAMS) {
            assert!(streams.try_join_next().is_none(), "a stream ended early");
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    eventually("every stream is open", all_open).await;
    streams
}

async fn until_ready(address: SocketAddr) {
    let ready = async {
        while !probe::is_ready(address).await {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    eventually("a server is ready", ready).await;
}

/// Sends calls only to replicas that say that they are ready, as a load balancer does.
struct Balancer {
    stop: CancellationToken,
    watching: JoinSet<()>,
}

impl Balancer {
    fn start(targets: &Arc<Targets>, addresses: [SocketAddr; 2]) -> Self {
        let (stop, mut watching) = (CancellationToken::new(), JoinSet::new());
        for (place, address) in addresses.into_iter().enumerate() {
            let (stop, targets) = (stop.clone(), Arc::clone(targets));
            watching.spawn(async move {
                let every = Duration::from_millis(20);
                while stop.run_until_cancelled(time::sleep(every)).await.is_some() {
                    targets.set_open(place, probe::is_ready(address).await);
                }
            });
        }
        Self { stop, watching }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.watching.join_all().await;
    }
}
