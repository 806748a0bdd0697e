//! Which texts are path templates, and what they mean.

use gateway::template::Template;

#[test]
fn a_template_prints_as_it_means() {
    for (text, printed) in [
        ("/", "/"),
        ("/v1/books", "/v1/books"),
        ("/v1/{book}", "/v1/{book=*}"),
        ("/v1/{book.name=shelves/*/books/*}:move", "/v1/{book.name=shelves/*/books/*}:move"),
        ("/v1/*/{rest=**}", "/v1/*/{rest=**}"),
        ("/%61/b%2fc", "/a/b%2Fc"),
    ] {
        assert_eq!(Template::parse(text).unwrap().to_string(), printed, "{text}");
    }
}

#[test]
fn a_variable_is_multi_segment_when_a_slash_can_stand_in_it() {
    for (text, expected) in [
        ("/{a}", false),
        ("/{a=*}", false),
        ("/{a=**}", true),
        ("/{a=b/*}", true),
        ("/v1/{a=b/c/*}/d", true),
    ] {
        let template = Template::parse(text).unwrap();
        assert_eq!(template.is_multi_segment(&template.variables()[0]), expected, "{text}");
    }
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    for (text, message) in [
        ("", "a template starts with a slash at byte 0"),
        ("v1", "a template starts with a slash at byte 0"),
        ("/v1/", "a segment is empty at byte 4"),
        ("/v1//books", "a segment is empty at byte 4"),
        ("/v1/**/books", "`**` must be the last segment at byte 7"),
        ("/v1/{a=**/b}", "`**` must be the last segment at byte 10"),
        ("/v1/{a", "a variable is not closed at byte 6"),
        ("/v1/{a={b}}", "a segment is empty at byte 7"),
        ("/v1/{}", "a field name starts with a letter or an underscore at byte 5"),
        ("/v1/{a.}", "a field name starts with a letter or an underscore at byte 7"),
        ("/{a}/{a}", "a variable is named twice at byte 7"),
        ("/v1/../books", "a dot segment is never sent by a client at byte 6"),
        ("/v1/%2e%2E", "a dot segment is never sent by a client at byte 10"),
        ("/v1/a%2", "`%` is not followed by two hexadecimal digits at byte 4"),
        ("/v1:", "the verb is empty at byte 4"),
        ("/v1:a:b", "unexpected character at byte 5"),
        ("/v1?x=y", "unexpected character at byte 3"),
        ("/v1/é", "a segment is empty at byte 4"),
    ] {
        assert_eq!(Template::parse(text).unwrap_err().to_string(), message, "{text}");
    }
}
