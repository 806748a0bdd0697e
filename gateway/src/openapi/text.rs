//! Comments of protos as texts of the document: `CommonMark` in descriptions, plain text in summaries.

/// A comment as `CommonMark`: of a link to another proto (AIP-192), which leads nowhere in a document, its text is left.
pub(super) fn description(comment: &str) -> String {
    rewrite(comment, |span| match span {
        Span::Code(code) => format!("`{code}`"),
        Span::Link { text, url: Some(url) } => format!("[{text}]({url})"),
        Span::Link { text, url: None } => text.to_owned(),
    })
}

/// The first sentence of a comment, without marks and its full stop.
pub(super) fn summary(comment: &str) -> String {
    let plain = rewrite(first_sentence(comment), |span| match span {
        Span::Code(text) | Span::Link { text, .. } => text.to_owned(),
    });
    plain.trim_end_matches('.').to_owned()
}

/// Up to the first full stop that ends a sentence: one before a space and a capital letter, or at the end.
fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let ends = |at: &usize| {
        let mut rest = paragraph[at + 1..].chars();
        rest.next().is_some_and(char::is_whitespace) && rest.next().is_some_and(char::is_uppercase)
    };
    let end = paragraph.match_indices('.').map(|(at, _)| at).find(ends);
    end.map_or(paragraph, |at| &paragraph[..at])
}

/// A marked part of a text.
enum Span<'t> {
    Code(&'t str),
    /// To a URL, or to another proto.
    Link {
        text: &'t str,
        url: Option<&'t str>,
    },
}

/// Replaces the marked parts of a text. A mark that nothing closes stands for itself.
fn rewrite(text: &str, replace: impl Fn(Span) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[']) {
        out += &rest[..at];
        rest = &rest[at..];
        let span = if rest.starts_with('`') { code(rest) } else { link(rest) };
        if let Some((span, after)) = span {
            out += &replace(span);
            rest = after;
        } else {
            out += &rest[..1];
            rest = &rest[1..];
        }
    }
    out + rest
}

fn code(text: &str) -> Option<(Span<'_>, &str)> {
    let (code, after) = text.strip_prefix('`')?.split_once('`')?;
    Some((Span::Code(code), after))
}

/// `[text](url)`, `[text][a.proto.Name]`, or `[a.proto.Name][]`, which goes by the last part of the name.
fn link(text: &str) -> Option<(Span<'_>, &str)> {
    let (text, after) = text.strip_prefix('[')?.split_once(']')?;
    if let Some(after) = after.strip_prefix('(') {
        let (url, after) = after.split_once(')')?;
        return Some((Span::Link { text, url: Some(url) }, after));
    }
    let (name, after) = after.strip_prefix('[')?.split_once(']')?;
    let text = if name.is_empty() { text.rsplit('.').next().unwrap_or(text) } else { text };
    Some((Span::Link { text, url: None }, after))
}
