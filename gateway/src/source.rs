//! What a proto file's source says beyond its declarations: the comment and the line of each.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The comments and lines of one file, by the path that descriptor.proto gives each declaration.
pub(crate) struct Source {
    by_path: HashMap<Vec<i32>, Declaration>,
}

struct Declaration {
    comment: Option<String>,
    line: u32,
}

impl Source {
    pub(crate) fn of(file: &FileDescriptor) -> Self {
        let info = file.file_descriptor_proto().source_code_info.iter();
        let by_path = info.flat_map(|info| &info.location).map(|location| {
            let line = location.span.first().copied().unwrap_or_default();
            let comment = location.leading_comments.as_deref().map(text);
            let comment = comment.filter(|comment| !comment.is_empty());
            // Spans count from 0, and people from 1.
            let line = u32::try_from(line).unwrap_or_default() + 1;
            (location.path.clone(), Declaration { comment, line })
        });
        Self { by_path: by_path.collect() }
    }

    /// The comment before the declaration, without the marks of a comment.
    pub(crate) fn comment(&self, path: &[i32]) -> Option<&str> {
        self.by_path.get(path)?.comment.as_deref()
    }

    /// The line of the declaration, counted from 1; 1 where the descriptors come without source.
    pub(crate) fn line(&self, path: &[i32]) -> u32 {
        self.by_path.get(path).map_or(1, |declaration| declaration.line)
    }
}

/// The lines without the space after the slashes; paragraphs stay apart, lines within them are joined.
fn text(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| {
        let lines: Vec<&str> =
            paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        // A list or an indented example is meant to keep its lines.
        let keeps_lines = lines.iter().any(|line| line.starts_with("- ") || line.starts_with("* "));
        lines.join(if keeps_lines { "\n" } else { " " })
    });
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}
