//! The composition root: adapters, the use cases on them, the services on those, and the listeners in front.

mod adapters;
mod core;
mod shared;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, Semaphore},
    task::{self, JoinSet},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    config::{Config, EmailVerification, Secrets},
    contract, domain,
    edge::{
        cors,
        listener::Listener,
        metadata, misdirected, openapi, origin,
        routes::{self, Shown},
        service::{Edge, Transports},
        transports::Parts,
    },
    policy::stack::{Guarded, Policy},
    port::{bus::Bus, mailer::Mailer},
    rpc::{
        self, oauth,
        proto::{
            access::v1::access_service_server::AccessServiceServer,
            auth::v1::auth_service_server::AuthServiceServer,
            chat::v1::chat_service_server::ChatServiceServer,
            meta::v1::{ServerInfo, meta_service_server::MetaServiceServer},
            stream::v1::stream_service_server::StreamServiceServer,
            user::v1::user_service_server::UserServiceServer,
        },
    },
    service::token::TokenService,
    telemetry::spans::Spans,
};

use self::shared::Shared;
pub use self::{
    adapters::{check_verification, nats, providers, smtp, writer},
    core::{Core, database},
    shared::redis,
};

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
    bus: Arc<dyn Bus>,
    mailer: Arc<dyn Mailer>,
    shared: Shared,
    config: Arc<Config>,
    /// Ends the listener and the streams.
    closing: CancellationToken,
}

impl App {
    /// Puts the services in front of the use cases and binds the ports.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub async fn build(config: Arc<Config>, secrets: &Secrets, core: Core) -> Result<Self, String> {
        // Both are compiled now: a mistake in them must not wait for the first call.
        std::sync::LazyLock::force(&rpc::codec::RULES);
        let (routes, health) = routes(&core, &config)?;
        let document = openapi::document(&core.methods, &config).to_string();
        let shown = Arc::new(Shown {
            store: Arc::clone(&core.world.store),
            metrics: Arc::clone(&core.metrics),
            openapi: document.into(),
            started: Instant::now(),
            draining: AtomicBool::new(false),
            pinged: Mutex::new(None),
        });
        let closing = CancellationToken::new();
        let bus = adapters::bus(&config, secrets).await?;
        let mailer = adapters::mailer(&config, secrets)?;
        let shared = Shared::connect(&config, secrets, &core).await?;
        let policy = policy(&config, &core, &shared, closing.clone());
        let documents = routes::documents(&shown)
            .merge(misdirected::routes(&core.methods.names(), rpc::status::DOMAIN));
        let tls = config.tls().map_err(|error| error.to_string())?;
        let listener = Listener::bind("LISTEN_ADDR", config.listen_addr, tls)?;
        let (pages, operators) = match config.ops_listen.0 {
            None => (documents.merge(routes::operators(&shown)), None),
            Some(address) => {
                let pages = Transports::pages(routes::operators(&shown));
                let operators = (
                    Listener::bind("OPS_LISTEN", address, None)?,
                    edge(&config, &core, None, pages, false),
                );
                (documents.merge(routes::brief_health(&shown)), Some(operators))
            }
        };
        let transports = Transports::new(Parts {
            rpc: Guarded::new(policy, routes),
            gateway: gateway::Gateway::builder(contract::DESCRIPTORS)
                .error_domain(rpc::status::DOMAIN)
                .etag_fields(["user.meta.etag", "room.meta.etag", "stream.meta.etag"])
                .lenient_methods([oauth::CALLBACK]),
            refuse: rpc::status::from_gateway,
            pages,
            open: metadata::routes(Arc::clone(&core.keyring), &config.token_issuer),
            cors: cors::layer(&config.cors_origins.0)?,
            guard: guard(&config)?,
            methods: Arc::clone(&core.methods),
        })
        .map_err(|error| error.to_string())?;
        let spans = spans(&config)?;
        let edge = edge(&config, &core, spans, transports, listener.is_tls());
        for service in contract::POOL.services() {
            health.set_service_status(service.full_name(), ServingStatus::Serving).await;
        }
        Ok(Self {
            listener,
            edge,
            operators,
            shown,
            health,
            core,
            bus,
            mailer,
            shared,
            config,
            closing,
        })
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
        let metrics = Arc::clone(&self.core.metrics);
        let mut parts = self.core.workers(self.bus, self.mailer, &ended);
        self.shared.watch(&mut parts, metrics, &ended);
        if let Some((listener, edge)) = self.operators {
            // Operators see the drain to its end.
            parts.spawn(listener.serve(edge, ended.clone(), Duration::ZERO));
        }
        let (listener, closing) = (self.listener, self.closing);
        let (remains, spans) = (self.edge.tasks.clone(), self.edge.spans.clone());
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
        remains.close();
        ended.cancel();
        let rest = async {
            world.commits.wait().await;
            remains.wait().await;
            while parts.join_next().await.is_some() {}
            world.store.close().await;
            if let Some(spans) = spans {
                task::spawn_blocking(move || spans.finish()).await.ok();
            }
        };
        if time::timeout(LAST_GRACE, rest).await.is_err() {
            tracing::warn!(event = "stop_timeout", "the database did not answer in time to stop");
        }
        result
    }
}

fn policy(config: &Config, core: &Core, shared: &Shared, stop: CancellationToken) -> Arc<Policy> {
    let places = |n: u32| Arc::new(Semaphore::new(n as usize));
    Arc::new(Policy {
        methods: Arc::clone(&core.methods),
        authenticator: Arc::clone(&core.access) as _,
        auditor: Arc::clone(&core.access) as _,
        limiter: Arc::clone(&shared.limiter),
        presence: Arc::clone(&shared.presence),
        calls: places(config.calls_in_flight_max),
        streams: places(config.streams_max),
        stop,
        call_timeout: config.call_timeout,
        metrics: Arc::clone(&core.metrics),
        refuse: tonic::Status::from,
        reason: rpc::status::reason,
        restate: rpc::status::restate,
    })
}

/// What keeps pages of other origins from acting in the name of whoever looks at them.
fn guard(config: &Config) -> Result<origin::Guard, String> {
    let refuse = || domain::Error::CrossOrigin.into();
    origin::Guard::new(&config.cors_origins.0, refuse, rpc::status::DOMAIN)
        .map_err(|error| format!("CORS_ORIGINS: {error}"))
}

/// Where spans are sent, if they are. Within the runtime, on which the connection lives.
fn spans(config: &Config) -> Result<Option<Arc<Spans>>, String> {
    let Some(endpoint) = &config.otel_exporter_otlp_endpoint.0 else { return Ok(None) };
    match Spans::send_to(endpoint) {
        Ok(spans) => Ok(Some(Arc::new(spans))),
        Err(error) => Err(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")),
    }
}

fn edge(
    config: &Arc<Config>,
    core: &Core,
    spans: Option<Arc<Spans>>,
    transports: Transports,
    over_tls: bool,
) -> Arc<Edge> {
    let (config, metrics) = (Arc::clone(config), Arc::clone(&core.metrics));
    Arc::new(Edge { transports, config, metrics, spans, over_tls, tasks: TaskTracker::new() })
}

/// What there is to know of this server before one signs in.
fn info(core: &Core, config: &Config) -> ServerInfo {
    let features = [
        (
            "email_verification_required",
            config.mail.email_verification == EmailVerification::Required,
        ),
        ("reflection", config.reflection),
        ("token_metadata", metadata::is_place(&config.token_issuer)),
    ];
    let features = features.into_iter().filter(|(_, is_on)| *is_on);
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        features: features.map(|(name, _)| name.to_owned()).collect(),
        token_issuer: config.token_issuer.clone(),
        token_audience: config.token_audience.clone(),
        password_length_min: config.password_length_min.into(),
        password_length_min_with_second_factor: config
            .password_length_min_with_second_factor
            .into(),
        sign_in_providers: oauth::providers(&core.oauth),
    }
}

/// The proto services, by their gRPC paths.
fn routes(core: &Core, config: &Config) -> Result<(Routes, HealthReporter), String> {
    let auth = rpc::auth::Auth {
        service: Arc::clone(&core.auth),
        sessions: Arc::clone(&core.sessions),
        oauth: oauth::OAuth { service: Arc::clone(&core.oauth) },
        tokens: rpc::token::Tokens {
            service: TokenService {
                access: Arc::clone(&core.access),
                users: Arc::clone(&core.users),
            },
            revocations: Arc::clone(&core.revocations),
        },
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = Routes::new(AuthServiceServer::new(auth))
        .add_service(UserServiceServer::new(rpc::user::Users { service: Arc::clone(&core.users) }))
        .add_service(ChatServiceServer::new(rpc::chat::Rooms { service: Arc::clone(&core.rooms) }))
        .add_service(StreamServiceServer::new(rpc::stream::Streams {
            service: Arc::clone(&core.streams),
        }))
        .add_service(AccessServiceServer::new(rpc::access::Access {
            keys: Arc::clone(&core.api_keys),
        }))
        .add_service(MetaServiceServer::new(rpc::meta::Meta { info: info(core, config) }))
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
