"""A server with an empty database and an administrator, for as long as it is needed."""

import base64
import hmac
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PASSWORD = "correct horse battery staple"
ADMINISTRATOR = "root"
PATIENCE_SECONDS = 30
SECRET = "a secret that only tests know, 48 bytes or longer"

# Clients that try many things quickly are not to be told to wait, and a password is good as soon as the contract
# says so.
SETTINGS = {
    "LISTEN_ADDR": "127.0.0.1:0",
    "JWT_SECRET": SECRET,
    "LOG_FORMAT": "json",
    "PASSWORD_LENGTH_MIN": "8",
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "SIGN_IN_RATE_LIMIT_PER_MINUTE": "1000000",
    "SIGN_IN_FAILURES_PER_HOUR": "1000000",
    "SIGN_IN_DELAY_MAX": "1ms",
    "SQLITE_SYNCHRONOUS": "normal",
}


@dataclass
class Server:
    """A server that runs."""

    address: str
    database: str
    log: str

    @property
    def issuer(self) -> str:
        """Where others find it, when it was told that this is its name."""
        return f"http://{self.address}"

    def post(self, path: str, body: dict, token: str | None = None) -> dict:
        """Calls a REST route, as the owner of an access token or as nobody."""
        content = json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"http://{self.address}{path}", content, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def tokens(self, identifier: str) -> dict:
        """Signs in and gives the tokens of the session."""
        credentials = {"identifier": identifier, "password": PASSWORD}
        return self.post("/api/v1/auth/login", credentials)["tokens"]

    def enroll(self, token: str) -> str:
        """Sets up an authenticator app for somebody; its secret."""
        return self.post("/api/v1/auth/mfa/totp", {}, token)["secret"]

    def enable(self, token: str) -> list[str]:
        """Gives somebody a second factor; the recovery codes."""
        code = {"totpCode": totp(self.enroll(token))}
        return self.post("/api/v1/auth/mfa/totp/confirm", code, token)["recoveryCodes"]

    def mailed_token(self, address: str, page: str) -> str:
        """The token of the link to a page in the first mail to somebody: without a mail server, the log has it."""
        link = f"{page}#token="
        is_it = lambda entry: entry.get("to") == address and link in entry["text"]
        return find(self.log, is_it)["text"].split(link)[1].split()[0]


def totp(secret: str) -> str:
    """What an authenticator app shows now that was set up with this secret (RFC 6238)."""
    step = struct.pack(">q", int(time.time()) // 30)
    tag = hmac.digest(base64.b32decode(secret), step, "sha1")
    place = tag[19] & 15
    number = struct.unpack(">I", tag[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


@contextmanager
def provider() -> Iterator[dict[str, str]]:
    """A provider of identities, `corp`, that is GitHub as well, and vouches for one person; the settings of a server that lets people
    sign in through it."""
    module = os.path.abspath("target/tools/identity/node_modules/oauth2-mock-server/dist/index.mjs")
    emails = [{"email": "octo@corp.example", "primary": True, "verified": True}]
    rules = {
        "claims": {"sub": "zoe", "email": "zoe@corp.example", "email_verified": True},
        "github": {"user": {"id": 42, "login": "octo"}, "emails": emails},
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/rules", "w", encoding="utf-8") as file:
            json.dump(rules, file)
        command = ["node", "tests/support/identity.mjs", module, str(port), folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            yield {
                "OAUTH_BASE_URL": "https://app.example.com",
                "OAUTH_RETURN_TO": "https://app.example.com/signed-in",
                "OAUTH_PRIVATE_NETWORKS": "127.0.0.1",
                "OAUTH_OIDC_NAME": "corp",
                "OAUTH_OIDC_ISSUER": url,
                "OAUTH_OIDC_CLIENT_ID": "veza",
                "OAUTH_OIDC_CLIENT_SECRET": "corp-s3cret",
                "OAUTH_GITHUB_CLIENT_ID": "veza",
                "OAUTH_GITHUB_CLIENT_SECRET": "github-s3cret",
                "OAUTH_GITHUB_URL": f"{url}/github",
                "OAUTH_GITHUB_API_URL": f"{url}/github/api",
            }
        finally:
            process.kill()
            process.wait()


@contextmanager
def running(binary: str, **settings: str) -> Iterator[Server]:
    """Starts a server that is set in this way, and stops it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"{folder}/veza.db"
        environment = {**SETTINGS, "DATABASE_URL": f"sqlite:{database}", **settings}
        binary = os.path.abspath(binary)
        name = ["--username", ADMINISTRATOR, "--email", "root@example.com", "--password-stdin"]
        subprocess.run(
            [binary, "admin", "create", *name],
            env=environment,
            cwd=folder,
            input=PASSWORD,
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        log = f"{folder}/log"
        with open(log, "w", encoding="utf-8") as output:
            server = subprocess.Popen([binary], env=environment, cwd=folder, stdout=output)
        try:
            listening = find(log, lambda entry: entry.get("event") == "listening")
            yield Server(listening["address"], database, log)
        finally:
            server.terminate()
            server.wait(timeout=60)


def find(log: str, is_wanted: Callable[[dict], bool]) -> dict:
    """The first line of a log that is wanted, once it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with open(log, encoding="utf-8") as lines:
            whole = (json.loads(line) for line in lines if line.endswith("\n"))
            found = next((entry for entry in whole if is_wanted(entry)), None)
        if found is not None:
            return found
        time.sleep(0.05)
    sys.exit(f"the server at {log} does not say what is waited for")
