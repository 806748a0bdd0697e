//! A descriptor set compiled for serving: everything that the calls of a gateway share, and never
//! change.

use std::fmt;
use std::time::Duration;

use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::binding::{Binding, bindings};
use crate::error_details;
use crate::json::PrintOptions;
use crate::limits::Limits;
use crate::route::Route;
use crate::router::{Conflict, Router};
use crate::tables::Tables;

pub(crate) struct Compiled {
    pub(crate) tables: Tables,
    /// The types of error details that every gateway knows.
    pub(crate) error_details: Tables,
    pub(crate) router: Router<usize>,
    pub(crate) routes: Vec<Route>,
    pub(crate) limits: Limits,
    pub(crate) print_options: PrintOptions,
    /// `ErrorInfo.domain` of the gateway's own errors.
    pub(crate) error_domain: String,
    /// How long a stream of events may be silent before it says that it is still there.
    pub(crate) heartbeat: Duration,
}

/// How a gateway is to behave.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) error_domain: String,
    pub(crate) etag_fields: Vec<String>,
    pub(crate) resume_fields: Vec<String>,
    pub(crate) lenient_methods: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) print_options: PrintOptions,
    pub(crate) heartbeat: Duration,
}

/// Why a gateway cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// The bytes are no descriptor set, or it is not complete.
    Descriptors(String),
    /// The HTTP rule of a method cannot be served.
    Method {
        /// The full name of the method.
        method: String,
        /// What is wrong with its rule, as a phrase.
        reason: String,
    },
}

impl Compiled {
    pub(crate) fn new(descriptor_set: &[u8], settings: &Settings) -> Result<Self, BuildError> {
        let unreadable =
            |error: prost_reflect::DescriptorError| BuildError::Descriptors(error.to_string());
        let pool = DescriptorPool::decode(descriptor_set).map_err(unreadable)?;
        let mut compiled = Self {
            tables: Tables::new(&pool),
            error_details: error_details::tables().map_err(unreadable)?,
            router: Router::new(),
            routes: Vec::new(),
            limits: settings.limits,
            print_options: settings.print_options,
            error_domain: settings.error_domain.clone(),
            heartbeat: settings.heartbeat,
        };
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            compiled.add_method(&method, settings).map_err(|reason| BuildError::Method {
                method: method.full_name().to_owned(),
                reason,
            })?;
        }
        Ok(compiled)
    }

    fn add_method(&mut self, method: &MethodDescriptor, settings: &Settings) -> Result<(), String> {
        let (etags, resumes) = (&settings.etag_fields, &settings.resume_fields);
        for binding in bindings(method).map_err(|error| error.to_string())? {
            let mut route = Route::new(&self.tables, method, &binding, etags, resumes)?;
            let name = route.grpc_path.path().trim_start_matches('/');
            route.is_lenient = settings.lenient_methods.iter().any(|lenient| lenient == name);
            self.add_route(&binding, route)?;
        }
        Ok(())
    }

    fn add_route(&mut self, binding: &Binding, route: Route) -> Result<(), String> {
        let Binding { http_method, template, .. } = binding;
        self.router.insert(http_method.clone(), template, self.routes.len()).map_err(
            |Conflict(other)| {
                let other = &self.routes[other].grpc_path;
                format!("`{http_method} {template}` is the same path as one of `{other}`")
            },
        )?;
        self.routes.push(route);
        Ok(())
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors(reason) => write!(f, "the descriptor set cannot be read: {reason}"),
            Self::Method { method, reason } => write!(f, "the HTTP rule of `{method}`: {reason}"),
        }
    }
}

impl std::error::Error for BuildError {}
