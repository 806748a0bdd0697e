//! From the parts of an HTTP request to the one frame of a gRPC request.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::error::Error;
use crate::json::{Bound, Parser, Scalar, put_field};
use crate::limits::Limits;
use crate::mask;
use crate::query::{put_nested, put_query};
use crate::route::{BodyTarget, Route};
use crate::tables::{Field, Tables};
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

/// One byte for compression and four for the length.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;

/// What a request says outside its body.
#[derive(Debug)]
pub(crate) struct Head {
    /// The values of the path's variables, decoded, in their order.
    pub(crate) variables: Vec<String>,
    pub(crate) query: Option<String>,
    /// The entity tag of `If-Match`.
    pub(crate) if_match: Option<String>,
}

/// Reads a body as far as the limit allows.
pub(crate) async fn read_body<B>(body: B, route: &Route, limits: &Limits) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes>,
{
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::malformed("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if route.body == BodyTarget::None && !data.is_empty() {
            return Err(Error::malformed("this method takes no body"));
        }
        if first.len() + rest.len() + data.len() > limits.body_bytes_max {
            return Err(Error::body_too_large(limits.body_bytes_max));
        }
        // Most bodies are one chunk, which need not be copied.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Builds the gRPC frame of a request. The path wins over all else, because it comes last.
pub(crate) fn transcode(
    tables: &Tables,
    route: &Route,
    head: &Head,
    body: &[u8],
    limits: &Limits,
) -> Result<Bytes, Error> {
    let request = tables.message(route.request);
    let body = str::from_utf8(body).map_err(|_| Error::malformed("the body is not UTF-8"))?;
    let bounds = bind(tables, route, head)?;
    let mut out = Vec::with_capacity(FRAME_HEAD_BYTES + body.len() + 64);
    out.resize(FRAME_HEAD_BYTES, 0);
    if !body.trim_ascii().is_empty() {
        let parser = Parser::new(tables, body, limits, &bounds, &mut out);
        match route.body {
            BodyTarget::None => {}
            BodyTarget::Message => parser.parse_message(route.request)?,
            BodyTarget::Field(place) => parser.parse_field(&request.fields[place])?,
        }
    }
    let query = head.query.as_deref().unwrap_or_default();
    let has_mask = put_query(&mut out, tables, route, query, &bounds, limits)?;
    if !has_mask {
        put_mask(&mut out, tables, route, body, limits, &bounds)?;
    }
    for bound in &bounds {
        put_nested(&mut out, &parents(tables, route, &bound.places), &bound.wire);
    }
    let length = u32::try_from(out.len() - FRAME_HEAD_BYTES)
        .map_err(|_| Error::body_too_large(limits.body_bytes_max))?;
    out[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(out.into())
}

/// The fields that the path and `If-Match` set.
fn bind(tables: &Tables, route: &Route, head: &Head) -> Result<Vec<Bound>, Error> {
    let request = tables.message(route.request);
    let bound = |places: Vec<usize>, name: &str, value: &str| {
        let mut wire = Vec::new();
        let field = tables.field_at(route.request, &places);
        let field = field.ok_or_else(|| Error::invalid_field(name, "unknown field"))?;
        put_field(&mut wire, tables, field, Scalar::Bare(value), field.has_presence)
            .map_err(|expected| Error::invalid_field(name, expected))?;
        Ok(Bound { places, wire })
    };
    let mut bounds = Vec::with_capacity(route.variables.len() + 1);
    for (variable, value) in route.variables.iter().zip(&head.variables) {
        bounds.push(bound(variable.places.clone(), &variable.field_path, value)?);
    }
    if let (Some(place), Some(tag)) = (route.etag, &head.if_match) {
        bounds.push(bound(vec![place], &request.fields[place].name, tag)?);
    }
    Ok(bounds)
}

/// The messages from the request to a bound field.
fn parents<'t>(tables: &'t Tables, route: &Route, places: &[usize]) -> Vec<&'t Field> {
    let lengths = 1..places.len();
    lengths.filter_map(|length| tables.field_at(route.request, &places[..length])).collect()
}

/// The mask that an update without one has: what PATCH names, and all that PUT could name
/// (AIP-134).
fn put_mask(
    out: &mut Vec<u8>,
    tables: &Tables,
    route: &Route,
    body: &str,
    limits: &Limits,
    bounds: &[Bound],
) -> Result<(), Error> {
    let fields = &tables.message(route.request).fields;
    let (Some(mask), BodyTarget::Field(body_place)) = (route.update_mask, route.body) else {
        return Ok(());
    };
    let paths = match route.http_method {
        http::Method::PUT => vec!["*".to_owned()],
        http::Method::PATCH if !body.trim_ascii().is_empty() => {
            mask::derive(tables, &fields[body_place], body, limits, bounds)?
        }
        _ => Vec::new(),
    };
    if paths.is_empty() {
        return Ok(());
    }
    put_tag(out, fields[mask].number, WireType::LengthDelimited);
    let start = begin_length(out);
    for path in paths {
        put_tag(out, 1, WireType::LengthDelimited);
        put_length_delimited(out, path.as_bytes());
    }
    end_length(out, start);
    Ok(())
}
