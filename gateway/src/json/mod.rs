//! Canonical proto3 JSON to and from protobuf wire bytes, by the tables alone; HTTP is not known
//! here.

mod expected;
mod field_mask;
mod lexer;
mod number;
mod parse_any;
mod parser;
mod place;
mod print_in_order;
mod print_well_known;
mod printer;
mod scalar;
mod scan;
mod text;
mod time;
mod well_known;

pub(crate) use field_mask::path_from_either;
pub(crate) use lexer::{Lexer, Token};
pub(crate) use parser::Parser;
pub(crate) use place::{Bound, in_brackets};
pub(crate) use print_well_known::seconds;
pub(crate) use printer::{PrintOptions, Printer};
pub(crate) use scalar::{Scalar, put_field};
pub(crate) use text::{base64, put_string};
