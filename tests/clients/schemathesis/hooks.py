"""What schemathesis cannot know: accounts and tokens that exist. Counts the answers of each operation."""

import json
import os
import threading
from collections import Counter, defaultdict

import jsonschema_rs
import schemathesis

from server import totp

# By the id of their operation.
BODIES = json.loads(os.environ["VEZA_BODIES"])
PATHS = json.loads(os.environ["VEZA_PATHS"])

answers = defaultdict(Counter)
lock = threading.Lock()


def name(operation) -> str:
    return operation.definition.raw["operationId"]


@schemathesis.hook
def before_add_examples(context, examples):
    """Adds a body or a path that can succeed where random ones cannot: only a schema's form can be guessed."""
    body = BODIES.get(name(context.operation))
    if body is not None:
        examples.append(context.operation.Case(body=body, media_type="application/json"))
    path = PATHS.get(name(context.operation))
    if path is not None:
        examples.append(context.operation.Case(path_parameters=path))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Shows what the app shows, at the moment of the call, where its example stands."""
    if name(case.operation) == "ConfirmTotp" and case.body == BODIES["ConfirmTotp"]:
        case.body = {"totpCode": totp(os.environ["VEZA_SECRET"])}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is right although no schema says so."""
    match failure.code:
        case "ST201":
            return not is_other_spelling(case)
        case "ST202":
            return not is_beyond_schemas(response)
    return True


def is_other_spelling(case) -> bool:
    """Whether a body is valid without its members that are null or the number of an enum's value: proto3 JSON reads the
    first as members that are not there, and the second as the name of the value."""
    if not isinstance(case.body, dict):
        return False
    components = case.operation.schema.raw_schema["components"]
    content = case.operation.definition.raw["requestBody"]["content"]
    schema = content["application/json"]["schema"]

    def resolved(schema: dict) -> dict:
        return components["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    properties = resolved(schema).get("properties", {})

    def is_other(member: str, value) -> bool:
        is_enum = "enum" in resolved(properties.get(member, {}))
        return value is None or (type(value) is int and is_enum)

    given = {member: value for member, value in case.body.items() if not is_other(member, value)}
    is_changed = len(given) < len(case.body)
    return is_changed and jsonschema_rs.is_valid({"components": components, "allOf": [schema]}, given)


def is_beyond_schemas(response) -> bool:
    """Whether all that was wrong is a text in which nothing can be seen, a name that is more than one line, or a password
    that is easy to guess, by lists that are too long for a pattern."""
    details = response.json().get("details", [])
    violations = [one for detail in details for one in detail.get("fieldViolations", [])]
    beyond = ("must not be blank", "must be on one line", "must not be easy to guess")
    return bool(violations) and all(one["description"].startswith(beyond) for one in violations)


@schemathesis.hook
def after_call(context, case, response):
    with lock:
        answers[name(case.operation)][response.status_code] += 1
        with open(os.environ["VEZA_ANSWERS"], "w", encoding="utf-8") as file:
            json.dump(answers, file)
