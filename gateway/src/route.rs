//! One HTTP binding compiled against the tables, with everything that is known before a request
//! comes.

use http::Method;
use http::uri::PathAndQuery;
use prost_reflect::{MessageDescriptor, MethodDescriptor};

use crate::binding::{Binding, Body};
use crate::error::Error;
use crate::rules::options::{FieldRules, Ignore};
use crate::tables::{Cardinality, Field, Kind, Message, MessageId, Tables, WellKnown};

#[derive(Debug)]
pub(crate) struct Route {
    /// `/package.Service/Method`.
    pub(crate) grpc_path: PathAndQuery,
    pub(crate) http_method: Method,
    pub(crate) request: MessageId,
    pub(crate) response: MessageId,
    pub(crate) variables: Vec<Variable>,
    pub(crate) body: BodyTarget,
    pub(crate) input: Input,
    pub(crate) output: Output,
    /// By its rules, the field that is the body must be set.
    body_is_required: bool,
    /// The place of the response field that is sent alone.
    pub(crate) response_body: Option<usize>,
    /// The place of the request's `update_mask`.
    pub(crate) update_mask: Option<usize>,
    /// The place of the request's own `etag`.
    pub(crate) etag: Option<usize>,
    /// The places of the response's etag, from the message inwards.
    pub(crate) response_etag: Option<Vec<usize>>,
    /// The field that says where a stream goes on: its place in the response and in the request.
    pub(crate) resume: Option<(usize, usize)>,
    /// Whether parameters of the query that name no field are passed over.
    pub(crate) is_lenient: bool,
}

/// What the HTTP body of a request is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// One message in JSON.
    Json,
    /// A stream of messages in JSON, each on its line.
    Lines,
    /// The bytes of a `google.api.HttpBody`.
    File,
    /// The same, cut into the messages of a stream.
    FileStream,
}

/// What the HTTP body of an answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// One message in JSON.
    Json,
    /// A stream of messages in JSON, in the form that the client asks for.
    Stream,
    /// The bytes of a `google.api.HttpBody`.
    File,
    /// The same, joined from the messages of a stream.
    FileStream,
}

/// What the HTTP body becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyTarget {
    None,
    Message,
    /// The request's field at this place.
    Field(usize),
}

/// A variable of the path, and the request field it fills.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) field_path: String,
    pub(crate) places: Vec<usize>,
    pub(crate) start: usize,
    /// One past its last segment; `None` when it takes all that are left.
    pub(crate) end: Option<usize>,
    pub(crate) is_multi_segment: bool,
}

impl Route {
    /// Compiles a binding; an error says why it cannot be served.
    pub(crate) fn new(
        tables: &Tables,
        method: &MethodDescriptor,
        binding: &Binding,
        etag_fields: &[String],
        resume_fields: &[String],
    ) -> Result<Self, String> {
        let service = method.parent_service().full_name().to_owned();
        let grpc_path = format!("/{service}/{}", method.name());
        let find = |name: &str| tables.find(name).ok_or_else(|| format!("`{name}` is not known"));
        let request = find(method.input().full_name())?;
        let response = find(method.output().full_name())?;
        let request_message = tables.message(request);
        let places_of_etag = |path: &String| {
            let places = tables.resolve(response, path)?;
            is_text(tables.field_at(response, &places)?).then_some(places)
        };
        let body = body_target(request_message, binding)?;
        let response_body = response_body(tables.message(response), binding)?;
        let output = output(tables, response, response_body, method.is_server_streaming());
        let resume = |name: &String| resume(tables, (response, request), name);
        Ok(Self {
            grpc_path: grpc_path.parse().map_err(|_| format!("`{grpc_path}` is no path"))?,
            http_method: binding.http_method.clone(),
            request,
            response,
            variables: variables(tables, request, binding)?,
            body,
            body_is_required: is_body_required(&method.input(), binding),
            input: input(tables, request, body, method.is_client_streaming())?,
            output,
            response_body,
            update_mask: update_mask(tables, request_message),
            etag: request_message.field_by_name("etag").filter(|f| is_text(f)).map(|f| f.index),
            response_etag: etag_fields.iter().find_map(places_of_etag),
            resume: resume_fields.iter().find_map(resume).filter(|_| output == Output::Stream),
            is_lenient: false,
        })
    }

    /// Whether both sides send streams, for which HTTP has no form.
    pub(crate) fn is_bidirectional(&self) -> bool {
        matches!(self.input, Input::Lines | Input::FileStream)
            && matches!(self.output, Output::Stream | Output::FileStream)
    }

    /// Refuses a request without a body where the rules demand one, in words that fit HTTP better
    /// than those of the rules could.
    pub(crate) fn check_missing_body(&self, tables: &Tables) -> Result<(), Error> {
        match self.body {
            BodyTarget::Field(place) if self.body_is_required => {
                let field = &*tables.message(self.request).fields[place].name;
                let description = "must be sent as the body, which is missing: send a JSON object";
                Err(Error::invalid_field(field, description))
            }
            _ => Ok(()),
        }
    }
}

fn input(
    tables: &Tables,
    request: MessageId,
    body: BodyTarget,
    is_stream: bool,
) -> Result<Input, String> {
    let is_file = match body {
        BodyTarget::None if is_stream => {
            return Err("the method takes a stream, and its rule has no body".to_owned());
        }
        BodyTarget::None => false,
        BodyTarget::Message => is_http_body(tables.message(request)),
        BodyTarget::Field(place) => is_file(tables, &tables.message(request).fields[place]),
    };
    Ok(match (is_file, is_stream) {
        (false, false) => Input::Json,
        (false, true) => Input::Lines,
        (true, false) => Input::File,
        (true, true) => Input::FileStream,
    })
}

fn output(
    tables: &Tables,
    response: MessageId,
    response_body: Option<usize>,
    is_stream: bool,
) -> Output {
    let message = tables.message(response);
    let is_file = match response_body {
        None => is_http_body(message),
        Some(place) => is_file(tables, &message.fields[place]),
    };
    match (is_file, is_stream) {
        (false, false) => Output::Json,
        (false, true) => Output::Stream,
        (true, false) => Output::File,
        (true, true) => Output::FileStream,
    }
}

fn is_file(tables: &Tables, field: &Field) -> bool {
    let message = tables.message_of(field);
    field.cardinality == Cardinality::Singular
        && message.is_some_and(|(_, message)| is_http_body(message))
}

fn is_http_body(message: &Message) -> bool {
    &*message.full_name == "google.api.HttpBody"
}

/// A field that response and request both have as text.
fn resume(
    tables: &Tables,
    (response, request): (MessageId, MessageId),
    name: &str,
) -> Option<(usize, usize)> {
    let place = |id| {
        let field = field_by_proto_name(tables.message(id), name)?;
        is_text(field).then_some(field.index)
    };
    Some((place(response)?, place(request)?))
}

fn variables(
    tables: &Tables,
    request: MessageId,
    binding: &Binding,
) -> Result<Vec<Variable>, String> {
    let template = &binding.template;
    let compile = |variable: &crate::template::Variable| {
        let field_path = variable.field_path.clone();
        let places = tables.resolve(request, &field_path);
        let places = places.ok_or_else(|| format!("the variable `{field_path}` names no field"))?;
        let field = tables.field_at(request, &places);
        let is_scalar = field.is_some_and(|field| {
            field.cardinality == Cardinality::Singular && !matches!(field.kind, Kind::Message(_))
        });
        if !is_scalar {
            return Err(format!("the variable `{field_path}` names a repeated or message field"));
        }
        let takes_rest = variable.end == template.segments().len()
            && template.segments().last() == Some(&crate::template::Segment::Rest);
        Ok(Variable {
            field_path,
            places,
            start: variable.start,
            end: (!takes_rest).then_some(variable.end),
            is_multi_segment: template.is_multi_segment(variable),
        })
    };
    template.variables().iter().map(compile).collect()
}

fn body_target(request: &Message, binding: &Binding) -> Result<BodyTarget, String> {
    let has_no_body = [Method::GET, Method::HEAD, Method::DELETE].contains(&binding.http_method);
    match &binding.body {
        Body::None => Ok(BodyTarget::None),
        _ if has_no_body => Err(format!("{} takes no body", binding.http_method)),
        Body::All => Ok(BodyTarget::Message),
        Body::Field(name) => match field_by_proto_name(request, name) {
            Some(field) => Ok(BodyTarget::Field(field.index)),
            None => Err(format!("the body `{name}` is no field of {}", request.full_name)),
        },
    }
}

fn is_body_required(request: &MessageDescriptor, binding: &Binding) -> bool {
    let Body::Field(name) = &binding.body else { return false };
    let rules = request.get_field_by_name(name).and_then(|field| FieldRules::of(&field).ok());
    rules.is_some_and(|rules| rules.required && rules.ignore == Ignore::Never)
}

fn response_body(response: &Message, binding: &Binding) -> Result<Option<usize>, String> {
    let Some(name) = &binding.response_body else { return Ok(None) };
    match field_by_proto_name(response, name) {
        Some(field) => Ok(Some(field.index)),
        None => Err(format!("the response body `{name}` is no field of {}", response.full_name)),
    }
}

/// Where AIP-134 has the mask of an update.
fn update_mask(tables: &Tables, request: &Message) -> Option<usize> {
    let field = field_by_proto_name(request, "update_mask")?;
    let is_mask = tables.message_of(field)?.1.well_known == Some(WellKnown::FieldMask);
    (is_mask && field.cardinality == Cardinality::Singular).then_some(field.index)
}

fn field_by_proto_name<'m>(message: &'m Message, name: &str) -> Option<&'m Field> {
    message.fields.iter().find(|field| &*field.name == name)
}

fn is_text(field: &Field) -> bool {
    field.kind == Kind::String && field.cardinality == Cardinality::Singular
}
