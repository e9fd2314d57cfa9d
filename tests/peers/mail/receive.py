"""A mail server on aiosmtpd: STARTTLS, then a name and a password, or it takes nothing.

Arguments: port, certificate and key files (PEM), name, password. Prints each letter as a line of JSON; ends with its standard input.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, certificate, key, name, password = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Letters:
    async def handle_DATA(self, server, session, envelope):
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "by": session.auth_data.login.decode(),
            "text": envelope.content.decode(),
        }
        print(json.dumps(letter), flush=True)
        return "250 taken"


def known(server, session, envelope, mechanism, data):
    right = (data.login.decode(), data.password.decode()) == (name, password)
    return AuthResult(success=right, auth_data=data, handled=False)


def smtp():
    return SMTP(
        Letters(),
        hostname="localhost",
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=known,
    )


async def main():
    loop = asyncio.get_running_loop()
    async with await loop.create_server(smtp, "127.0.0.1", int(port)):
        print("listening", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
