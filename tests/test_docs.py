"""The README and the example configuration are held to the code."""

import re
from pathlib import Path

from typer.main import get_command

from connector import registry
from connector.cli import app
from connector.config import NAMES
from connector.dunning import group_rules, rules
from connector.dunning.plan import Reason
from connector.dunning.policy import Policy
from connector.dunning.policy_file import ready_made
from connector.errors import ConnectorError

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(name: str) -> list[list[str]]:
    """The cells of a table that the README marks."""
    match = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert match
    rows = match[1].strip().splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_reasons_is_the_enum() -> None:
    rows = between("reasons")
    assert [row[0] for row in rows] == [str(reason) for reason in Reason]
    scopes = {row[0]: row[1] for row in rows}
    line = {rule.__name__ for rule in rules.RULES} | {"settled"}
    account = {rule.__name__ for rule in group_rules.ACCOUNT_RULES} | {"covered_by_credit"}
    run = {rule.__name__ for rule in group_rules.RUN_RULES}
    for code, scope in scopes.items():
        assert code in {"line": line, "account": account, "run": run}[scope]


def test_the_table_of_providers_is_what_they_declare() -> None:
    drawn = [
        [
            name,
            spec.title,
            "yes" if spec.can.custom_email else "by SMTP",
            str(spec.can.note),
            str(spec.can.traces),
            "yes" if spec.can.pdf else "no",
            "yes" if spec.can.pay_link else "no",
        ]
        for name, spec in registry.providers().items()
    ]
    assert between("providers") == drawn
    for name in registry.providers():
        assert (ROOT / "docs" / "providers" / f"{name}.md").exists()


def test_every_exit_code_is_told() -> None:
    def codes(error: type[ConnectorError]) -> set[int]:
        return {error.exit_code}.union(*(codes(child) for child in error.__subclasses__()))

    for code in codes(ConnectorError) | {0}:
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE)


def test_every_command_is_in_the_readme() -> None:
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`relance {name}" in README, name


def test_every_policy_key_and_ready_made_policy_is_in_the_readme() -> None:
    missing = {
        field.alias or name
        for name, field in Policy.model_fields.items()
        if f"`{field.alias or name}`" not in README and f"`[[{field.alias}]]`" not in README
    }
    assert missing == {"name", "country", "region", "regime"}
    for name in ready_made():
        assert f"`{name}`" in README or name in README


def test_the_example_configuration_names_every_option_of_the_core() -> None:
    example = (ROOT / "config.example.env").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"RELANCE_{name}" in example, name
