//! Any text is a template or an error, and a template that is shown and read again is the same.

#![no_main]

use gateway::template::Template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Template::parse(text) {
        Ok(template) => {
            let shown = template.to_string();
            assert_eq!(Template::parse(&shown).as_ref(), Ok(&template), "{shown}");
        }
        Err(error) => assert!(error.offset <= text.len(), "{error:?}"),
    }
});
