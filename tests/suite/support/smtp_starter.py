"""A mail server for tests: every mail it takes becomes one line of JSON on standard output.

Words: PORT, then any of `tls` (STARTTLS is required; server.pem and server.key in the working folder), `implicit` (TLS
from the first byte) and `auth` (user `backup`, password from $SINK_PASSWORD). Ends when standard input does.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Sink:
    async def handle_DATA(self, server, session, envelope):
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("utf-8", "replace"),
            "tls": session.ssl is not None or "implicit" in words,
            "login": session.auth_data.decode() if session.auth_data else None,
        }
        print(json.dumps(line), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"backup" and data.password == os.environ["SINK_PASSWORD"].encode()
    return AuthResult(success=good, auth_data=data.login if good else None, handled=False)


words = sys.argv[2:]
options = {}
context = None
if "tls" in words or "implicit" in words:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("server.pem", "server.key")
if "auth" in words:
    options.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(context) and "tls" in words)
if "implicit" in words:
    options.update(ssl_context=context)
elif context:
    options.update(tls_context=context, require_starttls=True)
controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), **options)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
