"""A mail server for tests: aiosmtpd, which keeps what it takes in a folder, one JSON file for each mail.

It does what the file `rules` in that folder says: a list of objects with `at` (ehlo, mail, rcpt or content), `answer`, and
perhaps `to`, a part of the recipient's address, and `times`, how often the rule holds. The answer is what the server says,
or `silence`, or `cut` to close the connection; `keep and cut` takes the mail before.
"""

import asyncio
import collections
import email
import email.policy
import itertools
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, inbox, security, login = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
numbers = itertools.count(len(list(inbox.glob("*.mail"))) + 1)
used = collections.Counter()


async def told(step, recipients, server):
    """What a rule says about this step, if one holds."""
    try:
        rules = json.loads((inbox / "rules").read_text())
    except FileNotFoundError:
        return None
    for rule in rules:
        name = json.dumps(rule)
        holds = rule["at"] == step and any(rule.get("to", "") in to for to in recipients)
        if holds and used[name] < rule.get("times", sys.maxsize):
            used[name] += 1
            if rule["answer"] == "silence":
                (inbox / "silent").touch()
                await asyncio.sleep(3600)
            if rule["answer"] == "cut":
                server.transport.abort()
                await asyncio.sleep(3600)
            return rule["answer"]
    return None


def keep(server, session, envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    part = lambda kind: message.get_body((kind,)).get_content().replace("\r\n", "\n")
    mail = {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "hello": session.host_name,
        "isEncrypted": server.transport.get_extra_info("sslcontext") is not None,
        "login": getattr(session, "login_name", None),
        "headers": {name: str(value) for name, value in message.items()},
        "text": part("plain"),
        "html": part("html"),
        "raw": envelope.content.decode("utf-8", "replace"),
    }
    number = next(numbers)
    written = inbox / f"{number:06}.part"
    written.write_text(json.dumps(mail))
    written.rename(inbox / f"{number:06}.mail")


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if answer := await told("ehlo", [""], server):
            return [*responses[:-1], answer, responses[-1]]
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if answer := await told("mail", [""], server):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := await told("rcpt", [address], server):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = await told("content", envelope.rcpt_tos, server)
        if answer == "keep and cut":
            keep(server, session, envelope)
            server.transport.abort()
            await asyncio.sleep(3600)
        if answer:
            return answer
        keep(server, session, envelope)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    if given != login:
        return AuthResult(success=False, handled=False)
    session.login_name = data.login.decode()
    return AuthResult(success=True)


async def main():
    context = None
    if security != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(inbox / "server.crt", inbox / "server.key")
    starttls = security == "starttls"
    make = lambda: SMTP(
        Handler(),
        hostname="localhost",
        enable_SMTPUTF8=True,
        tls_context=context if starttls else None,
        require_starttls=starttls,
        authenticator=authenticate if login else None,
        auth_required=bool(login),
        auth_require_tls=starttls,
    )
    server = await asyncio.get_running_loop().create_server(
        make, "127.0.0.1", port, ssl=context if security == "tls" else None
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
