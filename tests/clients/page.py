"""Signs in with what docs/auth.md has for pages, as it stands there: with a cookie, a silent refresh, and one more try after 401."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from document import Finding, run
from server import ADMINISTRATOR, PASSWORD, running

DOCUMENT = Path(__file__).parents[2] / "docs/auth.md"
TOOLS = Path("target/tools").absolute()

# What docs/auth.md calls the server.
SERVER = "https://api.example.com"

# What a browser has and Node has not: a jar for cookies, an origin, and locks. The rest is a page that uses the snippet, and
# prints a line for each thing that it finds.
PAGE = """
const [origin, identifier, password] = process.argv.slice(2) as [string, string, string];
const jar = new Map<string, string>();
const asked: string[] = [];
const overTheWire = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("origin", origin);
  headers.set("sec-fetch-site", "same-origin");
  headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
  asked.push(String(input).split("/v1/")[1] ?? "");
  const answer = await overTheWire(input, { ...init, headers });
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) as unknown as [string, string, string];
    if (value === "" || /max-age=0/i.test(cookie)) jar.delete(name);
    else jar.set(name, value);
  }
  return answer;
};
const locks = { request: (_name: string, task: () => unknown) => task() };
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

const say = (name: string, found: unknown) => console.log(`${name}\\t${JSON.stringify(found)}`);
say("nobody is signed in at first", await refresh());
say("a wrong password has a reason", (await signIn(identifier, "wrong")).error.details[0].reason);
say("sign in", (await signIn(identifier, password)).user.username);
say("the refresh token is in the cookie alone", [...jar.keys()]);
say("call", (await (await call("users/me")).json()).username);
asked.length = 0;
accessToken = "";
const both = await Promise.all([call("users/me"), call("auth/sessions")]);
say("calls without a token refresh once and are made again", [...both.map((one) => one.status), asked.sort()]);
asked.length = 0;
accessToken = `${accessToken}x`;
say("and so does one with a bad token", [(await call("rooms", { name: "Den" })).status, asked]);
asked.length = 0;
say("what a token does not help with is not repeated", [(await call("rooms/x")).status, asked]);
await signOut();
say("sign out", [await refresh(), (await call("users/me")).status, jar.size]);
"""

EXPECTED = {
    "nobody is signed in at first": "false",
    "a wrong password has a reason": '"WRONG_CREDENTIALS"',
    "sign in": f'"{ADMINISTRATOR}"',
    "the refresh token is in the cookie alone": '["__Host-veza-refresh"]',
    "call": f'"{ADMINISTRATOR}"',
    "calls without a token refresh once and are made again": (
        '[200,200,["auth/refresh","auth/sessions","auth/sessions","users/me","users/me"]]'
    ),
    "and so does one with a bad token": '[200,["rooms","auth/refresh","rooms"]]',
    "what a token does not help with is not repeated": '[400,["rooms/x"]]',
    "sign out": "[false,401,0]",
}


def of_page(binary: str) -> Iterator[Finding]:
    """What a page finds that does as the document says."""
    tool = "a page"
    with running(binary) as server:
        text = DOCUMENT.read_text(encoding="utf-8").replace(SERVER, server.issuer)
        snippet = re.search(r"^### In a browser$.*?^```ts\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        # Compiled where its packages are, so that no path to them is needed.
        folder = TOOLS / "typescript"
        shutil.copy(Path(__file__).parent / "typescript/tsconfig.json", folder)
        script = folder / "page.ts"
        script.write_text(snippet[1] + PAGE, encoding="utf-8")
        compiled = run([str(folder / "node_modules/.bin/tsc"), "--project", str(folder)])
        script.unlink()
        if compiled.returncode:
            yield tool, "compile", compiled.stdout
            return
        done = run(["node", str(folder / "out/page.js"), server.issuer, ADMINISTRATOR, PASSWORD])
        found = dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
        for name, expected in EXPECTED.items():
            why = "" if found.get(name) == expected else f"{found.get(name)}{done.stderr}"
            yield tool, name, why
