"""The main job through Odoo: `relance` as a process, the stand-in of two versions behind it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.processes import ALWAYS, Desk
from tests.stand_ins.odoo import OdooServer
from tests.stand_ins.odoo_firm import contact, document, furnish, partner, pay


@pytest.fixture(params=[17, 19])
def odoo(request: pytest.FixtureRequest) -> Iterator[OdooServer]:
    with OdooServer(request.param) as odoo:
        furnish(odoo)
        yield odoo


def invoiced(odoo: OdooServer, name: str, late: int, amount: float = 120.0) -> int:
    """An invoice of a customer with an address, due so many days ago."""
    owner = partner(odoo, f"Client {name}")
    contact(odoo, owner, f"compta@client-{name}.example")
    due = datetime.now(UTC).date() - timedelta(days=late)
    return document(odoo, owner, (due, amount), name=f"FAC/{name}", on=due - timedelta(days=30))


def desk(folder: Path, odoo: OdooServer) -> Desk:
    """A folder whose config.env reaches the stand-in: by key from 19, by password before."""
    folder.mkdir()
    (folder / "policy.toml").write_text(ALWAYS, encoding="utf-8")
    secret = folder / "secret"
    secret.write_text(odoo.key if odoo.version >= 19 else odoo.password, encoding="utf-8")
    secret.chmod(0o600)
    values = {
        "PROVIDER": "odoo",
        "POLICY": "policy.toml",
        "LANGUAGE": "fr",
        "MODE": "auto",
        "ODOO_URL": odoo.url,
        "ODOO_DATABASE": odoo.database,
    }
    if odoo.version >= 19:
        values["ODOO_KEY"] = f"file:{secret}"
    else:
        values |= {"ODOO_USER": odoo.user, "ODOO_PASSWORD": f"file:{secret}"}
    lines = [f"RELANCE_{name}={value}" for name, value in values.items()]
    (folder / "config.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Desk(folder)


def went(odoo: OdooServer) -> Counter[str]:
    return Counter(mail["to"] for mail in odoo.sent)


def notes(odoo: OdooServer, invoice: int) -> list[str]:
    kept = odoo.tables["mail.message"].values()
    return [m["body"] for m in kept if m["res_id"] == invoice and "relance/1 K=" in m["body"]]


@pytest.mark.practice("P0-12", "P2-62")
def test_a_reminder_goes_once_and_a_lost_database_repeats_nothing(
    odoo: OdooServer, tmp_path: Path
) -> None:
    invoices = {name: invoiced(odoo, name, late) for name, late in (("a", 6), ("b", 20), ("c", 2))}
    firm = desk(tmp_path / "firm", odoo)

    dry = firm.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    planned = {r["to"][0]: r for r in dry.json["reminders"]}
    assert set(planned) == {"compta@client-a.example", "compta@client-b.example"}
    assert {r["route"] for r in planned.values()} == {"api"}
    assert not odoo.sent
    assert not odoo.tables["mail.message"]

    pay(odoo, invoices["b"])
    first = firm.relance("sync", "--json")
    assert first.code == 0, first.err
    assert went(odoo) == {"compta@client-a.example": 1}
    (mail,) = odoo.sent
    key = planned["compta@client-a.example"]["key"]
    assert mail["subject"] == planned["compta@client-a.example"]["subject"]
    assert f"Ref. {key}" in mail["body"]
    assert "FAC/a" in mail["body"]
    assert [name for name, _ in mail["files"]] == ["FAC-a.pdf"]
    (note,) = notes(odoo, invoices["a"])
    assert f"R={key}" in note
    assert "settled, paid" in firm.relance("why", "FAC/b").out

    assert not firm.relance("sync", "--json").json["delivered"]["sent"]
    for file in firm.folder.glob("config.db*"):
        file.unlink()
    lost = firm.relance("sync", "--json")
    assert lost.code == 0, lost.err
    assert not lost.json["delivered"]["sent"]
    assert went(odoo) == {"compta@client-a.example": 1}
    assert len(notes(odoo, invoices["a"])) == 1

    pay(odoo, invoices["a"])
    assert firm.relance("sync").code == 0
    assert "settled, paid" in firm.relance("why", "FAC/a").out


def test_a_lost_answer_is_settled_from_what_odoo_kept(odoo: OdooServer, tmp_path: Path) -> None:
    invoice = invoiced(odoo, "a", 6)
    firm = desk(tmp_path / "firm", odoo)
    odoo.fail["action_send_mail"] = ["lost"]
    first = firm.relance("sync", "--json")
    assert first.code == 3, first.err
    (key,) = first.json["delivered"]["unknown"]
    assert went(odoo) == {"compta@client-a.example": 1}
    assert notes(odoo, invoice) == []

    second = firm.relance("sync", "--json")
    assert second.code == 0, second.err
    assert second.json["delivered"]["sent"] == [key]
    assert went(odoo) == {"compta@client-a.example": 1}
    assert len(notes(odoo, invoice)) == 1


def test_a_read_that_breaks_off_sends_nothing_and_goes_on_next_time(
    odoo: OdooServer, tmp_path: Path
) -> None:
    invoiced(odoo, "a", 6)
    firm = desk(tmp_path / "firm", odoo)
    odoo.database_up = False
    assert firm.relance("sync").code == 3
    odoo.database_up = True
    odoo.fail["search_read"] = ["", "", "cut"]
    done = firm.relance("sync", "--json")
    assert done.code == 0, done.err
    assert went(odoo) == {"compta@client-a.example": 1}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"ODOO_DATABASE": "nothing"}, 2, "RELANCE_ODOO_DATABASE"),
        ({"ODOO_COMPANY": "7"}, 2, "RELANCE_ODOO_COMPANY"),
        (
            {"ODOO_PASSWORD": "nope", "ODOO_KEY": "nope", "ODOO_USER": "sync"},
            4,
            "RELANCE_ODOO_PASSWORD",
        ),
    ],
    ids=["database", "company", "password"],
)
def test_a_fault_is_one_clear_line(
    odoo: OdooServer, tmp_path: Path, change: dict[str, str], code: int, words: str
) -> None:
    firm = desk(tmp_path / "firm", odoo)
    environ = {f"RELANCE_{name}": value for name, value in change.items()}
    done = firm.relance("sync", **environ)
    told = [line for line in done.err.splitlines() if not line.startswith("warning:")]
    assert done.code == code, done.err
    assert len(told) == 1, told
    assert words in told[0]
    assert "nope" not in done.err
    assert not odoo.sent
