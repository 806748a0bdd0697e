//! An OpenAPI 3.1 document of the services of a descriptor pool: their HTTP rules, comments and field rules, as the
//! gateway serves them.
//!
//! ```no_run
//! # fn document(pool: &prost_reflect::DescriptorPool) -> serde_json::Value {
//! gateway::openapi::Document::builder(pool)
//!     .title("Library")
//!     .version("1.0.0")
//!     .server("https://library.example.org")
//!     .annotate(|_, operation| operation["security"] = serde_json::json!([{"bearerAuth": []}]))
//!     .build()
//! # }
//! ```

mod components;
mod content;
mod example;
mod failure;
mod keywords;
mod names;
mod operation;
mod parameter;
mod path;
mod response;
mod schema;
mod text;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};

use crate::binding::{self, Binding};
use names::Names;
use operation::Operations;
use schema::Schemas;

type Annotation<'d> = Box<dyn Fn(&MethodDescriptor, &mut Value) + 'd>;

/// The entrance to building a document.
#[derive(Debug)]
pub struct Document;

impl Document {
    /// A document of all services of the pool that have an HTTP rule.
    #[must_use]
    pub fn builder(pool: &DescriptorPool) -> Builder<'_> {
        Builder {
            pool,
            info: Map::from_iter([
                ("title".to_owned(), json!("API")),
                ("version".to_owned(), json!("0")),
            ]),
            servers: Vec::new(),
            resume_fields: Vec::new(),
            emits_unpopulated: true,
            annotations: Vec::new(),
            includes: Box::new(|_| true),
        }
    }
}

/// What a document says besides what the descriptors know.
pub struct Builder<'d> {
    pool: &'d DescriptorPool,
    info: Map<String, Value>,
    servers: Vec<Value>,
    resume_fields: Vec<String>,
    emits_unpopulated: bool,
    annotations: Vec<Annotation<'d>>,
    includes: Box<dyn Fn(&ServiceDescriptor) -> bool + 'd>,
}

impl<'d> Builder<'d> {
    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.info.insert("title".to_owned(), json!(title));
        self
    }

    /// Sets the version of the API, which is not the version of OpenAPI.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.info.insert("version".to_owned(), json!(version));
        self
    }

    /// Sets the description, in `CommonMark`.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.info.insert("description".to_owned(), json!(description));
        self
    }

    /// Sets the licence and where it is found.
    #[must_use]
    pub fn license(mut self, name: &str, url: &str) -> Self {
        self.info.insert("license".to_owned(), json!({"name": name, "url": url}));
        self
    }

    /// Adds a base URL that the paths are below.
    #[must_use]
    pub fn server(mut self, url: &str) -> Self {
        self.servers.push(json!({"url": url}));
        self
    }

    /// Says which fields tell where a stream goes on, as [`gateway::Builder`](crate::Builder) was told.
    #[must_use]
    pub fn resume_fields(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.resume_fields = names.into_iter().map(Into::into).collect();
        self
    }

    /// Says whether fields that are unset and have no presence are sent, as
    /// [`gateway::Builder::emit_unpopulated`](crate::Builder::emit_unpopulated) does. True by default.
    #[must_use]
    pub fn emit_unpopulated(mut self, emit: bool) -> Self {
        self.emits_unpopulated = emit;
        self
    }

    /// Adds a hook that completes each operation with what only the host knows: its security, its permission, or a
    /// response that never happens. It sees the finished operation, once for each binding of the method.
    #[must_use]
    pub fn annotate(mut self, annotation: impl Fn(&MethodDescriptor, &mut Value) + 'd) -> Self {
        self.annotations.push(Box::new(annotation));
        self
    }

    /// Documents these services only.
    #[must_use]
    pub fn services(mut self, includes: impl Fn(&ServiceDescriptor) -> bool + 'd) -> Self {
        self.includes = Box::new(includes);
        self
    }

    /// Builds the document. Equal input gives equal output. A method whose HTTP rule cannot be read is left out;
    /// [`check`](crate::check::check) is what reports it.
    #[must_use]
    pub fn build(self) -> Value {
        let routes = self.routes();
        let names = Names::of(routes.iter().map(|(method, _)| method));
        let mut schemas = Schemas::new(&names, self.emits_unpopulated);
        let tags = tags(&routes, &names);
        let mut operations = Operations::new(&routes, &names, &self.resume_fields);
        for (method, bindings) in &routes {
            for (index, binding) in bindings.iter().enumerate() {
                let mut operation = operations.operation(method, index, binding, &mut schemas);
                for annotation in &self.annotations {
                    annotation(method, &mut operation);
                }
                operations.insert(method, binding, operation);
            }
        }
        let paths = operations.into_paths();
        let schemas = schemas.into_components();
        let mut document = json!({
            "openapi": "3.1.0",
            "info": self.info,
            "tags": tags,
            "components": components::components(&paths, schemas),
            "paths": paths,
        });
        if !self.servers.is_empty() {
            document["servers"] = Value::Array(self.servers);
        }
        document
    }

    /// The methods with an HTTP rule, in order of their names.
    fn routes(&self) -> Vec<(MethodDescriptor, Vec<Binding>)> {
        let services = self.pool.services().filter(|service| (self.includes)(service));
        let mut routes: Vec<_> = services
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .filter_map(|method| Some((binding::bindings(&method).ok()?, method)))
            .filter(|(bindings, _)| !bindings.is_empty())
            .map(|(bindings, method)| (method, bindings))
            .collect();
        routes.sort_by(|(left, _), (right, _)| left.full_name().cmp(right.full_name()));
        routes
    }
}

fn tags(routes: &[(MethodDescriptor, Vec<Binding>)], names: &Names) -> Vec<Value> {
    let mut services: Vec<&ServiceDescriptor> =
        routes.iter().map(|(method, _)| method.parent_service()).collect();
    services.dedup();
    let tag = |service: &ServiceDescriptor| {
        let mut tag = json!({"name": names.tag(service)});
        if let Some(comment) = names.comment(&service.parent_file(), service.path()) {
            tag["description"] = json!(comment);
        }
        tag
    };
    services.into_iter().map(tag).collect()
}
