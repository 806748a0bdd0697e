"""What a server does with the tools that read its OpenAPI document: linters, a generated client, random requests."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from server import ADMINISTRATOR, PASSWORD, Server, provider, running

HERE = Path(__file__).parent
TYPESCRIPT = Path("target/tools/typescript").absolute()

BYSTANDER = "bystander"
FORGETTER = "forgetter"
KEEPER = "keeper"
REVOKER = "revoker"

# Succeed only in a browser that goes to a provider in between, which the generated client does in its place.
ONLY_IN_BROWSERS = {"BeginOAuth", "CompleteOAuth", "CompleteOAuth_post", "UnlinkIdentity"}

# A finding is what did not pass: the tool, what was tried, and why it failed; empty when it did not.
Finding = tuple[str, str, str]


def of_document(binary: str) -> Iterator[Finding]:
    """Everything that tools find in the document, and with it in the server."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "openapi.json")
        document.write_text(output([binary, "openapi"]), encoding="utf-8")
        yield from lint(document)
        yield from round_trip(binary, document)
        operations = json.loads(document.read_text(encoding="utf-8"))["paths"]
        ids = {one["operationId"] for path in operations.values() for one in path.values()}
        yield from explore(binary, ids, folder)


def lint(document: Path) -> Iterator[Finding]:
    command = ["redocly", "lint", "--extends", "recommended-strict", str(document)]
    yield "redocly", "lint", failure(command, REDOCLY_TELEMETRY="off")
    command = ["openapi-spec-validator", str(document)]
    yield "openapi-spec-validator", "validate", failure(command)


def round_trip(binary: str, document: Path) -> Iterator[Finding]:
    """Makes a client of the document, and calls every unary operation with it."""
    for source in (HERE / "typescript").iterdir():
        shutil.copy(source, TYPESCRIPT)
    # Compiled where its packages are, so that no path to them is needed.
    node = TYPESCRIPT / "node_modules/.bin"
    schema = TYPESCRIPT / "schema.d.ts"
    yield (
        "openapi-typescript",
        "generate",
        failure([str(node / "openapi-typescript"), str(document), "--output", str(schema)]),
    )
    problem = failure([str(node / "tsc"), "--project", str(TYPESCRIPT)])
    yield "tsc", "compile", problem
    if problem:
        return
    with provider() as settings, running(binary, **settings) as server:
        token = server.tokens(ADMINISTRATOR)["accessToken"]
        script = str(TYPESCRIPT / "out/round_trip.js")
        done = run(["node", script, f"http://{server.address}", token, server.log])
    lines = done.stdout.splitlines()
    for line in lines:
        name, _, why = line.partition(": ")
        yield "openapi-fetch", name, why
    if not lines:
        yield "openapi-fetch", "start", done.stderr


def explore(binary: str, ids: set[str], folder: str) -> Iterator[Finding]:
    """Sends requests that keep the document and such that break it, and compares the answers with it."""
    succeeded = set()
    for name in ("everything", "valid"):
        answers = Path(folder, f"{name}.json")
        with provider() as settings, running(binary, **settings) as server:
            config = str(HERE / f"schemathesis/{name}.toml")
            url = f"http://{server.address}/openapi.json"
            command = ["schemathesis", "--config-file", config, "run", url]
            environment = {
                "PYTHONPATH": f"{HERE}/schemathesis:{HERE}",
                "SCHEMATHESIS_HOOKS": "hooks",
                "VEZA_ANSWERS": str(answers),
                "VEZA_TOKEN": server.tokens(ADMINISTRATOR)["accessToken"],
                # Each for operations after which the session of the call, or the password, is another.
                "VEZA_TOKEN_TO_END": sign_up(server, "leaver")["accessToken"],
                "VEZA_TOKEN_TO_CHANGE": sign_up(server, "changer")["accessToken"],
                "VEZA_TOKEN_TO_PROVE": sign_up(server, "prover")["accessToken"],
                "VEZA_TOKEN_TO_REVOKE": sign_up(server, REVOKER)["accessToken"],
                "VEZA_TOKEN_TO_ENROLL": sign_up(server, "enroller")["accessToken"],
                "VEZA_TOKEN_TO_CONFIRM": sign_up(server, "confirmer")["accessToken"],
                "VEZA_TOKEN_TO_DISABLE": sign_up(server, "disabler")["accessToken"],
                "VEZA_TOKEN_TO_RECOVER": sign_up(server, "recoverer")["accessToken"],
            }
            server.enable(environment["VEZA_TOKEN_TO_RECOVER"])
            environment["VEZA_SECRET"] = server.enroll(environment["VEZA_TOKEN_TO_CONFIRM"])
            [code, *_] = server.enable(environment["VEZA_TOKEN_TO_DISABLE"])
            examples = bodies(server) | {"DisableTotp": {"recoveryCode": code}}
            environment["VEZA_BODIES"] = json.dumps(examples)
            environment["VEZA_PATHS"] = json.dumps(paths(server))
            yield "schemathesis", name, failure(command, cwd=folder, **environment)
        for id, statuses in json.loads(answers.read_text(encoding="utf-8")).items():
            if any(status.startswith("2") for status in statuses):
                succeeded.add(id)
    ids -= ONLY_IN_BROWSERS
    missing = ", ".join(sorted(ids - succeeded))
    share = f"{len(succeeded & ids)} of {len(ids)} operations succeeded at least once"
    yield "schemathesis", share, missing


def bodies(server: Server) -> dict[str, dict]:
    """Request bodies that no schema can lead to: of an account that exists, and with tokens that are good once."""
    sign_up(server, BYSTANDER)
    sign_up(server, FORGETTER)
    server.post("/api/v1/auth/password/forgot", {"identifier": FORGETTER})
    token = server.mailed_token(f"{FORGETTER}@example.com", "/reset-password")
    [code, *_] = server.enable(sign_up(server, KEEPER)["accessToken"])
    credentials = {"identifier": KEEPER, "password": PASSWORD}
    ticket = server.post("/api/v1/auth/login", credentials)["mfaChallenge"]["ticket"]
    return {
        "CreateApiKey": {"displayName": "nightly", "permissions": ["rooms.read"]},
        "LinkIdentity": {"provider": "github"},
        "Login": {"identifier": BYSTANDER, "password": PASSWORD},
        "RefreshToken": {"refreshToken": server.tokens(BYSTANDER)["refreshToken"]},
        "Logout": {"refreshToken": server.tokens(BYSTANDER)["refreshToken"]},
        "Reauthenticate": {"password": PASSWORD},
        "ChangePassword": {"newPassword": PASSWORD},
        "ResetPassword": {"token": token, "newPassword": PASSWORD},
        "RevokeSessions": {},
        "VerifyEmail": {"token": server.mailed_token(f"{FORGETTER}@example.com", "/verify-email")},
        "CompleteMfaLogin": {"ticket": ticket, "recoveryCode": code},
        "ConfirmTotp": {"totpCode": "000000"},
        "EnrollTotp": {},
        "RegenerateRecoveryCodes": {},
    }


def paths(server: Server) -> dict[str, dict]:
    """Variables of paths that only the operations that are called with them lead to."""
    administrator = server.tokens(ADMINISTRATOR)["accessToken"]
    draft = {"displayName": "for the bin", "permissions": ["rooms.read"]}
    key = server.post("/api/v1/apiKeys", draft, administrator)["apiKey"]
    return {
        "DeleteApiKey": {"id": key["id"]},
        "RevokeSession": {"id": server.tokens(REVOKER)["sessionId"]},
    }


def sign_up(server: Server, name: str) -> dict:
    """Makes an account and gives its tokens."""
    account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    return server.post("/api/v1/auth/register", account)["tokens"]


def run(command: list[str], cwd: str | None = None, **environment: str):
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def output(command: list[str]) -> str:
    done = run(command)
    done.check_returncode()
    return done.stdout


def failure(command: list[str], cwd: str | None = None, **environment: str) -> str:
    """What a command said when it failed; empty when it succeeded."""
    done = run(command, cwd, **environment)
    return f"\n{done.stdout}{done.stderr}" if done.returncode else ""
