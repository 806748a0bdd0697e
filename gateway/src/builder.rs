//! How a gateway is put together.

use std::time::Duration;

use crate::compiled::{BuildError, Compiled, Settings};
use crate::json::PrintOptions;
use crate::limits::Limits;
use crate::service::Gateway;

/// A gateway to be. Every setting has a default.
#[derive(Debug)]
#[must_use]
pub struct Builder<'d> {
    descriptor_set: &'d [u8],
    settings: Settings,
}

impl<'d> Builder<'d> {
    pub(crate) fn new(descriptor_set: &'d [u8]) -> Self {
        let settings = Settings {
            error_domain: String::new(),
            etag_fields: Vec::new(),
            resume_fields: Vec::new(),
            lenient_methods: Vec::new(),
            limits: Limits::default(),
            print_options: PrintOptions { emit_unpopulated: true },
            heartbeat: Duration::from_secs(15),
        };
        Self { descriptor_set, settings }
    }

    /// `ErrorInfo.domain` of the gateway's own errors, such as `example.com`. Empty by default.
    pub fn error_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.error_domain = domain.into();
        self
    }

    /// What a request may cost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The response fields, as dotted paths of proto names, that become the `ETag` header: for each
    /// method the first that its response has. None by default.
    pub fn etag_fields(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.etag_fields = paths.into_iter().map(Into::into).collect();
        self
    }

    /// The fields that say where a stream goes on, by their proto names: for each method that
    /// answers with a stream, the first that its response and its request both have as text. Its
    /// value is the `id` of a server-sent event, and `Last-Event-ID` fills it in the request. None
    /// by default.
    pub fn resume_fields(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.resume_fields = names.into_iter().map(Into::into).collect();
        self
    }

    /// The methods, as `package.Service/Method`, for which parameters of the query that name no field
    /// are passed over rather than refused: what others send who may add some of their own, such as
    /// the answers of OAuth 2.0 (RFC 6749, section 4.1.2). None by default.
    pub fn lenient_methods(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.lenient_methods = names.into_iter().map(Into::into).collect();
        self
    }

    /// How long a stream of server-sent events may be silent before a comment tells proxies and
    /// clients that it is still there. 15 seconds by default.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.settings.heartbeat = interval;
        self
    }

    /// Whether fields that are unset and have no presence are sent with their default value, as
    /// empty lists, zeros and empty strings. True by default.
    pub fn emit_unpopulated(mut self, emit: bool) -> Self {
        self.settings.print_options.emit_unpopulated = emit;
        self
    }

    /// Compiles the descriptor set and puts the gateway in front of a gRPC service.
    pub fn build<S>(self, inner: S) -> Result<Gateway<S>, BuildError> {
        Ok(Gateway::new(Compiled::new(self.descriptor_set, &self.settings)?, inner))
    }
}
