"""What the settings of the firm's mail server may be, checked without a connection."""

import ipaddress
import re
from collections.abc import Iterator, Mapping

from connector.credentials import can_be_rewritten
from connector.dunning.recipients import usable
from connector.oauth import PRESETS, fit_for_secrets
from connector.outbox.mail import sender_of

PORTS = {"starttls": 587, "tls": 465, "none": 25}
_OAUTH = {
    "TOKEN_URL": f"who hands out tokens: {', '.join(PRESETS)}, or an https address",
    "CLIENT_ID": "the id of the application that the mail provider registered for you",
    "REFRESH_TOKEN": "where the sign-in is kept, such as keyring:relance/mail",
}


def problems(settings: Mapping[str, str]) -> list[str]:
    """Everything wrong with the SMTP settings by short name; none where there are none at all."""
    if not settings:
        return []
    return [f"RELANCE_SMTP_{problem}" for problem in (*_server(settings), *_sign_in(settings))]


def _server(settings: Mapping[str, str]) -> Iterator[str]:
    for name, what in (("HOST", "the mail server"), ("FROM", "the address to write from")):
        if not settings.get(name):
            yield f"{name} is missing: {what}"
    host, security = settings.get("HOST", ""), settings.get("SECURITY", "starttls")
    if host and not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        yield f"HOST is {host!r}: expected a bare name such as mail.firm.fr"
    if security not in PORTS:
        yield f"SECURITY is {security!r}: expected {', '.join(PORTS)}"
    if security == "none" and not is_loopback(host):
        yield (
            f"SECURITY=none would send letters and password to {host} in the open: "
            "use starttls or tls; none is for a server on this machine"
        )
    if not settings.get("PORT", "25").isdecimal():
        yield f"PORT is {settings['PORT']!r}: expected a number"
    for name in ("FROM", "REPLY_TO", "BLIND_COPY"):
        try:
            address = sender_of(settings[name]) if settings.get(name) else None
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        if address and name != "BLIND_COPY" and not usable(address.addr_spec):
            yield f"{name} is {settings[name]!r}, which nobody reads: customers must reach you"
        if address and name == "BLIND_COPY" and address.display_name:
            yield f"{name} is {settings[name]!r}: expected the address alone"


def _sign_in(settings: Mapping[str, str]) -> Iterator[str]:
    """A mailbox is opened with user and password, with user and tokens, or not at all."""
    given = settings.keys() & {*_OAUTH, "CLIENT_SECRET", "SCOPE"}
    if not given:
        if bool(settings.get("USER")) != bool(settings.get("PASSWORD")):
            lacking = "PASSWORD" if settings.get("USER") else "USER"
            yield f"{lacking} is missing: user and password go together"
        return
    if settings.get("PASSWORD"):
        names = ", ".join(sorted(given))
        yield f"PASSWORD is one way to sign in, {names} another: keep one of them"
    for name, what in {"USER": "the mailbox to sign in to", **_OAUTH}.items():
        if not settings.get(name):
            yield f"{name} is missing: {what}"
    url = settings.get("TOKEN_URL", "")
    if url and url not in PRESETS and not fit_for_secrets(url):
        yield f"TOKEN_URL is {url!r}: expected {', '.join(PRESETS)}, or an https address"
    kept = settings.get("REFRESH_TOKEN", "")
    if kept and not can_be_rewritten(kept):
        yield (
            "REFRESH_TOKEN: its server may replace it, so it must lie where Relance can write: "
            "keyring:relance/mail, or file:/path"
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "localhost.localdomain")
