"""The command that proposes a message which a person asks for."""

import os
from pathlib import Path

from connector.by_hand import propose
from connector.cli.firms import configs, each, now
from connector.cli.show import clean, put
from connector.config import Config
from connector.errors import ConfigError
from connector.firm import opened
from connector.receivables import money
from connector.sync import at_desk


def write(path: Path | None, text: str, about: str) -> int:
    """A proposal of this text about an invoice or a customer."""
    firms = configs(path, needs_one=True)
    if len(firms) > 1:
        raise ConfigError("several firms are configured: name the one you mean with --config FILE")

    def work(config: Config) -> int:
        if config.problems:
            raise ConfigError(*config.problems)
        if not config.state.exists():
            raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
        with opened(config, os.environ) as firm, at_desk(firm, now) as desk:
            rows = propose(firm, desk, text, about)
        for row in rows:
            amount = f"{money.text(row.claim, row.currency)} {row.currency}"
            about_what = f", about {amount}" if row.claim else ""
            to = clean(f"{row.step} to {row.customer_name}")
            put(f"proposed {row.key[:8]}: {to}{about_what}")
        keys = " ".join(row.key[:8] for row in rows)
        put(f"relance review KEY shows it; relance approve {keys} lets it go with the next sync.")
        return 0

    return each(firms, work)
