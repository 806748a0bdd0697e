//! Field masks between their JSON text, paths in camel case with commas between, and proto names.

/// The proto name of a path as JSON spells it. `None` when it holds what JSON never does: an
/// underscore, or anything but letters, digits, dots and the star of a full replacement.
pub(crate) fn path_from_json(path: &str) -> Option<String> {
    path.bytes().all(|b| b.is_ascii_alphanumeric() || b".*".contains(&b)).then(|| snake_case(path))
}

/// A path in either spelling, as people write it in a URL. `None` when it is no path. A name with an
/// underscore is a proto name already, whatever else it holds.
pub(crate) fn path_from_either(path: &str) -> Option<String> {
    let plausible = |b: u8| b.is_ascii_alphanumeric() || b"._*".contains(&b);
    let proto_name = |name: &str| {
        if name.contains('_') { name.to_owned() } else { snake_case(name) }
    };
    let names = || path.split('.').map(proto_name).collect::<Vec<_>>().join(".");
    path.bytes().all(plausible).then(names)
}

/// A path as JSON spells it. `None` when it would not read back the same, as no path at all.
pub(crate) fn path_to_json(path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let mut camel = String::with_capacity(path.len());
    let mut raise = false;
    for character in path.chars() {
        match character {
            '_' if !raise => raise = true,
            'a'..='z' => {
                camel.push(if raise { character.to_ascii_uppercase() } else { character });
                raise = false;
            }
            '0'..='9' | '.' | '*' if !raise => camel.push(character),
            _ => return None,
        }
    }
    (!raise).then_some(camel)
}

fn snake_case(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
