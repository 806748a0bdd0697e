//! The composition root: adapters, the use cases on them, the services on those, and the listeners in front.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    adapter::{
        crypto::{DerivedKeys, Ed25519},
        memory::{
            bus::Broadcast,
            cache::{Bounded, Nothing},
            limiter::Gcra,
        },
        passwords::Argon2Pool,
        sql,
        system::UuidV7,
    },
    config::{Config, Secrets, Synchronous},
    contract, domain,
    edge::{
        cors,
        listener::Listener,
        openapi,
        routes::{self, Shown},
        service::{Edge, Transports},
        transports::Parts,
    },
    policy::{
        method::{Load, Methods, Open},
        stack::{Guarded, Policy},
    },
    port::clock::Clock,
    rpc::{
        self,
        proto::{
            auth::v1::auth_service_server::AuthServiceServer,
            chat::v1::chat_service_server::ChatServiceServer,
            stream::v1::stream_service_server::StreamServiceServer,
            user::v1::user_service_server::UserServiceServer,
        },
    },
    service::{
        World,
        access::{AccessService, Sessions},
        auth::AuthService,
        keyring::Keyring,
        room::RoomService,
        session::{SessionService, TokenNames},
        stream::StreamService,
        user::{UserCache, UserService},
    },
    telemetry::metrics::Metrics,
    worker::{
        relay::{Bell, Relay},
        schedule,
    },
};

/// Methods of other services that anyone may call.
const OPEN_METHODS: [Open; 5] = [
    Open { name: "grpc.health.v1.Health/Check", load: Load::Probe },
    Open { name: "grpc.health.v1.Health/List", load: Load::Call },
    Open { name: "grpc.health.v1.Health/Watch", load: Load::Stream },
    Open { name: "grpc.reflection.v1.ServerReflection/ServerReflectionInfo", load: Load::Stream },
    Open {
        name: "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        load: Load::Stream,
    },
];

/// How many entries each cache has at most.
const CACHE_ENTRIES_MAX: u64 = 100_000;

/// How long an entry lives in a cache of a process that has its database to itself.
const CACHE_LIFETIME: Duration = Duration::from_mins(10);

/// How long this process may believe what another one has changed: the end of a session, a role.
const SHARED_CACHE_LIFETIME: Duration = Duration::from_secs(2);

/// How long calls have to finish when the server stops.
const DRAIN_GRACE: Duration = Duration::from_secs(15);

/// How long what is left has after that: commits, and the events that wait.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// A server that is ready to run.
pub struct App {
    listener: Listener,
    edge: Arc<Edge>,
    operators: Option<(Listener, Arc<Edge>)>,
    shown: Arc<Shown>,
    health: HealthReporter,
    core: Core,
    config: Arc<Config>,
    /// Ends the listener and the streams.
    closing: CancellationToken,
}

/// The use cases, and what they stand on.
pub struct Core {
    /// What every use case needs.
    pub world: World,
    /// The keys of access tokens.
    pub keyring: Arc<Keyring>,
    /// Signing up and in.
    pub auth: Arc<AuthService>,
    sessions: Arc<SessionService>,
    access: Arc<AccessService>,
    users: Arc<UserService>,
    rooms: Arc<RoomService>,
    streams: Arc<StreamService>,
    bell: Arc<Bell>,
    metrics: Arc<Metrics>,
    methods: Methods,
}

/// How to reach the database.
#[must_use]
pub fn database(config: &Config, secrets: &Secrets) -> sql::Options {
    sql::Options {
        url: secrets.database_url.clone(),
        connections_max: config.database_connections_max,
        acquire_timeout: config.database_acquire_timeout,
        synchronous_normal: config.sqlite_synchronous == Synchronous::Normal,
    }
}

impl Core {
    /// Connects the use cases to the world.
    ///
    /// # Errors
    /// When the database does not answer, or the contract cannot be honoured.
    pub async fn connect(
        config: &Config,
        secrets: &Secrets,
        clock: Arc<dyn Clock>,
    ) -> domain::Result<Self> {
        let methods =
            Methods::read(&contract::POOL, &OPEN_METHODS).map_err(domain::Error::internal)?;
        let metrics = Arc::new(Metrics::new(methods.names()));
        let bell = Arc::new(Bell::default());
        let world = World {
            store: sql::open(&database(config, secrets), rpc::event::encode).await?,
            clock,
            ids: Arc::new(UuidV7),
            vault: Arc::new(DerivedKeys::new(&secrets.jwt_secret)?),
            relay: Arc::clone(&bell) as _,
            commits: TaskTracker::new(),
        };
        let alone = Config::is_embedded(&secrets.database_url);
        let (users, lifetime): (UserCache, _) = if alone {
            (Arc::new(Bounded::new(CACHE_ENTRIES_MAX, CACHE_LIFETIME)), CACHE_LIFETIME)
        } else {
            (Arc::new(Nothing), SHARED_CACHE_LIFETIME)
        };
        let live = Arc::new(Sessions::new(Arc::new(Bounded::new(CACHE_ENTRIES_MAX, lifetime))));
        let names = TokenNames {
            issuer: config.token_issuer.clone(),
            audience: config.token_audience.clone(),
        };
        let signatures = Arc::new(Ed25519);
        let keyring =
            Arc::new(Keyring::new(world.clone(), signatures, config.signing_key_lifetime));
        let sessions = Arc::new(SessionService {
            world: world.clone(),
            keyring: Arc::clone(&keyring),
            live: Arc::clone(&live),
            names: names.clone(),
            grace: config.refresh_grace,
        });
        // Half of the cores hash, so that signing in never starves the other calls.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let passwords = Argon2Pool::start(cores / 2, metrics.password_queue.clone())?;
        Ok(Self {
            auth: Arc::new(AuthService {
                world: world.clone(),
                sessions: Arc::clone(&sessions),
                passwords: Arc::new(passwords),
                users: Arc::clone(&users),
            }),
            access: Arc::new(AccessService {
                world: world.clone(),
                keyring: Arc::clone(&keyring),
                names,
                sessions: live,
                verified: Arc::new(Bounded::new(CACHE_ENTRIES_MAX, CACHE_LIFETIME)),
            }),
            users: Arc::new(UserService {
                world: world.clone(),
                sessions: Arc::clone(&sessions),
                users,
            }),
            rooms: Arc::new(RoomService { world: world.clone() }),
            streams: Arc::new(StreamService { world: world.clone() }),
            sessions,
            keyring,
            world,
            bell,
            metrics,
            methods,
        })
    }

    /// What goes on without a call, until `ended`.
    fn workers(&self, ended: &CancellationToken) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        let (store, clock) = (&self.world.store, &self.world.clock);
        let relay = Relay {
            store: Arc::clone(store),
            bus: Arc::new(Broadcast::default()),
            clock: Arc::clone(clock),
            bell: Arc::clone(&self.bell),
            metrics: Arc::clone(&self.metrics),
        };
        workers.spawn(relay.run(ended.clone()));
        workers.spawn(schedule::look_after_keys(Arc::clone(&self.keyring), ended.clone()));
        workers.spawn(schedule::sweep(Arc::clone(store), Arc::clone(clock), ended.clone()));
        workers
    }

    /// The proto services, by their gRPC paths.
    fn routes(&self, config: &Config) -> Result<(Routes, HealthReporter), String> {
        let auth = rpc::auth::Auth {
            service: Arc::clone(&self.auth),
            sessions: Arc::clone(&self.sessions),
            password_length_min: config.password_length_min.into(),
        };
        let (health, health_service) = tonic_health::server::health_reporter();
        let mut routes = Routes::new(AuthServiceServer::new(auth))
            .add_service(UserServiceServer::new(rpc::user::Users {
                service: Arc::clone(&self.users),
            }))
            .add_service(ChatServiceServer::new(rpc::chat::Rooms {
                service: Arc::clone(&self.rooms),
            }))
            .add_service(StreamServiceServer::new(rpc::stream::Streams {
                service: Arc::clone(&self.streams),
            }))
            .add_service(health_service);
        if config.reflection {
            let reflection = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(contract::DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                    // So that clients can show the details of errors.
                    .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            };
            let failed = |error: tonic_reflection::server::Error| error.to_string();
            routes = routes
                .add_service(reflection().build_v1().map_err(failed)?)
                .add_service(reflection().build_v1alpha().map_err(failed)?);
        }
        Ok((routes.prepare(), health))
    }
}

impl App {
    /// Puts the services in front of the use cases and binds the ports.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub async fn build(config: Arc<Config>, core: Core) -> Result<Self, String> {
        // Both are compiled now: a mistake in them must not wait for the first call.
        std::sync::LazyLock::force(&rpc::codec::RULES);
        let (routes, health) = core.routes(&config)?;
        let document = openapi::document(&core.methods).to_string();
        let shown = Arc::new(Shown {
            store: Arc::clone(&core.world.store),
            keyring: Arc::clone(&core.keyring),
            metrics: Arc::clone(&core.metrics),
            openapi: document.into(),
            started: Instant::now(),
            draining: AtomicBool::new(false),
            pinged: Mutex::new(None),
        });
        let closing = CancellationToken::new();
        let policy = policy(&config, &core, closing.clone())?;
        let documents = routes::documents(&shown);
        let tls = config.tls().map_err(|error| error.to_string())?;
        let listener = Listener::bind(config.listen_addr, tls)?;
        let (pages, operators) = match config.ops_listen.0 {
            None => (documents.merge(routes::operators(&shown)), None),
            Some(address) => {
                let pages = Transports::pages(routes::operators(&shown));
                let operators =
                    (Listener::bind(address, None)?, edge(&config, &core, pages, false));
                (documents.merge(routes::brief_health(&shown)), Some(operators))
            }
        };
        let transports = Transports::new(Parts {
            rpc: Guarded::new(policy, routes),
            gateway: gateway::Gateway::builder(contract::DESCRIPTORS)
                .error_domain(rpc::status::DOMAIN)
                .etag_fields(["meta.etag"]),
            refuse: rpc::status::from_gateway,
            pages,
            cors: cors::layer(&config.cors_origins.0)?,
        })
        .map_err(|error| error.to_string())?;
        let edge = edge(&config, &core, transports, listener.is_tls());
        for service in contract::POOL.services() {
            health.set_service_status(service.full_name(), ServingStatus::Serving).await;
        }
        Ok(Self { listener, edge, operators, shown, health, core, config, closing })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until `stop`; then says that it is not ready, waits for load balancers to notice, finishes the calls in
    /// progress, and hands over the events that wait.
    ///
    /// # Errors
    /// A sentence when a part of the server ended by itself, which only a defect can cause.
    pub async fn run(self, stop: CancellationToken) -> Result<(), String> {
        let ended = CancellationToken::new();
        let world = self.core.world.clone();
        let mut parts = self.core.workers(&ended);
        if let Some((listener, edge)) = self.operators {
            // Operators see the drain to its end.
            parts.spawn(listener.serve(edge, ended.clone(), Duration::ZERO));
        }
        let (listener, closing) = (self.listener, self.closing);
        let mut serving = JoinSet::new();
        serving.spawn(listener.serve(self.edge, closing.clone(), DRAIN_GRACE));

        let result = tokio::select! {
            () = stop.cancelled() => Ok(()),
            _ = parts.join_next() => Err("a worker ended by itself".to_owned()),
            _ = serving.join_next() => Err("the listener ended by itself".to_owned()),
        };
        self.shown.draining.store(true, Ordering::Relaxed);
        for service in contract::POOL.services() {
            self.health.set_service_status(service.full_name(), ServingStatus::NotServing).await;
        }
        self.health.set_service_status("", ServingStatus::NotServing).await;
        time::sleep(self.config.drain_delay).await;
        closing.cancel();
        serving.join_all().await;
        world.commits.close();
        ended.cancel();
        let rest = async {
            world.commits.wait().await;
            while parts.join_next().await.is_some() {}
            world.store.close().await;
        };
        if time::timeout(LAST_GRACE, rest).await.is_err() {
            tracing::warn!(event = "stop_timeout", "the database did not answer in time to stop");
        }
        result
    }
}

fn policy(config: &Config, core: &Core, stop: CancellationToken) -> Result<Arc<Policy>, String> {
    let places = |n: u32| Arc::new(Semaphore::new(n as usize));
    let methods = Methods::read(&contract::POOL, &OPEN_METHODS)?;
    let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    let limiter = Gcra::new(
        Arc::clone(&core.world.clock),
        at_least_one(config.rate_limit_per_minute),
        at_least_one(config.sign_in_rate_limit_per_minute),
    );
    Ok(Arc::new(Policy {
        methods,
        authenticator: Arc::clone(&core.access) as _,
        limiter: Arc::new(limiter),
        calls: places(config.calls_in_flight_max),
        streams: places(config.streams_max),
        stop,
        call_timeout: config.call_timeout,
        metrics: Arc::clone(&core.metrics),
        refuse: tonic::Status::from,
        restate: rpc::status::restate,
    }))
}

fn edge(config: &Arc<Config>, core: &Core, transports: Transports, over_tls: bool) -> Arc<Edge> {
    let (config, metrics) = (Arc::clone(config), Arc::clone(&core.metrics));
    Arc::new(Edge { transports, config, metrics, over_tls })
}
