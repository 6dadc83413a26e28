"""A mail server of another hand: aiosmtpd. What it takes, it prints as the email package of Python understands it."""

import asyncio, email, email.policy, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

safety, mechanism, user, password, certificate, key = sys.argv[1:]


class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 nobody is called so"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        defects = [str(defect) for part in message.walk() for defect in part.defects]
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data if session.authenticated else None,
            "fields": [[name, str(value)] for name, value in message.items()],
            "text": message.get_content(),
            "raw": envelope.content.decode("ascii"),
            "defects": defects,
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 taken"


class Login:
    def __call__(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and data.login.decode() == user and data.password.decode() == password
        # A server that repeats what it was told, as bad ones do.
        message = None if good else f"535 5.7.8 {password} is not the word"
        return AuthResult(success=good, handled=False, message=message, auth_data=user if good else None)


def protocol():
    options = {}
    if safety == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if mechanism != "none":
        other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
        options |= {
            "authenticator": Login(),
            "auth_required": True,
            "auth_require_tls": safety == "starttls",
            "auth_exclude_mechanism": [other],
        }
    return SMTP(Box(), hostname="relay", loop=loop, **options)


context = None
if safety != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
implicit = context if safety == "implicit" else None
server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit))
print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
loop.run_forever()
