//! Devices: what a session was begun on, as far as the client says, and how that can be repeated to others.

/// How many characters of a name that a client made up are repeated.
const NAME_MAX: usize = 40;

/// What a client says that it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// What the client calls it, as `Ann's phone`.
    pub client_name: String,
    /// Which program it is, as the `user-agent` of HTTP.
    pub user_agent: String,
}

impl Device {
    /// Whether two sessions were begun on the same one, as far as that can be seen. Programs get new versions every few
    /// weeks: another number does not make another device.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        fn unnumbered(text: &str) -> impl Iterator<Item = char> {
            text.chars().filter(|c| !c.is_ascii_digit() && *c != '.')
        }
        self.client_name == other.client_name
            && unnumbered(&self.user_agent).eq(unnumbered(&other.user_agent))
    }

    /// What it is in words: a program and a system that are known by name, and the client's own name for it, from which
    /// nothing is left that could be taken for a link.
    #[must_use]
    pub fn describe(&self) -> String {
        let program = find(&self.user_agent, &PROGRAMS);
        let system = find(&self.user_agent, &SYSTEMS);
        let known = match (program, system) {
            (Some(program), Some(system)) => format!("{program} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "an unknown program".to_owned(),
        };
        match plain(&self.client_name) {
            name if name.is_empty() => known,
            name => format!("{name} ({known})"),
        }
    }
}

/// What tells of a program, and its name: the first that is found, because browsers name their ancestors, too.
const PROGRAMS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("grpc", "a gRPC client"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

fn find(text: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(sign, _)| text.contains(sign)).map(|(_, name)| *name)
}

/// A name that somebody made up, fit to stand in a mail to somebody else: on one line, short, and without what mail
/// programs make links of. Otherwise whoever signs up with the address of another could have us send them anything.
#[must_use]
pub fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "'’-_()".contains(c) { c } else { ' ' };
    let words: String = name.chars().map(kept).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(NAME_MAX).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(client_name: &str, user_agent: &str) -> Device {
        Device { client_name: client_name.into(), user_agent: user_agent.into() }
    }

    #[test]
    fn a_new_version_of_a_program_is_no_new_device() {
        let before = device("", "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Firefox/142.0");
        let after = device("", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0.1) Firefox/143.0.1");
        let other = device("", "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0");
        assert!(before.is_like(&after));
        assert!(!before.is_like(&other));
        assert!(!before.is_like(&Device { client_name: "phone".into(), ..before.clone() }));
    }

    #[test]
    fn a_device_is_described_by_names_that_are_known() {
        let safari =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36 Edg/142.0";
        for (name, agent, words) in [
            ("", safari, "Safari on iPhone"),
            ("Ann's phone", safari, "Ann's phone (Safari on iPhone)"),
            ("", edge, "Edge on Windows"),
            ("", "grpc-go/1.76.0", "a gRPC client"),
            ("", "https://evil.example/", "an unknown program"),
            ("", "", "an unknown program"),
        ] {
            assert_eq!(device(name, agent).describe(), words);
        }
    }

    #[test]
    fn nothing_of_a_made_up_name_can_be_taken_for_a_link() {
        assert_eq!(plain("Win at https://evil.example/?a=b"), "Win at https evil example a b");
        assert_eq!(plain("Ann\r\nBcc: bob@evil.example"), "Ann Bcc bob evil example");
        assert_eq!(plain("<b>Zoë & 李</b>"), "b Zoë 李 b");
        assert_eq!(plain(" ... "), "");
        assert_eq!(plain(&"x".repeat(99)).len(), NAME_MAX);
    }
}
