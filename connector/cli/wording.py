"""The commands on the firm's texts: what there is, what is to be read again, what was said."""

import getpass
import os
from pathlib import Path

from connector.cli.boxes import today_of
from connector.cli.firms import configs, each, now
from connector.cli.show import clean, put, put_json, table
from connector.config import Config
from connector.dunning.snapshot import Day
from connector.errors import ConfigError
from connector.messages.shelf import languages_with_terms, note, shelf
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import Mark

SHOWN = 5


def texts(path: Path | None, as_json: bool) -> int:
    """Every text with its version, whose it is and when it was reviewed; what is to be seen to."""

    def work(config: Config) -> int:
        found, today = shelf(config.templates), now().date()
        terms, without = languages_with_terms(config.templates), _without_terms(config)
        if as_json:
            put_json(
                {
                    "version": 1,
                    "texts": [
                        {
                            "text": text.name,
                            "version": text.version,
                            "own": text.own,
                            "reviewed_on": text.reviewed_on and text.reviewed_on.isoformat(),
                            "to_read": text.to_read(today),
                            "notes": [f"{n.on} {n.author}: {n.words}" for n in text.notes],
                        }
                        for text in found
                    ],
                    "terms": terms,
                    "customers_without_terms": without,
                }
            )
            return 0
        rows = (
            (
                text.name,
                text.version,
                "yours" if text.own else "Relance's",
                text.reviewed_on or "",
                f"{len(text.notes)}" + (f" (+{text.earlier} earlier)" if text.earlier else ""),
            )
            for text in found
        )
        table(("text", "version", "whose", "reviewed", "notes"), rows)
        for text in found:
            for said in text.notes:
                put(f"{text.name}, {said.on}, {clean(said.author)}: {clean(said.words)}")
        for text in found:
            if (told := text.to_read(today)) and text.own:
                put(f"To read again: {text.name}: {told}")
        formal = [text.name for text in found if not text.own and text.to_read(today)]
        if formal:
            put(f"Formal texts that are Relance's own, not yet yours: {', '.join(formal)}")
        put(f"Your terms of payment are written in: {', '.join(terms) or 'no language'}.")
        if without:
            more = f" and {len(without) - SHOWN} more" if len(without) > SHOWN else ""
            put(f"Without terms of payment: {clean(', '.join(without[:SHOWN]))}{more}")
        return 0

    return each(configs(path, needs_one=False), work)


def _without_terms(config: Config) -> list[str]:
    """The customers who owe, and to whom no terms of payment can be quoted."""
    written = languages_with_terms(config.templates)
    if config.path is None or not config.state.exists():
        return []
    with State.opened(config.state) as state:
        day = Day(routes={}, templates=frozenset(), language=config.language)
        snapshot = read(Mirror(state), day, today_of(config, state))
    accounts = {case.account.customer.id: case.account for case in snapshot.cases}
    return sorted(
        account.customer.name
        for account in accounts.values()
        if (account.customer.language or config.language) not in written
        and not any(made.mark is Mark.TERMS for made in account.decisions)
    )


def say_of(path: Path | None, name: str, said: str) -> int:
    """A note on the present wording of a text."""
    firms = configs(path, needs_one=True)
    if len(firms) > 1:
        raise ConfigError("several firms are configured: name the one you mean with --config FILE")

    def work(config: Config) -> int:
        author = os.environ.get("SUDO_USER") or getpass.getuser()
        made = note(config.templates, name, said, author, now().date())
        put(f"noted on {made.text}, version {made.version}")
        return 0

    return each(firms, work)
