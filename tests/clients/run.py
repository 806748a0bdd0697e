"""Calls a server with the clients that people use, and prints one line for each check."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from clients import AUTH, CHAT, every_client

PASSWORD = "correct horse battery"
UNKNOWN_ID = "0190d8a6-0000-7000-8000-000000000000"


@contextmanager
def running(binary: str) -> Iterator[str]:
    """A server with an empty database; gives its address, and stops it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "LISTEN_ADDR": "127.0.0.1:0",
            "DATABASE_URL": f"sqlite:{folder}/veza.db",
            "JWT_SECRET": "a secret that only tests know, 48 bytes or longer",
            "LOG_FORMAT": "json",
            "SIGN_IN_RATE_LIMIT_PER_MINUTE": "1000",
        }
        binary = os.path.abspath(binary)
        server = subprocess.Popen(
            [binary], env=environment, cwd=folder, stdout=subprocess.PIPE, text=True
        )
        try:
            address = listening_address(server)
            # A server that nobody reads from would stop when the pipe is full.
            threading.Thread(target=server.stdout.read, daemon=True).start()
            yield address
        finally:
            server.terminate()
            server.wait(timeout=60)


def listening_address(server: subprocess.Popen) -> str:
    for line in server.stdout:
        entry = json.loads(line)
        if entry.get("event") == "listening":
            return entry["address"]
    sys.exit("the server did not start")


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


def main(binary: str) -> int:
    passed = failed = 0
    with running(binary) as address:
        for number, client in enumerate(every_client(address)):
            for name, expected, found in checks(client, number):
                if found == expected:
                    passed += 1
                    print(f"ok      {client.name}: {name}")
                else:
                    failed += 1
                    print(f"FAILED  {client.name}: {name}: expected {expected}, found {found}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
