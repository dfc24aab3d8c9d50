"""The command that looks whether all is well."""

import os
from dataclasses import asdict
from pathlib import Path

from connector.cli.firms import SEVERITY, configs, each, now
from connector.cli.show import put, put_json, table
from connector.config import Config
from connector.doctor import Check, Examination


def doctor(path: Path | None, as_json: bool) -> int:
    """Every look at every firm; the worst sets the code."""
    firms = configs(path, needs_one=False)
    documents: list[dict[str, object]] = []

    def work(config: Config) -> int:
        examination = Examination(config, os.environ, now())
        try:
            examination.whole()
        finally:  # what was seen before a bug is worth seeing
            documents.append(_as_json(config, examination.checks))
            if not as_json:
                _show(config, examination.checks, several=len(firms) > 1)
        return max((check.code for check in examination.checks), key=SEVERITY.index)

    code = each(firms, work)
    if as_json and documents:
        put_json(documents[0] if len(firms) == 1 else {"version": 1, "firms": documents})
    return code


def _as_json(config: Config, checks: list[Check]) -> dict[str, object]:
    return {
        "version": 1,
        "firm": config.name,
        "sample": config.path is None,
        "checks": [{"state": check.word} | asdict(check) for check in checks],
    }


def _show(config: Config, checks: list[Check], several: bool) -> None:
    if config.path is None:
        put("No configuration here: `relance init` makes one. This is the sample.")
    elif several:
        put(f"{config.name}:")
    rows = [
        (
            {"ok": "ok", "mind": "mind", "wrong": "WRONG"}[check.word],
            check.what,
            f"{check.seen}: {check.mend}" if check.mend else check.seen,
        )
        for check in checks
    ]
    table(("", "what", "seen"), rows, folded=("seen",))
    wrong = sum(1 for check in checks if check.code)
    put(f"{wrong} to mend." if wrong else "All that is needed is in order.")
