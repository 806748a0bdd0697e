"""Verifies tokens with the programs that stand in docs/tokens.md, as they stand there: those of a server, and forged ones
that bear the signature of its own key."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from document import Finding, run
from server import ADMINISTRATOR, SECRET, Server, running

DOCUMENT = Path(__file__).parents[2] / "docs/tokens.md"
TOOLS = Path("target/tools").absolute()

# What docs/tokens.md calls the server.
ISSUER = "https://api.example.com"

# Each program is given the rest of itself: it reads tokens, one a line, and says whose each is.
PYTHON = """

if __name__ == "__main__":
    import sys

    for line in sys.stdin:
        try:
            print("good", verify(line.strip())["sub"], flush=True)
        except jwt.PyJWTError as error:
            print("refused", error, flush=True)
"""

TYPESCRIPT = """
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await verify(line).then(
    (claims) => `good ${claims.sub}`,
    (error: unknown) => `refused ${String(error)}`,
  ));
}
"""

GO = """package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
)

func main() {
	verifier, err := NewVerifier(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if claims, err := verifier.Verify(lines.Text()); err == nil {
			fmt.Println("good", claims.Subject)
		} else {
			fmt.Printf("refused %q\\n", err.Error())
		}
	}
}
"""


class Forge:
    """The newest key of a server, in hands that should not have it."""

    def __init__(self, database: str):
        with sqlite3.connect(database) as connection:
            query = "SELECT id, sealed_private_key FROM signing_keys ORDER BY create_time DESC"
            self.id, sealed = connection.execute(query).fetchone()
        derive = HKDF(hashes.SHA256(), 32, b"veza/v1", b"signing key")
        cipher = AESGCM(derive.derive(SECRET.encode()))
        private = cipher.decrypt(sealed[-12:], sealed[:-12], self.id)
        # The private key itself, behind what PKCS#8 says of it; not every library reads the form with a public key.
        _, _, seed = private.partition(b"\x04\x22\x04\x20")
        self.key = Ed25519PrivateKey.from_private_bytes(seed[:32])

    def sign(self, header: dict, claims: dict) -> str:
        signed = b".".join(map(encode, (header, claims)))
        return f"{signed.decode()}.{base64url(self.key.sign(signed)).decode()}"


def base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def encode(part: dict) -> bytes:
    return base64url(json.dumps(part).encode())


def decode(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def programs(server: Server, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The programs of the document for this server, as name and command."""
    text = DOCUMENT.read_text(encoding="utf-8").replace(ISSUER, server.issuer)
    snippets = dict(re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))

    python = folder / "verify.py"
    python.write_text(snippets["python"] + PYTHON, encoding="utf-8")
    yield "PyJWT", [str(TOOLS / "venv/bin/python"), str(python)]

    # Compiled where its packages are, so that no path to them is needed.
    typescript = TOOLS / "typescript"
    shutil.copy(Path(__file__).parent / "typescript/tsconfig.json", typescript)
    script = typescript / "verify.ts"
    script.write_text(snippets["ts"] + TYPESCRIPT, encoding="utf-8")
    must([str(typescript / "node_modules/.bin/tsc"), "--project", str(typescript)])
    script.unlink()
    yield "jose", ["node", str(typescript / "out/verify.js")]

    go = folder / "go"
    shutil.copytree(Path(__file__).parent / "go", go)
    (go / "verify.go").write_text(snippets["go"], encoding="utf-8")
    (go / "main.go").write_text(GO, encoding="utf-8")
    must(["go", "vet", "."], cwd=str(go))
    must(["go", "build", "-o", "verify", "."], cwd=str(go))
    yield "golang-jwt", [str(go / "verify")]


def must(command: list[str], cwd: str | None = None) -> None:
    done = run(command, cwd)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")


def forged(server: Server, forge: Forge, good: str) -> Iterator[tuple[str, str]]:
    """Tokens that must be refused, by what is wrong with them."""
    header, claims = (decode(part) for part in good.split(".")[:2])
    now = int(time.time())
    for name, changed in {
        "another audience": {"aud": "another"},
        "another issuer": {"iss": "https://evil.example"},
        "expired": {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600},
        "not yet good": {"nbf": now + 3600, "exp": now + 7200},
    }.items():
        yield name, forge.sign(header, claims | changed)
    for claim in ("aud", "iss", "exp", "sub", "sid"):
        less = {name: value for name, value in claims.items() if name != claim}
        yield f"without {claim}", forge.sign(header, less)
    yield "another type", forge.sign(header | {"typ": "JWT"}, claims)
    yield "a key that there is not", forge.sign(header | {"kid": str(uuid.uuid4())}, claims)

    body = good.split(".")[1]
    none = encode(header | {"alg": "none"}).decode()
    yield "alg none", f"{none}.{body}."
    yield "alg none with the signature", f"{none}.{body}.{good.split('.')[2]}"
    with urllib.request.urlopen(f"{server.issuer}/.well-known/jwks.json") as answer:
        public = base64.urlsafe_b64decode(json.load(answer)["keys"][0]["x"] + "==")
    signed = encode(header | {"alg": "HS256"}) + b"." + body.encode()
    mac = hmac.new(public, signed, hashlib.sha256).digest()
    yield "alg HS256 with the public key", f"{signed.decode()}.{base64url(mac).decode()}"
    longer = encode(claims | {"sub": str(uuid.uuid4())}).decode()
    yield "changed", f"{good.split('.')[0]}.{longer}.{good.split('.')[2]}"
    yield "nonsense", "nonsense"


def of_tokens(binary: str) -> Iterator[Finding]:
    """What the programs say of tokens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"LISTEN_ADDR": address, "TOKEN_ISSUER": f"http://{address}"}
    with running(binary, **settings) as server, TemporaryDirectory() as folder:
        tokens = server.tokens(ADMINISTRATOR)
        good, forge = tokens["accessToken"], Forge(server.database)
        cases = [("a good token", good, True)]
        cases += [(name, token, False) for name, token in forged(server, forge, good)]
        cases += [("the refresh token", tokens["refreshToken"], False)]
        for tool, command in programs(server, Path(folder)):
            yield from judge(tool, command, cases)


def judge(tool: str, command: list[str], cases: list[tuple[str, str, bool]]) -> Iterator[Finding]:
    tokens = "".join(f"{token}\n" for _, token, _ in cases)
    done = subprocess.run(command, input=tokens, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    if len(said) != len(cases):
        yield tool, "verify", f"{said}{done.stderr}"
        return
    for (name, _, is_good), line in zip(cases, said, strict=True):
        fits = line.startswith("good " if is_good else "refused ")
        yield tool, name, "" if fits else line
