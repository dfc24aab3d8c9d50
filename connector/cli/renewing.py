"""The commands that change a configuration that is there: new secrets, another's place."""

import os
from pathlib import Path

from connector import credentials, setup
from connector.cli.firms import configs, each, now
from connector.cli.questions import Questions
from connector.cli.show import clean, put, say
from connector.config import Config
from connector.configfile import rewritten
from connector.errors import ConfigError, ConnectorError
from connector.firm import inbox_of, mailer_of, opened, settings_problems
from connector.installation import installation, take_over, taken_over
from connector.receivables.capabilities import Traces
from connector.setup import Draft


def connect(path: Path | None, pairs: list[str], keeper: str) -> int:
    """Sign in again: the secrets of each configuration asked for, tried, then kept."""
    questions = Questions(asking=True)
    firms = configs(path, needs_one=True)
    if not questions.asking and not pairs:
        raise ConfigError(
            "connect asks for secrets, on a terminal: without one, --set NAME=REFERENCE says "
            "where they are kept (keyring:service/name, file:/path, env:VARIABLE)"
        )

    def work(config: Config) -> int:
        draft = _draft(config, pairs)
        while True:
            _ask(draft, questions, config.name)
            try:
                _keep(draft, keeper)
            except ConnectorError as error:
                if not questions.asking:
                    raise
                for line in str(error).splitlines():
                    say(line)
                if not questions.yes("Try again?", default=True):
                    say("Nothing was changed.")
                    return error.exit_code
            else:
                return 0

    return each(firms, work)


def _draft(config: Config, pairs: list[str]) -> Draft:
    """The file as it is, with other references where they are given."""
    spec = setup.spec_of(config.provider)
    given = setup.options(spec, pairs)
    for name in given:
        if not setup.is_secret(spec, name):
            raise ConfigError(f"{name} is no secret: change it in {config.path}")
    file = config.path or Path()
    return Draft(file, rewritten(file.read_text(encoding="utf-8-sig"), given))


def _ask(draft: Draft, questions: Questions, name: str) -> None:
    say(f"{name}:")
    for secret in setup.secrets_of(Draft(draft.path, draft.text).config(os.environ)):
        if secret.elsewhere:
            say(secret.elsewhere)
        elif typed := questions.secret(
            secret.name, secret.help, kept=bool(secret.reference), required=False
        ):
            draft.secrets[secret.name] = typed


def _try(config: Config) -> None:
    """Sign in to the books, and to the mail servers where there are such.

    Raises:
        ConfigError, AuthRequired, Transient, Rejected: one of them refuses.
    """
    if problems := settings_problems(config, os.environ):
        raise ConfigError(*problems)
    company = setup.tried(config, os.environ).company
    say(f"Connected: {company.name}, ledger {company.ledger_id}")
    if mailer := mailer_of(config, os.environ):
        mailer.sign_in()
        say(f"Signed in to {config.smtp['HOST']}.")
    if mailbox := inbox_of(config, os.environ, company):
        mailbox.examine()
        say(f"Signed in to {config.imap['HOST']}.")


def _keep(draft: Draft, keeper: str) -> None:
    """Each secret where it was, or, where it stood in plain, where Relance keeps them."""
    kind = keeper or ("keyring" if credentials.keyring_works() else "file")
    references = {}
    for secret in setup.secrets_of(Draft(draft.path, draft.text).config(os.environ)):
        if typed := draft.secrets.get(secret.name):
            there = secret.reference.startswith(("keyring:", "file:")) and not keeper
            references[secret.name] = (
                secret.reference if there else setup.reference(draft.path, secret.name, typed, kind)
            )
    setup.write(draft, references, _try)
    for name, place in references.items():
        put(f"{name} is kept {credentials.place(place)}.")
    if not references:
        put("Nothing new was typed: what is kept works.")


def take_place(path: Path | None, ask: bool, sure: bool) -> int:
    """This installation in the place of those whose traces stop it, once a person agrees."""
    questions = Questions(ask and not sure)

    def work(config: Config) -> int:
        own = installation(config, make=False)
        with opened(config, os.environ) as firm:
            today, title = firm.today(now()), firm.spec.title
            if firm.can.traces is Traces.NONE:
                put(f"{title} keeps no traces here: no other installation can be met.")
                return 0
            met = setup.others(firm, own, taken_over(config), today)
        if not met:
            put(f"No other installation wrote to {clean(firm.company.name)} in the last 30 days.")
            return 0
        told = ", ".join(f"{clean(name)} (last on {last})" for name, last in met.items())
        put(f"{clean(firm.company.name)}: other installations have written: {told}.")
        if not sure:
            agreed = questions.yes(
                "Are they gone for good, and is this one to go on in their place?", default=False
            )
            if not agreed:
                raise ConfigError(
                    "nothing was changed: once the others are gone for good, agree, or give --yes"
                )
        own = take_over(config, met, max(today, *met.values()))
        put(f"This installation, {own}, took their place: {config.installation_file} says so.")
        put("If one of them ever writes again, this one stops and names it.")
        return 0

    return each(configs(path, needs_one=True), work)
