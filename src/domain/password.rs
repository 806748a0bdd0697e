//! Which passwords are guessed first, and therefore not to be chosen.

/// What is called by this name everywhere, and so in passwords.
const PRODUCT: &str = "veza";

/// The fewest characters of a name that counts as part of a password: shorter ones are part of many words.
const NAME_LENGTH_MIN: usize = 3;

/// Common passwords of eight characters and more: folded and sorted, one a line. README.md beside it says whose list it is.
const COMMON: &[u8] = include_bytes!("common_passwords/whole.txt");

/// The most common of all, from four characters on, which long ones are put together from. In the same form.
const PIECES: &[u8] = include_bytes!("common_passwords/pieces.txt");

/// The lengths of pieces, in bytes.
const PIECE_LENGTHS: std::ops::RangeInclusive<usize> = 4..=16;

/// What makes a password easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// It is one of the most common ones, or several of them put together.
    Common,
    /// It repeats a few characters, or counts through them.
    Pattern,
    /// It is mostly a name that everybody knows who knows the account.
    Name,
}

impl Weakness {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn description(self) -> String {
        let why = match self {
            Self::Common => "it is one of the most common passwords, or put together from them",
            Self::Pattern => "it repeats a few characters or counts through them",
            Self::Name => {
                "it is mostly your username, your e-mail address or the name of the service"
            }
        };
        format!(
            "must not be easy to guess: {why}; a few words that have nothing to do with each other make a good password"
        )
    }
}

/// What makes a folded password easy to guess, if anything does. `names` are known to everybody, as the folded username; what
/// has fewer than `length_min` characters would not do by itself, and does not when it is repeated.
#[must_use]
pub fn find_weakness(password: &str, names: &[String], length_min: usize) -> Option<Weakness> {
    if has_line(COMMON, password.as_bytes()) || is_put_together(password.as_bytes()) {
        return Some(Weakness::Common);
    }
    let characters: Vec<char> = password.chars().collect();
    if is_repeated(&characters, length_min) || is_counted(&characters) {
        return Some(Weakness::Pattern);
    }
    is_mostly(password, names).then_some(Weakness::Name)
}

/// Whether a sorted list has this line.
fn has_line(list: &[u8], line: &[u8]) -> bool {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let is_end = |byte: &u8| *byte == b'\n';
        let start = list[low..middle].iter().rposition(is_end).map_or(low, |at| low + at + 1);
        let end = list[middle..high].iter().position(is_end).map_or(high, |at| middle + at);
        match list[start..end].cmp(line) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

/// Whether a password is nothing but pieces.
fn is_put_together(password: &[u8]) -> bool {
    let mut reached = vec![false; password.len() + 1];
    reached[0] = true;
    for start in 0..password.len() {
        if reached[start] {
            let ends = PIECE_LENGTHS.map(|length| start + length);
            for end in ends.take_while(|end| *end <= password.len()) {
                reached[end] = reached[end] || has_line(PIECES, &password[start..end]);
            }
        }
    }
    reached[password.len()]
}

/// Whether fewer than `length_min` characters come again and again, twice at least.
fn is_repeated(characters: &[char], length_min: usize) -> bool {
    let repeats = |period: usize| {
        characters.iter().zip(&characters[period..]).all(|(one, other)| one == other)
    };
    (1..length_min.min(characters.len() / 2 + 1)).any(repeats)
}

/// Whether of the steps from one character to the next three quarters lead to the same or a neighbour, as in `12345` and
/// `aabbcc`.
fn is_counted(characters: &[char]) -> bool {
    let pairs = characters.windows(2);
    let steps = pairs.len();
    let near = pairs.filter(|pair| u32::from(pair[0]).abs_diff(u32::from(pair[1])) <= 1);
    steps > 0 && near.count() * 4 >= steps * 3
}

/// Whether at least half of a password are names and what they are made of.
fn is_mostly(password: &str, names: &[String]) -> bool {
    let parts = |name: &String| {
        let parts = name.split(|c: char| !c.is_alphabetic()).map(str::to_owned);
        parts.chain([name.clone()]).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = names.iter().flat_map(parts).chain([PRODUCT.into()]).collect();
    names.retain(|name| name.chars().count() >= NAME_LENGTH_MIN);
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    let rest = names.iter().fold(password.to_owned(), |rest, name| rest.replace(name, ""));
    rest.len() < password.len() && rest.chars().count() * 2 <= password.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(password: &str) -> Option<Weakness> {
        find_weakness(password, &["alexander".into(), "alex.smith".into()], 15)
    }

    #[test]
    fn authn_02_the_lists_are_sorted_folded_and_large_enough() {
        for (list, lines_min, bytes) in [(COMMON, 3000, 8..=64), (PIECES, 1000, PIECE_LENGTHS)] {
            let text = std::str::from_utf8(list).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.len() >= lines_min);
            assert!(lines.is_sorted_by(|one, other| one < other));
            for line in lines {
                assert_eq!(crate::domain::text::fold(line), line);
                assert!(bytes.contains(&line.len()), "{line}");
                assert!(has_line(list, line.as_bytes()), "{line}");
                assert!(!has_line(list, &line.as_bytes()[1..]) || text.contains(&line[1..]));
            }
            for absent in ["", "\n", "0", "zzzzzzzzzzzzzzzzzzzz", "correct horse"] {
                assert!(!has_line(list, absent.as_bytes()), "{absent:?}");
            }
        }
    }

    #[test]
    fn authn_02_common_passwords_and_what_is_put_together_from_them_are_weak() {
        for common in [
            "password",
            "iloveyou",
            "1qaz2wsx3edc4rfv",
            "passwordpassword",
            "qwertyuiop12345",
            "liverpool123456",
            "dragonmonkeyshadow",
            "manchesterunited",
        ] {
            assert_eq!(weakness(common), Some(Weakness::Common), "{common}");
        }
        for good in ["correct horse battery", "fifteen letters", "pässwörter 密码", "dragon monkey"]
        {
            assert_eq!(weakness(good), None, "{good}");
        }
    }

    #[test]
    fn authn_02_what_repeats_or_counts_is_weak() {
        for pattern in [
            "xxxxxxxxxxxxxxxxxxxx",
            "abcabcabcabcabca",
            "wolpertinger wolpertinger ",
            "äöüäöüäöüäöüäöü",
            "abcdefghijklmnopqrstuvwxyz",
            "zyxwvutsrqponmlkj",
            "aabbccddeeffgghhii",
        ] {
            assert_eq!(weakness(pattern), Some(Weakness::Pattern), "{pattern}");
        }
        // What would do alone does twice.
        assert_eq!(weakness("my wolpertinger! my wolpertinger! "), None);
    }

    #[test]
    fn authn_02_names_that_everybody_knows_are_no_passwords() {
        for name in [
            "alexander-2026!",
            "xxalexanderzz",
            "alex.smith-alex",
            "smith2026smith!",
            "vezavezavezaveza-1",
            "1veza-veza-veza2",
        ] {
            assert_eq!(weakness(name), Some(Weakness::Name), "{name}");
        }
        for good in ["alexander hates long queues", "veza is a fine backend"] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }
}
