//! The use cases on their adapters: what every way of running the server needs, a command of one shot too.

use std::{hash::Hash, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::adapters;
use crate::{
    adapter::{
        crypto::{DerivedKeys, Ed25519},
        memory::{cache::Bounded, turns::Queues},
        passwords::Argon2Pool,
        sql,
        system::UuidV7,
        totp::Apps,
    },
    config::{Config, EmailVerification, Pooler, Secrets, Synchronous},
    contract,
    domain::{self, attempt::Limits, verification::Verification},
    policy::method::{Load, Methods, Open},
    port::{bus::Bus, clock::Clock, mailer::Mailer},
    rpc,
    service::{
        World,
        access::AccessService,
        api_key::ApiKeyService,
        attendance::Attendance,
        auth::AuthService,
        guard::Guard,
        keyring::Keyring,
        mail::Mails,
        memory::{Remembered, Sessions},
        oauth::OAuthService,
        password::PasswordLengths,
        revocation::{RevocationService, Subscribers},
        role::RoleService,
        room::RoomService,
        session::{SessionService, TokenNames},
        stream::StreamService,
        user::{UserCache, UserService},
    },
    telemetry::metrics::{Metrics, ScopeLabel},
    worker::{
        backlog::Backlog,
        errands, journal,
        post::{self, Post},
        relay::{Bell, Relay},
        revocations, schedule,
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

/// How long a session is believed without a look into a database that others change, too. They say what they change;
/// this bounds what time itself changes, such as the end of a role that was given for a while.
const SHARED_SESSION_LIFETIME: Duration = Duration::from_secs(5);

/// How often the audit log says of an API key that it was refused for the same reason.
const REFUSED_KEY_TOLD_EVERY: Duration = Duration::from_hours(1);

/// The use cases, and what they stand on.
pub struct Core {
    /// What every use case needs.
    pub world: World,
    /// The keys of access tokens.
    pub keyring: Arc<Keyring>,
    /// Signing up and in.
    pub auth: Arc<AuthService>,
    /// What stands before passwords.
    pub guard: Arc<Guard>,
    /// Who may do what.
    pub roles: RoleService,
    /// What programs may do on behalf of others.
    pub api_keys: Arc<ApiKeyService>,
    pub(super) sessions: Arc<SessionService>,
    pub(super) oauth: Arc<OAuthService>,
    pub(super) access: Arc<AccessService>,
    pub(super) revocations: Arc<RevocationService>,
    pub(super) users: Arc<UserService>,
    pub(super) rooms: Arc<RoomService>,
    pub(super) streams: Arc<StreamService>,
    attendance: Arc<Attendance>,
    following: BoxFuture<'static, ()>,
    bells: Bells,
    is_embedded: bool,
    outbox_pending_max: i64,
    pub(super) metrics: Arc<Metrics>,
    pub(super) methods: Arc<Methods>,
}

/// How to reach the database.
#[must_use]
pub fn database(config: &Config, secrets: &Secrets) -> sql::Options {
    let database = &config.database;
    let embedded = Config::is_embedded(&secrets.database_url);
    sql::Options {
        url: secrets.database_url.clone(),
        listen_url: secrets.database_listen_url.clone(),
        connections_min: database.connections_min(embedded),
        connections_max: database.connections_max(embedded),
        acquire_timeout: database.acquire_timeout,
        connect_timeout: database.connect_timeout,
        idle_timeout: database.idle_timeout,
        lifetime: database.connection_lifetime,
        statements_max: database.statements_max.into(),
        statement_timeout: database.statement_timeout(config.call_timeout),
        slow_query: database.slow_query,
        pooler: match database.pooler {
            Pooler::None => sql::Pooler::None,
            Pooler::Transaction => sql::Pooler::Transaction,
        },
        synchronous_normal: database.sqlite_synchronous == Synchronous::Normal,
    }
}

/// What is remembered of the database, which may be this process' own.
fn remembered(alone: bool, metrics: &Metrics) -> Remembered {
    let lifetime = if alone { CACHE_LIFETIME } else { SHARED_SESSION_LIFETIME };
    Remembered {
        sessions: Arc::new(Sessions::new(
            cache(metrics, "sessions", lifetime),
            cache(metrics, "permissions", lifetime),
            cache(metrics, "api_keys", lifetime),
        )),
        users: cache(metrics, "users", CACHE_LIFETIME),
        keys: Arc::default(),
        subscribers: Arc::default(),
    }
}

/// A cache that is measured under this name.
fn cache<K, V>(metrics: &Metrics, name: &'static str, lifetime: Duration) -> Arc<Bounded<K, V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    Arc::new(Bounded::new(CACHE_ENTRIES_MAX, lifetime, metrics.cache(name)))
}

/// What wakes the workers that carry on what was recorded.
#[derive(Default)]
struct Bells {
    relay: Arc<Bell>,
    post: Arc<post::Bell>,
    /// Who watches what happens to tokens, where nobody else tells them.
    told: Option<Arc<Subscribers>>,
}

/// What every use case needs.
async fn world(
    config: &Config,
    secrets: &Secrets,
    clock: Arc<dyn Clock>,
    measured: Arc<sql::Metrics>,
    metrics: &Arc<Metrics>,
    bells: &Bells,
) -> domain::Result<World> {
    let vault = Arc::new(DerivedKeys::new(&secrets.jwt_secret)?);
    let mails = Mails {
        writer: adapters::writer(config)?,
        vault: Arc::clone(&vault) as _,
        post: Arc::clone(&bells.post) as _,
    };
    let metrics = Arc::clone(metrics);
    let options = database(config, secrets);
    Ok(World {
        store: sql::open(&options, rpc::event::encode, measured).await?,
        ids: Arc::new(UuidV7::new(Arc::clone(&clock))),
        clock,
        vault,
        relay: Arc::clone(&bells.relay) as _,
        mails: Arc::new(mails),
        told: bells.told.clone(),
        audited: Arc::new(move |action, outcome| metrics.count_audit_event(action, outcome)),
        commits: TaskTracker::new(),
    })
}

/// Who makes and takes access tokens.
fn names(config: &Config) -> TokenNames {
    let (issuer, audience) = (config.token_issuer.clone(), config.token_audience.clone());
    TokenNames { issuer, audience }
}

/// Half of the cores hash, so that signing in never starves the other calls.
fn passwords(metrics: &Metrics) -> domain::Result<Argon2Pool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Argon2Pool::start(cores / 2, metrics.password_queue.clone())
}

/// What stands before passwords, and counts whom it refuses.
fn guard(config: &Config, world: &World, metrics: &Metrics) -> Guard {
    let refusals = metrics.sign_in_refusals.clone();
    Guard {
        world: world.clone(),
        turns: Arc::new(Queues::default()),
        limits: Limits {
            delay_max: config.sign_in_delay_max,
            failures_per_hour: config.sign_in_failures_per_hour,
        },
        refused: Box::new(move |scope| {
            refusals.get_or_create(&ScopeLabel { scope: scope.name() }).inc();
        }),
    }
}

/// What is asked of whoever signs up.
fn verification(config: &Config) -> Verification {
    match config.mail.email_verification {
        EmailVerification::Off => Verification::Off,
        EmailVerification::Optional => Verification::Optional,
        EmailVerification::Required => Verification::Required,
    }
}

/// Signing up and in.
fn auth(
    config: &Config,
    sessions: &Arc<SessionService>,
    guard: &Arc<Guard>,
    users: UserCache,
    metrics: &Metrics,
) -> domain::Result<AuthService> {
    Ok(AuthService {
        world: sessions.world.clone(),
        sessions: Arc::clone(sessions),
        guard: Arc::clone(guard),
        users,
        verification: verification(config),
        passwords: Arc::new(passwords(metrics)?),
        totp: Arc::new(Apps { issuer: config.public_host().unwrap_or_else(|| "Veza".into()) }),
        password_lengths: PasswordLengths {
            alone: config.password_length_min.into(),
            with_second_factor: config.password_length_min_with_second_factor.into(),
        },
    })
}

/// Signing in through others.
fn oauth(config: &Config, auth: &Arc<AuthService>) -> domain::Result<OAuthService> {
    Ok(OAuthService {
        world: auth.world.clone(),
        auth: Arc::clone(auth),
        providers: adapters::providers(config).map_err(domain::Error::internal)?,
        return_to: config.oauth_return_to(),
        links_by_email: config.oauth.oauth_link_by_email,
    })
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
        let methods = Arc::new(methods);
        let measured = Arc::new(sql::Metrics::new(config.database.slow_query));
        let metrics = Metrics::new(methods.names()).with(|registry| measured.register(registry));
        let metrics = Arc::new(metrics);
        let is_embedded = Config::is_embedded(&secrets.database_url);
        let remembered = remembered(is_embedded, &metrics);
        let told = is_embedded.then(|| Arc::clone(&remembered.subscribers));
        let bells = Bells { told, ..Bells::default() };
        let world = world(config, secrets, clock, measured, &metrics, &bells).await?;
        let following = world.store.follow(Arc::new(remembered.clone()));
        let Remembered { sessions: live, users, keys, subscribers } = remembered.clone();
        let names = names(config);
        let attendance = Arc::new(Attendance::new());
        let (signatures, freshness) = (Arc::new(Ed25519), following.freshness);
        let lifetime = config.signing_key_lifetime;
        let heard = Arc::clone(&freshness);
        let keyring = Arc::new(Keyring::new(world.clone(), signatures, lifetime, keys, heard));
        let read = rpc::event::revocation;
        let revocations = RevocationService::new(&world, freshness, subscribers, read);
        let sessions = Arc::new(SessionService {
            world: world.clone(),
            keyring: Arc::clone(&keyring),
            live: Arc::clone(&live),
            names: names.clone(),
            grace: config.refresh_grace,
            per_user_max: config.sessions_per_user_max.into(),
        });
        let guard = Arc::new(guard(config, &world, &metrics));
        let auth = auth(config, &sessions, &guard, Arc::clone(&users) as _, &metrics)?;
        let auth = Arc::new(auth);
        Ok(Self {
            oauth: Arc::new(oauth(config, &auth)?),
            auth,
            api_keys: Arc::new(ApiKeyService { world: world.clone(), live: Arc::clone(&live) }),
            access: Arc::new(AccessService {
                world: world.clone(),
                keyring: Arc::clone(&keyring),
                names,
                sessions: live,
                attendance: Arc::clone(&attendance),
                verified: cache(&metrics, "tokens", CACHE_LIFETIME),
                refused: cache(&metrics, "refused_keys", REFUSED_KEY_TOLD_EVERY),
            }),
            users: Arc::new(UserService {
                world: world.clone(),
                sessions: Arc::clone(&sessions),
                users,
            }),
            roles: RoleService { world: world.clone(), remembered },
            rooms: Arc::new(RoomService { world: world.clone() }),
            streams: Arc::new(StreamService { world: world.clone() }),
            guard,
            sessions,
            revocations: Arc::new(revocations),
            keyring,
            world,
            attendance,
            following: following.work,
            bells,
            is_embedded,
            outbox_pending_max: config.nats.outbox_pending_max,
            metrics,
            methods,
        })
    }

    /// What goes on without a call, until `ended`.
    pub(super) fn workers(
        self,
        bus: Arc<dyn Bus>,
        mailer: Arc<dyn Mailer>,
        ended: &CancellationToken,
    ) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        let (store, clock) = (&self.world.store, &self.world.clock);
        let relay = Relay {
            store: Arc::clone(store),
            bus: Arc::clone(&bus),
            clock: Arc::clone(clock),
            bell: Arc::clone(&self.bells.relay),
            metrics: Arc::clone(&self.metrics),
        };
        let (following, stop) = (self.following, ended.clone());
        workers.spawn(async move {
            stop.run_until_cancelled(following).await;
        });
        workers.spawn(journal::keep(Arc::clone(&bus), Arc::clone(&self.metrics), ended.clone()));
        workers.spawn(journal::show(bus, ended.clone()));
        workers.spawn(relay.run(ended.clone()));
        let post = Post {
            store: Arc::clone(store),
            mails: Arc::clone(&self.world.mails),
            mailer,
            keeps_logged: self.is_embedded,
            clock: Arc::clone(clock),
            ids: Arc::clone(&self.world.ids),
            bell: self.bells.post,
            metrics: Arc::clone(&self.metrics),
        };
        workers.spawn(post.run(ended.clone()));
        let (auth, metrics) = (Arc::clone(&self.auth), Arc::clone(&self.metrics));
        workers.spawn(errands::run(auth, metrics, ended.clone()));
        workers.spawn(schedule::keep_time(Arc::clone(clock), ended.clone()));
        let backlog = Backlog {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            metrics: Arc::clone(&self.metrics),
            bell: Arc::clone(&self.bells.relay),
            pending_max: self.outbox_pending_max,
        };
        workers.spawn(backlog.watch(ended.clone()));
        workers.spawn(revocations::look_after(Arc::clone(&self.revocations), ended.clone()));
        workers.spawn(schedule::look_after_keys(Arc::clone(&self.keyring), ended.clone()));
        let (attendance, world) = (Arc::clone(&self.attendance), self.world.clone());
        workers.spawn(schedule::write_attendance(attendance, world, ended.clone()));
        workers.spawn(schedule::sweep(Arc::clone(store), Arc::clone(clock), ended.clone()));
        workers
    }
}
