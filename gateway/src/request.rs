//! From the parts of an HTTP request to the frames of a gRPC request, one for each message.

use std::sync::Arc;

use bytes::Bytes;

use crate::compiled::Compiled;
use crate::error::{Error, Violations};
use crate::frames::FRAME_HEAD_BYTES;
use crate::json::{Bound, Parser, Scalar, put_field};
use crate::mask;
use crate::query::{put_nested, put_query};
use crate::route::{BodyTarget, Input, Route};
use crate::tables::Field;
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

/// What a request says outside its body.
#[derive(Debug)]
pub(crate) struct Head {
    /// The values of the path's variables, decoded, in their order.
    pub(crate) variables: Vec<String>,
    pub(crate) query: Option<String>,
    /// The entity tag of `If-Match`, or what is wrong with it, which is for callers whom the service
    /// lets in.
    pub(crate) if_match: Result<Option<String>, Error>,
    /// Where a stream that broke off goes on.
    pub(crate) last_event_id: Option<String>,
    /// The media type of a file.
    pub(crate) content_type: String,
}

/// Composes the messages of one request. What path, query and headers say is in each of them.
pub(crate) struct Composer {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) route: usize,
    pub(crate) head: Head,
}

impl Composer {
    pub(crate) fn route(&self) -> &Route {
        &self.compiled.routes[self.route]
    }

    /// The frame of the message that a JSON text and the head of the request make.
    pub(crate) fn json(&self, body: &[u8]) -> Result<Bytes, Error> {
        let Compiled { tables, limits, .. } = &*self.compiled;
        let route = self.route();
        let body = str::from_utf8(body).map_err(|_| Error::malformed("the body is not UTF-8"))?;
        self.frame(body.len(), body, |out, bounds| {
            let parser = Parser::new(tables, body, limits, bounds, out);
            match route.body {
                BodyTarget::None => Ok(()),
                BodyTarget::Message if body.trim_ascii().is_empty() => Ok(()),
                BodyTarget::Field(_) if ["", "null"].contains(&body.trim_ascii()) => {
                    route.check_missing_body(tables)
                }
                BodyTarget::Message => parser.parse_message(route.request),
                BodyTarget::Field(place) => {
                    parser.parse_field(&tables.message(route.request).fields[place])
                }
            }
        })
    }

    /// The frame of the message that a part of a file and the head of the request make.
    pub(crate) fn file(&self, data: &[u8]) -> Result<Bytes, Error> {
        let route = self.route();
        let put_http_body = |out: &mut Vec<u8>| {
            for (number, bytes) in [(1, self.head.content_type.as_bytes()), (2, data)] {
                put_tag(out, number, WireType::LengthDelimited);
                put_length_delimited(out, bytes);
            }
        };
        self.frame(data.len(), "", |out, _| {
            if let BodyTarget::Field(place) = route.body {
                let field = &self.compiled.tables.message(route.request).fields[place];
                put_tag(out, field.number, WireType::LengthDelimited);
                let start = begin_length(out);
                put_http_body(out);
                end_length(out, start);
            } else {
                put_http_body(out);
            }
            Ok(())
        })
    }

    /// The path wins over all else, because it comes last.
    fn frame(
        &self,
        body_bytes: usize,
        json: &str,
        put_body: impl FnOnce(&mut Vec<u8>, &[Bound<'_>]) -> Result<(), Error>,
    ) -> Result<Bytes, Error> {
        let Compiled { tables, limits, .. } = &*self.compiled;
        let route = self.route();
        let bounds = self.bind()?;
        let mut out = Vec::with_capacity(FRAME_HEAD_BYTES + body_bytes + 64);
        out.resize(FRAME_HEAD_BYTES, 0);
        let mut violations = Violations::default();
        violations.absorb(put_body(&mut out, &bounds))?;
        let query = self.head.query.as_deref().unwrap_or_default();
        let has_mask =
            violations.absorb(put_query(&mut out, tables, route, query, &bounds, limits))?;
        violations.into_result()?;
        if !has_mask && route.input == Input::Json {
            self.put_mask(&mut out, json, &bounds)?;
        }
        self.put_resume(&mut out)?;
        for bound in &bounds {
            put_nested(&mut out, &self.parents(bound.places), &bound.wire);
        }
        let length = u32::try_from(out.len() - FRAME_HEAD_BYTES)
            .map_err(|_| Error::body_too_large(limits.body_bytes_max))?;
        out[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(out.into())
    }

    /// The fields that the path and `If-Match` set.
    fn bind(&self) -> Result<Vec<Bound<'_>>, Error> {
        let route = self.route();
        let bound = |places, name: &str, value: &str| {
            let tables = &self.compiled.tables;
            let mut wire = Vec::new();
            let field = tables.field_at(route.request, places);
            let field = field.ok_or_else(|| Error::invalid_field(name, "must be a known field"))?;
            put_field(&mut wire, tables, field, Scalar::Bare(value), field.has_presence)
                .map_err(|expected| Error::invalid_field(name, expected))?;
            Ok(Bound { places, wire })
        };
        let mut bounds = Vec::with_capacity(route.variables.len() + 1);
        for (variable, value) in route.variables.iter().zip(&self.head.variables) {
            bounds.push(bound(&variable.places[..], &variable.field_path, value)?);
        }
        let if_match = self.head.if_match.as_ref().map_err(Clone::clone)?;
        if let (Some(place), Some(tag)) = (&route.etag, if_match) {
            let name = &self.compiled.tables.message(route.request).fields[*place].name;
            bounds.push(bound(std::slice::from_ref(place), name, tag)?);
        }
        Ok(bounds)
    }

    /// The messages from the request to a bound field.
    fn parents(&self, places: &[usize]) -> Vec<&Field> {
        let (tables, request) = (&self.compiled.tables, self.route().request);
        let lengths = 1..places.len();
        lengths.filter_map(|length| tables.field_at(request, &places[..length])).collect()
    }

    /// The mask that an update without one has: what PATCH names, and all that PUT could name
    /// (AIP-134).
    fn put_mask(&self, out: &mut Vec<u8>, body: &str, bounds: &[Bound<'_>]) -> Result<(), Error> {
        let Compiled { tables, limits, .. } = &*self.compiled;
        let route = self.route();
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

    /// Where the stream goes on. A browser that reconnects repeats the query it began with and adds
    /// the header, which is therefore written after it and wins.
    fn put_resume(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let (Some((_, place)), Some(id)) = (self.route().resume, &self.head.last_event_id) else {
            return Ok(());
        };
        let tables = &self.compiled.tables;
        let field = &tables.message(self.route().request).fields[place];
        put_field(out, tables, field, Scalar::Bare(id), true)
            .map_err(|expected| Error::invalid_field(&*field.name, expected))
    }
}
