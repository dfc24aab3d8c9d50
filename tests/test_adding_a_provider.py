"""The page on adding a provider: its example is installed, keeps the contract, and is used."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from connector.contract import Kind, Provider
from connector.errors import ConnectorError
from connector.receivables.capabilities import Capabilities
from tests.distributions import ROOT, path_with, pip_installed
from tests.policies import policy
from tests.processes import Desk

PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", re.DOTALL)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files as a reader copies them, installed into `site` by pip."""
    folder = tmp_path_factory.mktemp("acme")
    for name, text in BLOCK.findall(PAGE):
        (folder / name).write_text(text, encoding="utf-8")
    source = folder / "source"
    source.mkdir()
    for name in ("acme_books.py", "pyproject.toml"):
        (source / name).write_bytes((folder / name).read_bytes())
        (folder / name).unlink()  # what is tested is what pip installed
    pip_installed(source, folder / "site")
    return folder


def test_the_example_keeps_the_contract(example: Path) -> None:
    words = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(example))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "test_acme_books.py"],
        cwd=example,
        env={**os.environ, "PYTHONPATH": path_with(example / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 20


def test_the_example_is_set_up_and_reminds(example: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(policy("always"))
    (tmp_path / "books.json").write_bytes((example / "books.json").read_bytes())
    desk, found = Desk(tmp_path), {"PYTHONPATH": path_with(example / "site")}
    words = ("--provider", "acme", "--set", "FILE=books.json", "--set", "POLICY=policy.toml")
    made = desk.relance("init", *words, **found)
    assert made.code == 0, made.err
    dry = desk.relance("sync", "--dry-run", "--json", **found)
    assert dry.code == 0, dry.err
    assert dry.json["ledger"] == "acme:7"
    assert dry.json["data"]["open_lines"] == 2
    why = {reason["code"] for one in dry.json["silences"] for reason in one["reasons"]}
    assert why >= {"no_route", "unallocated_money"}


def test_the_page_names_every_method_and_error() -> None:
    methods = {name for name in vars(Provider) if not name.startswith("_")}
    rows = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert rows == methods
    told = set(re.findall(r"^\| `([A-Z]\w+)` \|", PAGE, re.MULTILINE))
    for_providers = {error.__name__ for error in ConnectorError.__subclasses__()}
    assert told == for_providers - {"StaleMirror"}


def test_the_page_names_every_capability_and_stream() -> None:
    table = PAGE.partition("### What it can do")[2].partition("### The streams")
    named = {name for row in re.findall(r"^\| (`.*?) \|", table[0], re.M) for name in named_in(row)}
    assert named == {field.name for field in fields(Capabilities)}
    streams = re.findall(r"^\| `(\w+)` \|", table[2].partition("### Records")[0], re.MULTILINE)
    assert streams == [str(kind) for kind in Kind]


def named_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
