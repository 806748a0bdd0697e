//! Who calls, and from where: the first argument of every use case.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Error, Result, Timestamp,
    error::BadToken,
    id::Id,
    permission::{Permission, Permissions},
    session::{FRESH_FOR, Session},
    user::User,
};

/// Who a session belongs to and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: Id<User>,
    /// The session.
    pub session_id: Id<Session>,
    /// When the user last proved in this session who they are.
    pub auth_time: Timestamp,
    /// The permissions of the user's roles.
    pub permissions: Permissions,
}

impl Principal {
    /// Whether the user has proved lately who they are.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.auth_time + FRESH_FOR
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
