//! JSON text cut into tokens, strictly as RFC 8259 has it; what they mean is the parser's business.

use std::borrow::Cow;

use super::{number, text};
use crate::error::Error;

/// A reader of JSON text that is told what to read next. Nothing is copied but strings with
/// escapes.
#[derive(Clone)]
pub(crate) struct Lexer<'j> {
    text: &'j str,
    at: usize,
    depth: usize,
    depth_max: usize,
    /// An object or array has just begun, so that no comma is due.
    fresh: bool,
}

/// What the next value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'j> Lexer<'j> {
    pub(crate) fn new(text: &'j str, depth_max: usize) -> Self {
        Self { text, at: 0, depth: 0, depth_max, fresh: false }
    }

    /// Looks at the next value without reading it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Token, Error> {
        match self.peek_byte() {
            Some(b'{') => Ok(Token::Object),
            Some(b'[') => Ok(Token::Array),
            Some(b'"') => Ok(Token::String),
            Some(b'-' | b'0'..=b'9') => Ok(Token::Number),
            Some(b't' | b'f') => Ok(Token::Bool),
            Some(b'n') => Ok(Token::Null),
            Some(_) => Err(self.malformed("unexpected character")),
            None => Err(self.malformed("the text ends too early")),
        }
    }

    pub(crate) fn null(&mut self) -> Result<(), Error> {
        if self.take_word("null") { Ok(()) } else { Err(self.malformed("unexpected character")) }
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Error> {
        if self.take_word("true") {
            Ok(true)
        } else if self.take_word("false") {
            Ok(false)
        } else {
            Err(self.malformed("unexpected character"))
        }
    }

    /// A number as it is written.
    pub(crate) fn number(&mut self) -> Result<&'j str, Error> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let length = number::literal_length(rest).ok_or_else(|| self.malformed("a bad number"))?;
        self.at += length;
        Ok(&rest[..length])
    }

    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'j, str>, Error> {
        self.expect(b'"', "a string was expected")?;
        let run = self.plain_run()?;
        if self.take(b'"') {
            return Ok(Cow::Borrowed(run));
        }
        let mut unescaped = run.to_owned();
        loop {
            if self.take(b'"') {
                return Ok(Cow::Owned(unescaped));
            }
            // A run ends at a quote or a backslash only.
            self.at += 1;
            unescaped.push(self.escape()?);
            unescaped.push_str(self.plain_run()?);
        }
    }

    pub(crate) fn begin_object(&mut self) -> Result<(), Error> {
        self.begin(b'{', "an object was expected")
    }

    pub(crate) fn begin_array(&mut self) -> Result<(), Error> {
        self.begin(b'[', "an array was expected")
    }

    /// The next key of the object, its colon read too; `None` at the end of the object.
    pub(crate) fn next_key(&mut self) -> Result<Option<Cow<'j, str>>, Error> {
        if self.next_member()? { self.key().map(Some) } else { Ok(None) }
    }

    /// Whether the object has another member, whose key is then to be read.
    #[inline]
    pub(super) fn next_member(&mut self) -> Result<bool, Error> {
        let is_there = self.next(b'}')?;
        self.skip_space();
        Ok(is_there)
    }

    /// The key of a member, its colon read too.
    pub(super) fn key(&mut self) -> Result<Cow<'j, str>, Error> {
        let key = self.string()?;
        self.skip_space();
        self.expect(b':', "a colon was expected")?;
        Ok(key)
    }

    /// Reads the key of a member when it is this one, given in quotes and with its colon. Another
    /// spelling of it, such as one with a space before the colon, is left for [`Lexer::key`].
    #[inline]
    pub(super) fn take_key(&mut self, quoted: &[u8]) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(quoted);
        self.at += if found { quoted.len() } else { 0 };
        found
    }

    /// Whether the array has another element, which is then to be read.
    #[inline]
    pub(crate) fn next_element(&mut self) -> Result<bool, Error> {
        self.next(b']')
    }

    /// Reads past an object without members, and answers whether there was one.
    pub(super) fn skip_empty_object(&mut self) -> Result<bool, Error> {
        let mut ahead = self.clone();
        ahead.begin_object()?;
        let is_empty = !ahead.next(b'}')?;
        if is_empty {
            *self = ahead;
        }
        Ok(is_empty)
    }

    /// Where the next value begins, in bytes.
    pub(super) fn offset(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// Goes on at a value whose [`Lexer::offset`] was taken; only a scalar can be read there.
    pub(super) fn seek(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Reads past one value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        match self.peek()? {
            Token::Null => self.null(),
            Token::Bool => self.boolean().map(drop),
            Token::Number => self.number().map(drop),
            Token::String => self.skip_string(),
            Token::Array => {
                self.begin_array()?;
                while self.next_element()? {
                    self.skip()?;
                }
                Ok(())
            }
            Token::Object => {
                self.begin_object()?;
                while self.next_key()?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
        }
    }

    /// Makes sure that nothing follows the value.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        match self.peek_byte() {
            None => Ok(()),
            Some(_) => Err(self.malformed("unexpected character after the value")),
        }
    }

    fn skip_string(&mut self) -> Result<(), Error> {
        self.expect(b'"', "a string was expected")?;
        loop {
            self.plain_run()?;
            if self.take(b'"') {
                return Ok(());
            }
            // A run ends at a quote or a backslash only.
            self.at += 1;
            self.escape()?;
        }
    }

    fn begin(&mut self, bracket: u8, otherwise: &str) -> Result<(), Error> {
        self.skip_space();
        self.expect(bracket, otherwise)?;
        self.depth += 1;
        if self.depth > self.depth_max {
            return Err(self.too_deep("values", self.depth_max));
        }
        self.fresh = true;
        Ok(())
    }

    #[inline]
    fn next(&mut self, bracket: u8) -> Result<bool, Error> {
        self.skip_space();
        let first = std::mem::take(&mut self.fresh);
        if self.take(bracket) {
            self.depth -= 1;
            return Ok(false);
        }
        if !first {
            self.expect(b',', "a comma was expected")?;
        }
        Ok(true)
    }

    /// The characters up to the next quote or escape.
    #[inline]
    fn plain_run(&mut self) -> Result<&'j str, Error> {
        let rest = &self.text[self.at..];
        let length = text::plain_length(rest.as_bytes());
        self.at += length;
        match self.byte() {
            Some(b'"' | b'\\') => Ok(&rest[..length]),
            Some(_) => Err(self.malformed("a control character must be escaped")),
            None => Err(self.malformed("a string is not closed")),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Error> {
        let escaped = self.byte();
        self.at += 1;
        match escaped {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.malformed("an unknown escape")),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.utf16_unit()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        let mut second = None;
        if is_high && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            second = Some(self.utf16_unit()?);
        }
        match char::decode_utf16([first].into_iter().chain(second)).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(self.malformed("a surrogate stands alone")),
        }
    }

    fn utf16_unit(&mut self) -> Result<u16, Error> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.malformed("an escape needs four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8, otherwise: &str) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(self.malformed(otherwise)) }
    }

    #[inline]
    fn peek_byte(&mut self) -> Option<u8> {
        self.skip_space();
        self.byte()
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn malformed(&self, reason: &str) -> Error {
        Error::malformed(format!("the body is not valid JSON: {reason} at {}", self.position()))
    }

    /// The error of a body in which something is nested deeper than it may be.
    pub(super) fn too_deep(&self, what: &str, depth_max: usize) -> Error {
        let position = self.position();
        Error::malformed(format!("the body nests {what} deeper than {depth_max} at {position}"))
    }

    /// Where the reader stands, as people count: in lines and characters, from 1.
    fn position(&self) -> String {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let lines = before.split(|&byte| byte == b'\n');
        let last_line = lines.clone().next_back().unwrap_or_default();
        // All bytes of a character but the first begin with the bits 10.
        let characters = last_line.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        format!("line {}, column {}", lines.count(), characters + 1)
    }
}
