"""Imports point inwards: each room stands on the floors below it and none beside it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    {"connector.errors", "connector.safefile"},
    {
        "connector.receivables",
        "connector.config",
        "connector.configfile",
        "connector.credentials",
        "connector.lock",
        "connector.garbage",
    },
    {"connector.dunning", "connector.contract", "connector.meter", "connector.installation"},
    {"connector.oauth"},
    {"connector.messages", "connector.mirror", "connector.registry", "providers"},
    {"connector.outbox", "connector.reports"},
    {"connector.firm"},
    {"connector.sync"},
    {
        "connector.service",
        "connector.apply",
        "connector.by_hand",
        "connector.rebuild",
        "connector.setup",
        "connector.suggestions",
    },
    {"connector.doctor"},
    {"connector.cli"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
TOGETHER = ({"connector.config", "connector.configfile"},)  # one room in two files
FOR_PROVIDERS = {
    *("connector.contract", "connector.receivables", "connector.errors", "connector.oauth"),
    "providers",
}


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] == "providers":
        return "providers"
    return ".".join(parts[:2]) if parts[0] == "connector" and len(parts) > 1 else None


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            if node.module in ("connector", "providers"):
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
            else:
                found.add(node.module)
    return found


def modules() -> list[Path]:
    return sorted(p for top in ("connector", "providers") for p in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_inwards(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    here = room_of(name)
    if here is None:
        return
    assert here in FLOOR, f"{here} has no floor"
    for module in imports(path):
        there = room_of(module)
        if there is None or there == here:
            continue
        same = any({here, there} <= rooms for rooms in TOGETHER)
        assert same or FLOOR[there] < FLOOR[here], f"{name} imports {module}"
        if here == "providers":
            assert there in FOR_PROVIDERS, f"{name} imports {module}"


def test_sql_lives_in_mirror_and_outbox_only() -> None:
    for path in modules():
        room = path.relative_to(ROOT).parts[:2]
        if room in (("connector", "mirror"), ("connector", "outbox")):
            continue
        heavy = {m.split(".")[0] for m in imports(path)} & {"sqlalchemy", "sqlmodel", "sqlite3"}
        assert not heavy, f"{path.name} imports {heavy}"


def test_no_module_is_called_utils() -> None:
    assert not [p for p in modules() if p.stem in ("utils", "util", "helpers", "common", "misc")]


def test_the_pure_rooms_read_no_clock() -> None:
    for path in modules():
        if not {"receivables", "dunning", "messages"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert (
                    node.attr not in ("today", "now", "utcnow")
                    or not isinstance(node.value, ast.Name)
                    or node.value.id not in ("date", "datetime", "time")
                ), f"{path}: a clock"


HEAVY = {
    "alembic",
    "apscheduler",
    "authlib",
    "babel",
    "holidays",
    "jinja2",
    "keyring",
    "markdown_it",
    "pydantic",
    "requests",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "typst",
}
FOR_SOME = {"alembic", "apscheduler", "authlib", "keyring", "typst"}


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["--help"], HEAVY),
        (["--version"], HEAVY),
        # a run of one firm that has no letters, no sign-in and an up-to-date state
        (["sync", "--dry-run", "--quiet"], FOR_SOME),
        (["why", "F-2026-0042"], FOR_SOME),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_nothing_it_does_not_need(
    words: list[str], never: set[str], tmp_path: Path
) -> None:
    code = (
        "import sys; from connector.cli import app; from typer.testing import CliRunner;"
        f"r = CliRunner().invoke(app, {words}); assert r.exit_code == 0, r.output;"
        f"print(sorted({never} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_firm_imports_its_own_provider_alone(tmp_path: Path) -> None:
    """Each brings its wire models: importing all would take longer than a run."""
    (tmp_path / "config.env").write_text("RELANCE_PROVIDER=files\nRELANCE_FILES_FOLDER=.\n")
    code = (
        "import sys; from pathlib import Path; from connector.cli.firms import configs;"
        "from connector import registry;"
        f"(c,) = configs(Path({str(tmp_path / 'config.env')!r}), needs_one=True);"
        "assert not registry.check(c, {});"
        "print(sorted(m for m in sys.modules if m.startswith('providers.')"
        " and m.count('.') == 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "['providers.files']"
