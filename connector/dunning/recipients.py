"""Whom to write to, and which addresses can be written to at all."""

from functools import lru_cache

from connector.dunning.snapshot import Account
from connector.receivables.records import Contact, Role

_RANK = {role: rank for rank, role in enumerate(Role)}
_IN_NO_ADDRESS = frozenset(" \t\r\n,;<>\"'()")
_NO_MAILBOX = ("no-reply@", "noreply@", "donotreply@", "mailer-daemon@", "postmaster@")


def recipients(account: Account, own: str = "") -> tuple[Contact, ...]:
    """Whom to write to: the invoice's own address, else the best contacts that can be used.

    All contacts meant for reminders, else the first of the next best role; never an address
    that nobody reads, nor one that bounced or cannot be carried while another is left.
    """
    contacts = [c for c in account.customer.contacts if usable(c.email)]
    if own and usable(own):
        match = [c for c in contacts if c.email == own]
        return (match[0] if match else Contact(id=own, email=own, role=Role.REMINDER),)
    alive = [c for c in contacts if c.email not in account.bounced] or contacts
    alive = [c for c in alive if carried(c.email)] or alive
    alive.sort(key=lambda c: (_RANK[c.role], c.id))
    if alive and alive[0].role is Role.REMINDER:
        return tuple(c for c in alive if c.role is Role.REMINDER)
    return tuple(alive[:1])


def usable(address: str) -> bool:
    """Whether an address can be written to and is read by somebody."""
    local, at, domain = address.partition("@")
    if not (local and at and domain and _IN_NO_ADDRESS.isdisjoint(address)):
        return False
    return not address.lower().startswith(_NO_MAILBOX)


@lru_cache(maxsize=1024)
def carried(address: str) -> bool:
    """Whether any mail server takes it: what stands before the @ is ASCII, the domain a name."""
    local, _, domain = address.rpartition("@")
    try:
        return local.isascii() and bool(domain.encode("idna"))
    except UnicodeError:
        return False
