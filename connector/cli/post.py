"""Letters: the print queue written into files, and what was posted."""

import os
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile

from connector.cli.firms import configs, each, now
from connector.cli.show import clean, put, put_json, say, table
from connector.config import Config
from connector.errors import ConfigError
from connector.firm import Firm, opened
from connector.outbox.desk import Desk
from connector.outbox.letters import Posting, pdf_of, post, printable, printed, received
from connector.outbox.rows import Row
from connector.receivables import money
from connector.sync import at_desk

FOLDER = "letters"


def letters(
    path: Path | None, keys: list[str], posted: bool, on: str, out: Path | None, as_json: bool
) -> int:
    """The letters that wait, each in a file; or those that are posted, settled."""
    if posted and not keys:
        raise ConfigError("--posted: name the keys of the letters: relance letters lists them")
    if on and not posted:
        raise ConfigError("--on: goes with --posted, it is the day the letters went")
    day = _day(on) if on else None
    firms = configs(path, needs_one=True)
    if len(firms) > 1 and (keys or out):
        raise ConfigError("several firms are configured: name the one you mean with --config FILE")

    def work(config: Config) -> int:
        if config.problems:
            raise ConfigError(*config.problems)
        if not config.state.exists():
            raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
        with opened(config, os.environ) as firm, at_desk(firm, now) as desk:
            named = [desk.box.find(key) for key in keys]
            if posted:
                return _posted(firm, desk, named, day, as_json)
            return _written(firm, desk, named, out or _beside(config), as_json)

    return each(firms, work)


def receipts(path: Path | None, keys: list[str], on: str, proof: str, as_json: bool) -> int:
    """The day on which posted letters reached the customer, as the receipt says."""
    if not keys or not on:
        raise ConfigError("--received: name the keys of the letters, and --on DATE, the day")
    day = _day(on)
    firms = configs(path, needs_one=True)
    if len(firms) > 1:
        raise ConfigError("several firms are configured: name the one you mean with --config FILE")

    def work(config: Config) -> int:
        if not config.state.exists():
            raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
        with opened(config, os.environ) as firm, at_desk(firm, now) as desk:
            rows = [desk.box.find(key) for key in keys]
            for row in rows:
                received(desk, row, day, clean(proof))
        if as_json:
            put_json({"version": 1, "received": [row.key for row in rows], "on": day.isoformat()})
        else:
            for row in rows:
                put(f"received {row.key[:8]}: {clean(row.customer_name)} had the letter on {day}")
        return 0

    return each(firms, work)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--on {text!r}: expected a date such as 2026-11-20") from None


def _beside(config: Config) -> Path:
    assert config.path
    return config.path.absolute().parent / FOLDER


def _written(firm: Firm, desk: Desk, named: list[Row], folder: Path, as_json: bool) -> int:
    done = Posting()
    rows = printable(desk, done, {row.key for row in named})
    files: dict[str, Path] = {}
    for row in rows:
        try:
            name, content = pdf_of(row, firm.company)
        except ConfigError as error:
            done.failed[row.key] = str(error)
            continue
        files[row.key] = save(folder, name, content)
        printed(desk, row)
    shown = [row for row in rows if row.key in files]
    if as_json:
        put_json(
            {
                "version": 1,
                "letters": [_as_json(row, files[row.key]) for row in shown],
                "withdrawn": done.withdrawn,
                "waiting": done.waiting,
                "failed": done.failed,
            }
        )
        return 3 if done.failed else 0
    if shown:
        cells = [_cells(row, files[row.key]) for row in shown]
        table(("key", "customer", "step", "dated", "pay by", "claim", "file"), cells, ("claim",))
        put(f"In {clean(folder)}. When they go to the post: relance letters --posted KEY...")
    else:
        put("No letter waits to be printed.")
    _tell(done)
    return 3 if done.failed else 0


def _cells(row: Row, file: Path) -> tuple[object, ...]:
    claim = f"{money.text(row.claim, row.currency)} {row.currency}"
    day = row.deadline_on or ""
    return row.key[:8], row.customer_name, row.step, row.planned_on, day, claim, file.name


def _as_json(row: Row, file: Path) -> dict[str, object]:
    return {
        "key": row.key,
        "customer": {"id": row.customer_id, "name": row.customer_name},
        "step": row.step,
        "dated_on": str(row.planned_on),
        "deadline_on": row.deadline_on and str(row.deadline_on),
        "invoices": [line.invoice for line in row.lines],
        "claim": money.text(row.claim, row.currency),
        "currency": row.currency,
        "copy_to": row.entry.get("copy_to", []),
        "file": str(file),
    }


def save(folder: Path, name: str, content: bytes) -> Path:
    """A file that its owner alone may read, whole or not at all; it follows no link.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    target = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".", suffix=".pdf", delete=False) as file:
            file.write(content)
        Path(file.name).replace(target)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def _posted(firm: Firm, desk: Desk, named: list[Row], on: date | None, as_json: bool) -> int:
    done = Posting()
    for row in named:
        post(desk, row, firm.company, on, done)
    if as_json:
        put_json(
            {
                "version": 1,
                "posted": done.sent,
                "withdrawn": done.withdrawn,
                "waiting": done.waiting,
                "copies": done.copies,
                "note_errors": done.note_errors,
            }
        )
    else:
        names = {row.key: clean(row.customer_name) for row in named}
        for key in done.sent:
            put(f"posted {key[:8]}: the letter to {names[key]}")
        for key, told in done.copies.items():
            put(f"{key[:8]}: {clean(told)}")
        _tell(done)
    return 3 if done.withdrawn or done.waiting or done.note_errors else 0


def _tell(done: Posting) -> None:
    for key, because in done.withdrawn.items():
        say(f"{key[:8]}: withdrawn, do not post it: {because}")
    for key, because in done.waiting.items():
        say(f"{key[:8]}: not yet: {because}")
    for key, because in done.failed.items():
        say(f"{key[:8]}: {because}")
    for invoice, because in done.note_errors.items():
        say(f"{invoice}: its note is written later: {because}")
