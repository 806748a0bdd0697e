"""Calls a server with the clients that people use, and prints one line for each check.

usage: run.py BINARY         starts a server, and looks at its OpenAPI document, too
       run.py --at ADDRESS   calls the server that runs there
"""

import sys
from collections.abc import Iterator

from clients import AUTH, CHAT, every_client
from document import Finding, of_document
from page import of_page
from server import PASSWORD, running
from tokens import of_tokens

UNKNOWN_ID = "0190d8a6-0000-7000-8000-000000000000"


def checks(client, number: int) -> Iterator[tuple[str, object, object]]:
    """What a client does, as name, expectation and finding."""
    name = f"ann{number}"
    credentials = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    registered = client.call(f"{AUTH}/Register", credentials)
    yield "register", "OK", registered.code

    signed_in = client.call(f"{AUTH}/Login", {"identifier": name, "password": PASSWORD})
    yield "sign in", "OK", signed_in.code
    token = signed_in.body["result"]["tokens"]["accessToken"] if signed_in.body else ""

    room = {"room": {"name": f"Room of {name}", "description": "Ünïcode 🎮"}}
    created = client.call(f"{CHAT}/CreateRoom", room, token)
    yield "create a room", "OK", created.code
    identifier = created.body["room"]["id"] if created.body else UNKNOWN_ID
    read = client.call(f"{CHAT}/GetRoom", {"id": identifier}, token)
    found = (read.body or {}).get("room", {}).get("description")
    yield "read it", room["room"]["description"], found

    listed = client.call(f"{CHAT}/ListRooms", {}, token)
    names = [listed_room["name"] for listed_room in (listed.body or {}).get("rooms", [])]
    yield "list it", True, room["room"]["name"] in names

    unknown = client.call(f"{CHAT}/GetRoom", {"id": UNKNOWN_ID}, token)
    yield "an error and its reason", ("NOT_FOUND", "NOT_FOUND"), (unknown.code, unknown.reason)
    nobody = client.call(f"{CHAT}/ListRooms", {})
    expected = ("UNAUTHENTICATED", "MISSING_TOKEN")
    yield "no token", expected, (nobody.code, nobody.reason)
    invalid = client.call(f"{CHAT}/CreateRoom", {"room": {"description": "no name"}}, token)
    expected = ("INVALID_ARGUMENT", "INVALID_FIELDS")
    yield "a bad field", expected, (invalid.code, invalid.reason)


def of_clients(address: str) -> Iterator[Finding]:
    for number, client in enumerate(every_client(address)):
        for name, expected, found in checks(client, number):
            why = "" if found == expected else f"expected {expected}, found {found}"
            yield client.name, name, why


def of_binary(binary: str) -> Iterator[Finding]:
    with running(binary) as server:
        yield from of_clients(server.address)
    yield from of_tokens(binary)
    yield from of_page(binary)
    yield from of_document(binary)


def main(arguments: list[str]) -> int:
    passed = failed = 0
    match arguments:
        case ["--at", address]:
            found = of_clients(address)
        case [binary]:
            found = of_binary(binary)
        case _:
            sys.exit(__doc__)
    for tool, name, why in found:
        if why:
            failed += 1
            print(f"FAILED  {tool}: {name}: {why}", flush=True)
        else:
            passed += 1
            print(f"ok      {tool}: {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
