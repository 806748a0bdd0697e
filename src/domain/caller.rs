//! Who calls, and from where: the first argument of every use case.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Result, Timestamp,
    api_key::ApiKey,
    error::BadToken,
    id::Id,
    permission::{Permission, Permissions},
    session::{FRESH_FOR, Session},
    user::User,
};

/// Who a session or an API key belongs to and what they may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: Id<User>,
    /// By what they are known.
    pub credential: Credential,
    /// The permissions of the user's roles; with an API key those of them that the key has.
    pub permissions: Permissions,
}

/// By what a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// An access token of a session: the user is there.
    Session {
        /// The session.
        id: Id<Session>,
        /// When the user last proved in it who they are.
        auth_time: Timestamp,
    },
    /// An API key: a program acts for the user.
    ApiKey {
        /// The key.
        id: Id<ApiKey>,
    },
}

impl Credential {
    /// The id of the session or of the key.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Session { id, .. } => id.uuid(),
            Self::ApiKey { id } => id.uuid(),
        }
    }

    /// The session, if it is one.
    #[must_use]
    pub fn session_id(self) -> Option<Id<Session>> {
        match self {
            Self::Session { id, .. } => Some(id),
            Self::ApiKey { .. } => None,
        }
    }

    /// The API key, if it is one.
    #[must_use]
    pub fn api_key_id(self) -> Option<Id<ApiKey>> {
        match self {
            Self::Session { .. } => None,
            Self::ApiKey { id } => Some(id),
        }
    }
}

impl Principal {
    /// Whether the user has proved lately who they are, which a program with a key cannot.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        match self.credential {
            Credential::Session { auth_time, .. } => now < auth_time + FRESH_FOR,
            Credential::ApiKey { .. } => false,
        }
    }

    /// The session.
    ///
    /// # Errors
    /// [`Error::ApiKeyNotAllowed`] for a key, which has none.
    pub fn session_id(&self) -> Result<Id<Session>> {
        self.credential.session_id().ok_or(Error::ApiKeyNotAllowed)
    }
}

/// How a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// Native gRPC.
    Grpc,
    /// gRPC-web.
    GrpcWeb,
    /// JSON over HTTP.
    Rest,
    /// The command line of the server.
    CommandLine,
}

impl Transport {
    /// The name in logs, metrics and the audit log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc_web",
            Self::Rest => "rest",
            Self::CommandLine => "command_line",
        }
    }
}

/// The circumstances of a call, whoever makes it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// How it came in.
    pub transport: Transport,
    /// The method, as `veza.user.v1.UserService/GetUser`; empty from the command line.
    pub rpc_method: &'static str,
    /// The address of the client, by the trusted-proxy rule.
    pub ip: Option<IpAddr>,
    /// What the client says it is; at most 256 bytes.
    pub user_agent: String,
    /// The trace that the call belongs to.
    pub trace: Option<TraceContext>,
}

/// A position in a trace (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// The id of the whole trace; never 0.
    pub trace_id: u128,
    /// The id of the span that the call is; never 0.
    pub span_id: u64,
    /// The id of the span that caused the call, where its caller told.
    pub parent_id: Option<u64>,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl fmt::Display for TraceContext {
    /// The value of the `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// Who calls, and from where.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who; none for anonymous calls.
    pub principal: Option<Arc<Principal>>,
    /// Why the credentials that came along did not count, where the call needs none.
    pub refused: Option<BadToken>,
    /// Whether this process knows of every change that anyone was told of before the call came in, so that what it
    /// remembers can be shown.
    pub is_confirmed: bool,
    /// From where.
    pub origin: Origin,
}

impl Caller {
    /// The signed-in caller.
    ///
    /// # Errors
    /// [`Error::BadToken`] or [`Error::MissingToken`] when nobody is signed in.
    pub fn signed_in(&self) -> Result<&Principal> {
        let missing = || self.refused.map_or(Error::MissingToken, Error::BadToken);
        self.principal.as_deref().ok_or_else(missing)
    }

    /// The id of the API key that the call is made with, if it is one.
    #[must_use]
    pub fn api_key_id(&self) -> Option<Id<ApiKey>> {
        self.principal.as_ref().and_then(|principal| principal.credential.api_key_id())
    }

    /// The name of whoever calls, among those of all callers: a key is not its owner.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.principal {
            None => "anonymous".to_owned(),
            Some(principal) => match principal.credential {
                Credential::Session { .. } => principal.user_id.to_string(),
                Credential::ApiKey { id } => format!("apiKeys/{id}"),
            },
        }
    }

    /// The id of the signed-in user, if there is one.
    #[must_use]
    pub fn user_id(&self) -> Option<Id<User>> {
        self.principal.as_ref().map(|principal| principal.user_id)
    }

    /// Whether the caller has the permission everywhere.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        self.principal.as_ref().is_some_and(|principal| principal.permissions.has(permission))
    }

    /// Lets the owner of a resource pass, and holders of the permission.
    ///
    /// # Errors
    /// As [`Self::signed_in`], or [`Error::NotOwner`].
    pub fn owns_or_has(
        &self,
        resource: &'static str,
        owner: Id<User>,
        permission: Permission,
    ) -> Result<()> {
        if self.signed_in()?.user_id == owner || self.has(permission) {
            return Ok(());
        }
        Err(Error::NotOwner { resource, permission: permission.name() })
    }
}
