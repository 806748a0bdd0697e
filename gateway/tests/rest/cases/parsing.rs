//! Which texts are templates, by the suites.

use gateway::template::{Segment, Template};
use serde_json::{Value, json};

use super::{Tally, check, core_cases, load};

#[test]
fn template_parse_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let mut tally = Tally::default();
    for case in core_cases(&file, &["template_parse"]) {
        tally.note(case, run(case));
    }
    tally.finish("template_parse");
}

fn run(case: &Value) -> Result<(), String> {
    let text = case["template"].as_str().unwrap();
    let expect = &case["expect"];
    let template = match (Template::parse(text), expect["error"].is_null()) {
        (Ok(template), true) => template,
        (Err(_), false) => return Ok(()),
        (result, _) => return Err(format!("{text} -> {result:?}")),
    };
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Wildcard => "*".to_owned(),
        Segment::Rest => "**".to_owned(),
    };
    let segments: Vec<_> = template.segments().iter().map(segment).collect();
    // The suites count the end of a variable that takes the rest from the back.
    let end = |end: usize| match template.segments().last() {
        Some(Segment::Rest) if end == template.segments().len() => json!(-1),
        _ => json!(end),
    };
    let variables: Vec<_> = template
        .variables()
        .iter()
        .map(|v| json!({"field_path": v.field_path, "start": v.start, "end": end(v.end)}))
        .collect();
    let verb = template.verb().unwrap_or_default();
    for (name, actual) in
        [("segments", json!(segments)), ("verb", json!(verb)), ("variables", json!(variables))]
    {
        // A suite that does not look at variables says that there are none.
        let is_asserted = !expect[name].is_null() && expect[name] != json!([]);
        check(!is_asserted || expect[name] == actual, || format!("{text}: {name} {actual}"))?;
    }
    Ok(())
}
