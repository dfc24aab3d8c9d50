"""A message packed for its way: the invoice copies fetched and weighed, what is left out named."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connector.contract import Provider
from connector.errors import Rejected
from connector.messages import copies
from connector.receivables.records import Attachment, Message


@dataclass(frozen=True, slots=True)
class Packed:
    """A message whose attachments have their content; `left_out` says why others do not go."""

    message: Message
    left_out: tuple[str, ...] = ()

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """Name and content of each."""
        return [(file.name, file.content) for file in self.message.attachments]


def packed(
    provider: Provider,
    message: Message,
    numbers: Mapping[str, str],
    links: Mapping[str, str],
    *,
    missing: str,
) -> Packed:
    """The message as it goes; what it cannot carry is said in its text, with a link if any.

    `numbers` and `links` are those of its invoices, by id. `missing` is the policy's word on a copy
    that cannot be had, `warn` or `stop`; one that is too large is no reason to stop.

    Raises:
        Rejected: a copy cannot be had, and the policy says to stop.
        AuthRequired, ConfigError, Transient: the books cannot be read.
    """
    room = copies.ALL
    files: list[Attachment] = []
    absent: list[Attachment] = []
    why: list[str] = []
    for file in message.attachments:
        number = numbers.get(file.invoice_id, file.name)
        try:
            content = provider.pdf(file.invoice_id)
        except Rejected as error:
            if missing == "stop":
                raise Rejected(
                    f"the copy of invoice {number} cannot be had, and the policy says to stop "
                    f"then: {error}"
                ) from error
            problem = str(error)
        else:
            problem = _too_large(len(content), room)
        if problem:
            absent.append(file)
            why.append(f"the copy of invoice {number}: {problem}")
        else:
            files.append(replace(file, content=content))
            room -= len(content)
    message = replace(message, attachments=tuple(files))
    told = [
        (numbers.get(file.invoice_id, file.name), links.get(file.invoice_id, "")) for file in absent
    ]
    return Packed(copies.without(message, told), tuple(why))


def _too_large(size: int, room: int) -> str:
    if size > copies.EACH:
        return (
            f"{size / 2**20:.1f} MB, more than the {copies.EACH // 2**20} MB that a copy may have"
        )
    if size > room:
        return f"no room: the copies of a message have {copies.ALL // 2**20} MB in all"
    return ""
