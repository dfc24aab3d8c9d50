"""The commands that work on `state.db` alone: proposals, the outbox, the record of the runs."""

import getpass
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from connector.cli.firms import configs, each, now
from connector.cli.show import clean, mind, put, put_json, table
from connector.config import Config
from connector.dunning.snapshot import Channel
from connector.errors import ConfigError
from connector.installation import installation
from connector.messages.mail import Page
from connector.mirror.lookup import zone_of
from connector.mirror.state import State
from connector.mirror.tables import ReminderState
from connector.outbox.letters import outdated
from connector.outbox.queue import OPEN, Outbox
from connector.outbox.rows import Row
from connector.receivables import money

CUT = "-- what was edited before, kept as a draft; everything from this line on is left out --"
Work = Callable[[Config, Outbox, State], int]


def _with_box(config: Config, work: Work) -> int:
    if config.problems:
        raise ConfigError(*config.problems)
    if not config.state.exists():
        raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
    with State.opened(config.state) as state:
        return work(config, Outbox(state, installation(config, make=False)), state)


def today_of(config: Config, state: State) -> date:
    """The day in the firm's zone, as the configuration or its books say."""
    return now().astimezone(ZoneInfo(config.timezone or zone_of(state) or "UTC")).date()


def each_state(path: Path | None, work: Work) -> int:
    return each(configs(path, needs_one=True), lambda config: _with_box(config, work))


def _cells(row: Row) -> tuple[object, ...]:
    invoices = list(dict.fromkeys(line.invoice for line in row.lines))
    more = f" +{len(invoices) - 1}" if len(invoices) > 1 else ""
    return (
        row.key[:8],
        row.state,
        row.customer_name,
        row.step,
        row.channel,
        f"{invoices[0] if invoices else ''}{more}",
        f"{money.text(row.claim, row.currency)} {row.currency}",
    )


_COLUMNS = ("key", "state", "customer", "step", "by", "invoices", "claim")


def _as_json(row: Row) -> dict[str, object]:
    return {
        "key": row.key,
        "state": str(row.state),
        "customer": {"id": row.customer_id, "name": row.customer_name},
        "step": row.step,
        "channel": str(row.channel),
        "route": row.route,
        "to": list(row.to),
        "invoices": [line.invoice for line in row.lines],
        "claim": money.text(row.claim, row.currency),
        "currency": row.currency,
        "subject": row.subject,
        "body": row.text,
        "error": row.error,
        "tries": row.tries,
        "warnings": list(row.warnings),
    }


def review(path: Path | None, key: str, as_json: bool) -> int:
    """The proposals, or one of them whole."""

    def work(config: Config, box: Outbox, state: State) -> int:
        rows = [box.find(key)] if key else box.rows(ReminderState.PROPOSED)
        if as_json:
            put_json({"version": 1, "proposals": [_as_json(row) for row in rows]})
        elif key:
            _whole(rows[0])
        elif rows:
            table(_COLUMNS, (_cells(row) for row in rows), right=("claim",))
            mind(text for row in rows for text in row.warnings)
            put("relance review KEY shows one; relance approve KEY... or --all lets them go.")
        else:
            put("Nothing waits for your approval.")
        return 0

    return each_state(path, work)


def _whole(row: Row) -> None:
    put(f"{row.key}: {row.state}, {clean(row.step)} by {row.channel} ({row.route})")
    put(f"Customer: {clean(row.customer_name)}")
    address = row.wanted.address.splitlines()
    if row.to or address:
        put(f"To: {clean(', '.join(row.to or address))}")
        put(f"Subject: {clean(row.subject)}")
    if row.attachments and row.channel is Channel.EMAIL:
        put(f"Attached: {clean(', '.join(file.name for file in row.attachments))}")
    mind(row.warnings)
    put()
    put("\n".join(clean(line) for line in row.text.splitlines()))


def approve(path: Path | None, keys: list[str], every: bool, yes: bool) -> int:
    """Proposals become planned; the next sync sends them.

    Formal texts that nobody at the firm has reviewed take another word: on the terminal, or `yes`.
    """
    if bool(keys) == every:
        raise ConfigError("name the keys to approve, or --all: relance review lists them")

    def work(config: Config, box: Outbox, state: State) -> int:
        rows = box.rows(ReminderState.PROPOSED) if every else [box.find(key) for key in keys]
        for row in rows:
            if row.channel is Channel.LETTER and outdated(row, today_of(config, state)):
                raise ConfigError(
                    f"{row.key}: the letter is dated {row.planned_on}, and so is its deadline: "
                    "run relance sync, which dates it anew, then approve it"
                )
        if not yes:
            _confirm(rows)
        for row in rows:
            box.approve(row, _person(), now())
            put(f"approved {row.key[:8]}: {clean(row.step)} to {clean(row.customer_name)}")
        letters = [row for row in rows if row.channel is Channel.LETTER]
        if len(letters) < len(rows):
            put("The next relance sync sends them, after a last look at the books.")
        if letters:
            put("relance letters writes the letters into files, to be printed and posted.")
        if not rows:
            put("Nothing waits for your approval.")
        return 0

    return each_state(path, work)


def _confirm(rows: list[Row]) -> None:
    """Nothing, once a person stands by the program's own formal texts among these.

    Raises:
        ConfigError: nobody does, or nobody is there to be asked.
    """
    texts = sorted(
        {row.entry["unread"] for row in rows if row.entry.get("unread") and not row.edited}
    )
    if not texts:
        return
    mind(text for row in rows for text in row.warnings)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            f"{', '.join(texts)}: nobody at the firm has reviewed this formal text: nothing was "
            "approved. Read it with relance review KEY, then approve it with --yes"
        )
    if input("Approve all the same? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigError("nothing was approved")


def edit(path: Path | None, key: str, file: Path | None) -> int:
    """The text of a proposal as a person wants it: in an editor, or from a file."""

    def work(config: Config, box: Outbox, state: State) -> int:
        row = box.find(key)
        if row.state is not ReminderState.PROPOSED:
            raise ConfigError(f"{row.key}: is {row.state}, not a proposal: see relance review")
        written = _text_of(file) if file else _in_editor(_to_edit(row, box.draft(row)))
        subject, text = _parts(written)
        if row.key not in text:
            text = f"{text.rstrip()}\n\nRef. {row.key}\n"
        html = Page().typed(text, language=row.language, subject=subject)
        box.edit(row, subject, text, html, _person(), now())
        put(f"edited {row.key[:8]}: relance approve {row.key[:8]} lets it go.")
        return 0

    return each_state(path, work)


def _to_edit(row: Row, draft: Row | None) -> str:
    text = f"Subject: {row.subject}\n\n{row.text}"
    if draft:
        text += f"\n{CUT}\nSubject: {draft.subject}\n\n{draft.text}"
    return text


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text: {error}") from None


def _in_editor(text: str) -> str:
    """The text as it was saved in the person's editor."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise ConfigError("no editor: set EDITOR, or give the text with --file FILE")
    with TemporaryDirectory(prefix="relance-") as folder:
        file = Path(folder) / "reminder.txt"
        file.write_text(text, encoding="utf-8")
        if subprocess.run([*shlex.split(editor), str(file)], check=False).returncode:
            raise ConfigError(f"{editor}: ended with an error: the text stays as it was")
        return _text_of(file)


def _parts(written: str) -> tuple[str, str]:
    """Subject and text of what was written, what stands under the cut left out."""
    head, _, body = written.partition(CUT)[0].partition("\n\n")
    name, _, subject = head.partition(":")
    subject = clean(subject).strip()
    if name.strip().lower() != "subject" or not subject or not body.strip():
        raise ConfigError("expected a line `Subject: ...`, an empty line, then the text")
    return subject, "\n".join(clean(line) for line in body.strip("\n").split("\n")) + "\n"


def reject(path: Path | None, keys: list[str], because: str) -> int:
    """The step is passed over, with a reason."""
    if not because.strip():
        raise ConfigError("--because: say why, in a few words")

    def work(config: Config, box: Outbox, state: State) -> int:
        for row in [box.find(key) for key in keys]:
            box.reject(row, because, _person(), today_of(config, state), now())
            put(f"rejected {row.key[:8]}: {clean(row.step)} to {clean(row.customer_name)}")
        return 0

    return each_state(path, work)


def listing(path: Path | None, as_json: bool) -> int:
    """What is planned, being sent, unknown or refused."""

    def work(config: Config, box: Outbox, state: State) -> int:
        rows = box.rows(*OPEN)
        if as_json:
            put_json({"version": 1, "outbox": [_as_json(row) for row in rows]})
        elif rows:
            table(_COLUMNS, (_cells(row) for row in rows), right=("claim",))
            for row in rows:
                if row.error:
                    put(f"{row.key[:8]}: {clean(row.error)}")
        else:
            put("The outbox is empty.")
        return 0

    return each_state(path, work)


def resolve(path: Path | None, key: str, outcome: str) -> int:
    """A person says what became of an unknown reminder."""
    if outcome not in ("sent", "not-sent"):
        raise ConfigError(f"{outcome!r}: expected sent or not-sent")

    def work(config: Config, box: Outbox, state: State) -> int:
        row = box.find(key)
        box.resolve(row, outcome == "sent", today_of(config, state), now())
        put(f"{row.key[:8]}: {'sent' if outcome == 'sent' else 'planned again'}")
        return 0

    return each_state(path, work)


def _person() -> str:
    """Who is at the keyboard."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
