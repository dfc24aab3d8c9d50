"""The main job on real parts: a Tryton server, its mail to a sink, and `relance` as a process."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lab.server import TrytonLab
from tests.processes import configured

TRACE = re.compile(r"^relance/1 K=([0-9a-f]{20}) R=([0-9a-f]{20}) S=(\S+) N=1 D=\S+ I=[0-9a-f]{8}")


def subjects(lab: TrytonLab) -> Counter[tuple[str, str]]:
    """(recipients, subject) of every message the mail server took."""
    return Counter((str(m["X-Envelope-To"]), unfolded(str(m["Subject"]))) for m in lab.mails)


def unfolded(subject: str) -> str:
    """A subject without its blanks: folding between encoded words loses some on the way."""
    return subject.replace(" ", "")


def notes_of(lab: TrytonLab, plan: dict[str, Any]) -> dict[str, list[str]]:
    ids = {line["invoice_id"] for r in plan["reminders"] for line in r["lines"]}
    return {ref: lab.notes(int(ref)) for ref in ids}


def body_of(message: Any) -> str:
    part = message.get_body(preferencelist=("html", "plain"))
    assert part
    return str(part.get_content())


@pytest.mark.practice("P0-12", "P2-62")
def test_the_first_reminder_and_back(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton)

    dry = desk.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    plan = dry.json
    emails = [r for r in plan["reminders"] if r["channel"] == "email"]
    assert len(emails) >= 8
    assert {r["route"] for r in emails} == {"api"}
    assert not desk.state.exists()
    assert not tryton.mails
    assert not any(notes_of(tryton, plan).values())

    first = desk.relance("sync", "--json")
    assert first.code == 0, first.err
    assert sorted(first.json["delivered"]["sent"]) == sorted(r["key"] for r in plan["reminders"])
    planned = Counter((", ".join(r["to"]), unfolded(r["subject"])) for r in emails)
    assert subjects(tryton) == planned
    for reminder in emails:
        subject = unfolded(reminder["subject"])
        (mail,) = [
            m
            for m in tryton.mails
            if unfolded(m["Subject"]) == subject and m["X-Envelope-To"] == reminder["to"][0]
        ]
        assert f"Ref. {reminder['key']}" in body_of(mail)
        for line in reminder["lines"]:
            assert line["invoice"] in body_of(mail)
    notes = notes_of(tryton, plan)
    for reminder in plan["reminders"]:
        for line in reminder["lines"]:
            traces = [TRACE.match(note) for note in notes[line["invoice_id"]]]
            found = [m for m in traces if m and m[1] == line["key"]]
            assert len(found) == 1, notes[line["invoice_id"]]
            assert found[0][2] == reminder["key"]

    for _ in range(2):
        again = desk.relance("sync", "--json")
        assert again.code == 0, again.err
        assert not again.json["reminders"]
        assert not again.json["delivered"]["sent"]
    assert subjects(tryton) == planned
    assert notes_of(tryton, plan) == notes

    overdue = tryton.situations["overdue_20"]
    tryton.pay(overdue.id)
    assert desk.relance("sync").code == 0
    why = desk.relance("why", str(overdue.number))
    assert "settled, paid" in why.out

    for file in desk.folder.glob("config.db*"):
        file.unlink()
    lost = desk.relance("sync", "--json")
    assert lost.code == 0, lost.err
    assert not lost.json["delivered"]["sent"]
    assert subjects(tryton) == planned
    assert notes_of(tryton, plan) == notes


def test_proposals_wait_and_go_when_approved(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync").code == 0
    assert not tryton.mails
    proposals = desk.relance("review", "--json").json["proposals"]
    one, two, *_ = [p for p in proposals if p["channel"] == "email"]

    shown = desk.relance("review", one["key"])
    assert one["subject"] in shown.out
    assert desk.relance("approve", one["key"][:8]).code == 0
    assert desk.relance("reject", two["key"][:8], "--because", "called instead").code == 0
    sent = desk.relance("sync", "--json")
    assert sent.json["delivered"]["sent"] == [one["key"]]
    assert [unfolded(m["Subject"]) for m in tryton.mails] == [unfolded(one["subject"])]
    left = {p["key"] for p in desk.relance("review", "--json").json["proposals"]}
    assert not left & {one["key"], two["key"]}
    assert desk.relance("approve", two["key"]).code == 2


@pytest.mark.practice("P2-29", "P2-47")
def test_an_edited_text_is_what_goes_out(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync").code == 0
    proposals = desk.relance("review", "--json").json["proposals"]
    situation = tryton.situations["overdue_6"]
    (mine,) = [p for p in proposals if p["invoices"] == [situation.number]]
    words = "Bonjour Jeanne,\n\nvoici un mot de ma main. <b>Merci</b>\n"
    (desk.folder / "mine.txt").write_text(f"Subject: Un mot\n\n{words}", encoding="utf-8")
    assert desk.relance("edit", mine["key"], "--file", "mine.txt").code == 0

    # Planning again leaves an edited proposal as it is.
    assert desk.relance("sync").code == 0
    assert "waiting_for_approval" in desk.relance("why", str(situation.number)).out
    assert desk.relance("approve", mine["key"]).code == 0
    assert desk.relance("sync", "--json").json["delivered"]["sent"] == [mine["key"]]
    (mail,) = tryton.mails
    assert mail["Subject"] == "Un mot"
    assert "voici un mot de ma main. &lt;b&gt;Merci&lt;/b&gt;" in body_of(mail)
    assert f"Ref. {mine['key']}" in body_of(mail)


def test_an_edited_text_about_another_amount_is_planned_anew(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync").code == 0
    situation = tryton.situations["overdue_6"]

    def proposal() -> dict[str, Any]:
        proposals = desk.relance("review", "--json").json["proposals"]
        (mine,) = [p for p in proposals if p["invoices"] == [situation.number]]
        assert isinstance(mine, dict)
        return mine

    before = proposal()
    (desk.folder / "mine.txt").write_text("Subject: Un mot\n\nMa phrase.\n", encoding="utf-8")
    assert desk.relance("edit", before["key"], "--file", "mine.txt").code == 0
    tryton.pay(situation.id, Decimal("10.00"))
    assert desk.relance("sync").code == 0
    after = proposal()
    assert Decimal(after["claim"]) == Decimal(before["claim"]) - 10
    assert "Ma phrase" not in after["body"]
    shown = desk.relance("edit", after["key"], EDITOR="grep -q 'Ma phrase'")
    assert shown.code == 0, shown.err  # the draft was offered


@pytest.mark.practice("P0-12")
def test_what_was_paid_since_the_approval_is_withdrawn(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync").code == 0
    situation = tryton.situations["overdue_10"]
    (proposal,) = [
        p
        for p in desk.relance("review", "--json").json["proposals"]
        if p["invoices"] == [situation.number]
    ]
    assert desk.relance("approve", proposal["key"]).code == 0
    tryton.pay(situation.id)
    after = desk.relance("sync", "--json")
    assert proposal["key"] in after.json["delivered"]["withdrawn"]
    assert not tryton.mails


def test_a_dry_run_leaves_the_state_byte_for_byte(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync").code == 0
    before = desk.digests()
    assert desk.relance("sync", "--dry-run").code == 0
    assert desk.digests() == before

    # A program that is killed leaves its write-ahead log behind.
    code = (
        "import os, signal, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('PRAGMA wal_autocheckpoint = 0');"
        "c.execute(\"UPDATE ledger SET name = 'left in the log'\"); c.commit();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run(["python3", "-c", code, str(desk.state)], check=False)
    assert (desk.folder / "config.db-wal").stat().st_size > 0
    before = desk.digests()
    dry = desk.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert desk.digests() == before


def test_a_saved_plan_sends_exactly_what_still_holds(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton, MODE="review")
    assert desk.relance("sync", "--dry-run", "--plan-out", "plan.json").code == 0
    file = desk.folder / "plan.json"
    assert file.stat().st_mode & 0o777 == 0o600
    saved = json.loads(file.read_text(encoding="utf-8"))
    paid = tryton.situations["overdue_10"]
    tryton.pay(paid.id)
    saved["reminders"][0]["subject"] = "Un sujet du fichier"
    file.write_text(json.dumps(saved), encoding="utf-8")

    done = desk.relance("apply", "plan.json", "--json")
    assert done.code == 3, done.err  # something dropped out
    assert [d for d in done.json["dropped"] if str(paid.number) in d and "settled" in d]
    delivered = done.json["delivered"]
    went, waits = set(delivered["sent"]), set(delivered["waiting"])  # the gap holds some back
    assert len(went | waits) + len(done.json["dropped"]) == len(saved["reminders"])
    assert saved["reminders"][0]["key"] in went
    sent = [r for r in saved["reminders"] if r["channel"] == "email" and r["key"] in went]
    assert subjects(tryton) == Counter((r["to"][0], unfolded(r["subject"])) for r in sent)

    again = desk.relance("apply", "plan.json", "--json")
    assert not again.json["delivered"]["sent"]
    assert len(again.json["dropped"]) == len(saved["reminders"])
    assert len(tryton.mails) == len(sent)

    for change, words in (
        ({"version": 2}, "version"),
        ({"ledger": "tryton:other:1"}, "tryton:other:1"),
        ({"sample": True}, "sample"),
    ):
        file.write_text(json.dumps(saved | change), encoding="utf-8")
        refused = desk.relance("apply", "plan.json")
        assert refused.code == 2
        assert words in refused.err
    saved["data"]["payments_read_at"] = "2026-01-01T00:00:00Z"
    file.write_text(json.dumps(saved), encoding="utf-8")
    assert desk.relance("apply", "plan.json").code == 3
    assert len(tryton.mails) == len(sent)


class Html(BaseHTTPRequestHandler):
    """A web server that answers every call with a page."""

    def do_POST(self) -> None:
        page = b"<html><body>Welcome to nginx!</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web_page() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Html)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"TRYTON_PASSWORD": "wrong"}, 4, "RELANCE_TRYTON_PASSWORD"),
        ({"TRYTON_URL": "down"}, 3, "127.0.0.1"),
        ({"TRYTON_URL": "html"}, 2, "RELANCE_TRYTON_URL"),
        ({"TRYTON_DATABASE": "nothing"}, 2, "RELANCE_TRYTON_DATABASE"),
    ],
    ids=["password", "down", "html", "database"],
)
def test_a_fault_is_one_clear_line_and_the_mirror_stays(
    tryton_shared: TrytonLab,
    tmp_path: Path,
    web_page: str,
    change: dict[str, str],
    code: int,
    words: str,
) -> None:
    desk = configured(tmp_path / "firm", tryton_shared, MODE="review")
    assert desk.relance("sync").code == 0
    before = desk.digests()
    places = {"down": f"http://127.0.0.1:{free_port()}", "html": web_page}
    broken = {name: places.get(value, value) for name, value in change.items()}
    configured(desk.folder, tryton_shared, MODE="review", **broken)
    done = desk.relance("sync")
    told = [line for line in done.err.splitlines() if not line.startswith("warning:")]
    assert done.code == code, done.err
    assert len(told) == 1, told
    assert words in told[0]
    assert "wrong" not in done.err
    assert desk.digests() == before


def test_another_ledger_is_refused(tryton_shared: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton_shared, MODE="review")
    assert desk.relance("sync").code == 0
    with sqlite3.connect(desk.state) as connection:
        connection.execute("UPDATE ledger SET ledger_id = 'tryton:other:9'")
    connection.close()
    done = desk.relance("sync")
    assert done.code == 2
    assert "tryton:other:9" in done.err


def wait_for(process: "subprocess.Popen[str]", words: str) -> str:
    """The narration up to the line that holds the words."""
    assert process.stderr
    told = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        told += line
        if words in line or not line:
            break
    assert words in told, told
    return told


def test_the_service_sends_stops_when_asked_and_runs_once(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton)
    service = desk.start("run")
    try:
        wait_for(service, " sent")
        assert tryton.mails
        second = desk.relance("run")
        assert second.code == 2
        assert "service" in second.err
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=20) == 0
    finally:
        service.kill()
        service.communicate()
    count = len(tryton.mails)
    assert not desk.relance("sync", "--json").json["delivered"]["sent"]
    assert len(tryton.mails) == count


def test_outside_the_window_it_queues_and_says_when(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton)
    policy = desk.folder / "policy.toml"
    hour = time.localtime().tm_hour
    shut = 9 if hour >= 13 else 15  # hours in which consumers may be written to, and not now
    text = policy.read_text(encoding="utf-8")
    policy.write_text(
        text.replace(
            'from = "00:00", until = "24:00"', f'from = "{shut:02}:00", until = "{shut:02}:10"'
        ),
        encoding="utf-8",
    )
    done = desk.relance("sync")
    assert done.code == 0, done.err
    assert "The sending window opens" in done.out
    assert not tryton.mails
    waiting = desk.relance("outbox", "--json").json["outbox"]
    assert {row["state"] for row in waiting} == {"planned"}
    assert desk.relance("status").code == 0


def test_a_customer_whom_the_product_refuses_stops_nobody_else(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton)
    tryton.stop()
    assert desk.relance("sync").code == 3
    tryton.start()
    assert desk.relance("sync").code == 0
    assert tryton.mails
