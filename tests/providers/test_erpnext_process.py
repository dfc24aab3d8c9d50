"""`relance` as a process against a site of ERPNext: read, remind, pay, lose the state, lose an answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.contract import reference_of, trace_of
from providers.erpnext.wire import plain
from tests.processes import ALWAYS, Desk
from tests.providers.erpnext_books import FIRM, bill, books, days_ago, schedule
from tests.stand_ins.erpnext import ErpNextSite, Fault, refused

MAKE = "frappe.core.doctype.communication.email.make"


@pytest.fixture
def site() -> Iterator[ErpNextSite]:
    """Three customers: one who owes two invoices, one in instalments, one who is on hold."""
    with books(15) as site:
        for name in ("Kerbrat", "Martin", "Gelé"):
            site.put(
                "Customer",
                name,
                customer_name=name,
                customer_type="Company",
                language="fr",
                email_id=f"compta@{name.lower().replace('é', 'e')}.example",
                is_frozen=int(name == "Gelé"),
                disabled=0,
            )
        for name, customer in (("F-1", "Kerbrat"), ("F-2", "Kerbrat"), ("F-4", "Gelé")):
            bill(site, name, customer, 1440.5, posting_date=days_ago(60), due_date=days_ago(5))
        parts = [schedule(days_ago(6), 100.0), schedule(days_ago(-20), 200.0)]
        bill(site, "F-3", "Martin", 300.0, posting_date=days_ago(60), payment_schedule=parts)
        yield site


@pytest.fixture
def desk(site: ErpNextSite, tmp_path: Path) -> Desk:
    (tmp_path / "policy.toml").write_text(ALWAYS, encoding="utf-8")
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    secret.chmod(0o600)
    values = {
        "PROVIDER": "erpnext",
        "POLICY": "policy.toml",
        "LANGUAGE": "fr",
        "MODE": "auto",
        "ERPNEXT_URL": site.url,
        "ERPNEXT_KEY": "key-daemon",
        "ERPNEXT_SECRET": f"file:{secret}",
    }
    lines = [f"RELANCE_{name}={value}" for name, value in values.items()]
    (tmp_path / "config.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Desk(tmp_path)


def sync(desk: Desk) -> dict[str, Any]:
    done = desk.relance("sync", "--json")
    assert done.code == 0, done.err
    return done.json


def test_the_first_reminder_a_payment_and_a_lost_state(site: ErpNextSite, desk: Desk) -> None:
    dry = desk.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    planned = {r["customer"]["id"]: r for r in dry.json["reminders"]}
    assert set(planned) == {"Kerbrat", "Martin"}  # the third is frozen
    assert planned["Kerbrat"]["claim"] == "2881.00"
    assert planned["Martin"]["claim"] == "100.00"  # its second part is not due
    assert not site.mails
    assert not site.tables["Comment"]

    first = sync(desk)
    assert sorted(first["delivered"]["sent"]) == sorted(r["key"] for r in planned.values())
    mails = {mail.recipients: mail for mail in site.mails}
    assert set(mails) == {("compta@kerbrat.example",), ("compta@martin.example",)}
    for reminder in planned.values():
        mail = mails[tuple(reminder["to"])]
        assert reference_of(plain(mail.content)) == reminder["key"]
        assert mail.subject == reminder["subject"]
    notes = [trace_of(plain(c["content"]), "") for c in site.tables["Comment"].values()]
    lines = {line["key"] for r in planned.values() for line in r["lines"]}
    assert {note.line_key for note in notes if note} == lines
    assert len(notes) == len(lines) == 3

    site.night()  # called overdue, without a stamp
    site.pay("F-1", 1440.5)
    assert not sync(desk)["delivered"]["sent"]
    assert "settled, paid" in desk.relance("why", "F-1").out

    for file in desk.folder.glob("config.db*"):
        file.unlink()
    lost = sync(desk)
    assert not lost["delivered"]["sent"]
    assert len(site.mails) == 2
    assert len(site.tables["Comment"]) == 3


def test_a_mail_whose_answer_is_lost_is_found_and_not_sent_again(
    site: ErpNextSite, desk: Desk
) -> None:
    site.faults.append(Fault(path=MAKE, lost=True))
    done = desk.relance("sync", "--json")
    assert done.code == 3, done.err
    (unknown,) = done.json["delivered"]["unknown"]
    assert len(site.mails) == 2  # it had gone, and nobody was told

    again = sync(desk)
    assert again["delivered"]["sent"] == [unknown]
    assert not again["delivered"]["unknown"]
    assert len(site.mails) == 2
    assert len(site.tables["Comment"]) == 3


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"SECRET": "wrong"}, 4, "RELANCE_ERPNEXT_SECRET"),
        ({"COMPANY": "Other"}, 2, f"RELANCE_ERPNEXT_COMPANY (the user sees: {FIRM})"),
    ],
    ids=["secret", "company"],
)
def test_a_fault_is_one_clear_line(
    desk: Desk, change: dict[str, str], code: int, words: str
) -> None:
    more = {f"RELANCE_ERPNEXT_{name}": value for name, value in change.items()}
    done = desk.relance("sync", **more)
    assert done.code == code, done.err
    (line,) = [one for one in done.err.splitlines() if not one.startswith("warning:")]
    assert words in line


def test_a_limit_is_obeyed_and_nothing_is_lost(site: ErpNextSite, desk: Desk) -> None:
    """The site takes no call for an hour: the next run makes none, and says until when."""
    busy = refused("TooManyRequestsError", "")
    fault = Fault(path=MAKE, status=429, body=busy, headers={"Retry-After": "3600"}, times=9)
    site.faults.append(fault)
    done = desk.relance("sync", "--json")
    assert done.code == 3
    assert not done.json["delivered"]["sent"]
    assert fault.times == 8  # asked once, for one customer
    known = len(site.calls)
    again = desk.relance("sync")
    assert again.code == 3
    assert "no call before" in again.err
    assert len(site.calls) == known
