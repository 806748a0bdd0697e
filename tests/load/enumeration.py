#!/usr/bin/env python3
"""Measures whether the time of an answer tells known accounts from unknown ones: the same number of each, in turn, each
account from an address of its own that it has not seen before. What is called is Login with a wrong password,
RequestPasswordReset, or Register where addresses are verified first. Prints the medians and the Mann-Whitney U test of both samples.

    tests/load/enumeration.py [BINARY] [SAMPLES] [login|forgot|register]
"""

import http.client
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    "LISTEN_ADDR": "127.0.0.1:0",
    "LOG_FORMAT": "json",
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "SIGN_IN_RATE_LIMIT_PER_MINUTE": "1000000",
    "TRUSTED_PROXIES": "127.0.0.1",
}
PASSWORD = "correct horse battery"


def main() -> None:
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/veza")
    samples = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    what = sys.argv[3] if len(sys.argv) > 3 else "login"
    with tempfile.TemporaryDirectory() as folder:
        with running(binary, folder, "off") as connection:
            for number in range(samples):
                call(connection, "register", account("ann", number), f"10.0.{address(number)}", 200)
        with running(binary, folder, "required") as connection:
            known, unknown = measure(connection, what, samples)
    report(known, unknown)


@contextmanager
def running(binary: str, folder: str, verification: str) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server that is stopped afterwards."""
    environment = {
        **SETTINGS,
        "DATABASE_URL": f"sqlite:{folder}/veza.db",
        "EMAIL_VERIFICATION": verification,
    }
    with open(f"{folder}/log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([binary], env=environment, cwd=folder, stdout=log)
    try:
        yield connect(f"{folder}/log")
    finally:
        server.terminate()
        server.wait()


def connect(log: str) -> http.client.HTTPConnection:
    """A connection to the server that says in this log where it listens."""
    while True:
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n") and json.loads(line).get("event") == "listening":
                    return http.client.HTTPConnection(json.loads(line)["address"])
        time.sleep(0.05)


def measure(connection: http.client.HTTPConnection, what: str, samples: int) -> tuple[list, list]:
    """How many milliseconds a call took for accounts that exist, and for others."""
    known, unknown = [], []
    for number in range(samples):
        turns = [("ann", known), ("bob", unknown)]
        for name, times in turns if number % 2 else reversed(turns):
            path, body, expected = request(what, name, number)
            begin = time.perf_counter()
            call(connection, path, body, f"10.1.{address(number)}", expected)
            times.append((time.perf_counter() - begin) * 1000)
    return known, unknown


def request(what: str, name: str, number: int) -> tuple[str, dict, int]:
    """What is asked about an account: path, body, and the status that everybody gets."""
    match what:
        case "login":
            wrong = {"identifier": f"{name}{number}", "password": "not the right one"}
            return "login", wrong, 401
        case "forgot":
            return "password/forgot", {"identifier": f"{name}{number}@example.com"}, 200
        case "register":
            # The username is free: that it is taken may be known.
            return "register", {**account(name, number), "username": f"new{name}{number}"}, 200
    sys.exit(f"there is nothing to measure about {what}")


def account(name: str, number: int) -> dict:
    email = f"{name}{number}@example.com"
    return {"email": email, "username": f"{name}{number}", "password": PASSWORD}


def address(number: int) -> str:
    return f"{number // 250}.{number % 250}"


def call(connection, path: str, body: dict, address: str, expected: int) -> None:
    headers = {"content-type": "application/json", "x-forwarded-for": address}
    connection.request("POST", f"/api/v1/auth/{path}", json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != expected:
        sys.exit(f"{path}: {answer.status} {text.decode()}")


def report(known: list, unknown: list) -> None:
    medians = [statistics.median(times) for times in (known, unknown)]
    difference = abs(medians[0] - medians[1]) / medians[1]
    print(f"samples: {len(known)} of each, in turn")
    print(f"median: known {medians[0]:.3f} ms, unknown {medians[1]:.3f} ms")
    print(f"difference of the medians: {difference:.2%} (asked for: less than 5%)")
    print(f"Mann-Whitney U: p = {mann_whitney(known, unknown):.3f} (asked for: more than 0.01)")


def mann_whitney(one: list, other: list) -> float:
    """The two-sided p-value by the normal approximation; times are never equal, so nothing is said of ties."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


main()
