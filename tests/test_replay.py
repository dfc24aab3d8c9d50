"""Replay against the truth: the same days lived through by real syncs with a moved clock."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from connector.cli import policies as commands
from connector.config import Config
from connector.dunning.policy import MESSAGES
from connector.dunning.policy_file import Policies, load
from connector.dunning.replay import Sent, by_step, day_of, differences, replay
from connector.dunning.snapshot import Case
from connector.errors import ConfigError
from connector.firm import NOBODY, Firm
from connector.messages.write import Writer
from connector.mirror import tables
from connector.mirror.past_days import PastDays
from connector.mirror.state import State, scratch
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.outbox.queue import Outbox
from connector.outbox.rows import Row
from connector.outbox.smtp import Smtp
from connector.receivables.records import Decision, Mark
from connector.sync import dry_run, sync
from providers.files import SPEC, Files
from tests import sample_ledger
from tests.facts import STANDARD, TODAY, account, case, snapshot
from tests.providers.alone import FREE
from tests.sample_bills import Bill, bills, day
from tests.sample_tables import CREDITS
from tests.test_smtp import Mailbox, serving

D = timedelta(days=1)
LAST = date(2026, 11, 20)
Cells = sample_ledger.Row
Step = tuple[date, str, str, str, int]  # day, invoice, line, rung, nth

POLICY = """
name = "played"
country = "FR"
gap_days = 5
minimum = { EUR = "15.00" }
windows = [ { days = "mon-fri", from = "09:00", until = "17:30" } ]
quiet = [ { from = "08-01", until = "08-20" } ]
[[step]]
name = "before_due"
stage = "before_due"
when = "before due"
days = 7
channel = "email"
only = { behaviour = "late", minimum = { EUR = "500.00" } }
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"
[[step]]
name = "call"
stage = "friendly"
when = "after due"
days = 8
channel = "call"
[[step]]
name = "firm"
stage = "firm"
when = "after due"
days = 15
channel = "email"
repeat = { every_days = 6, times = 2 }
[[step]]
name = "notice"
stage = "notice"
when = "after due"
days = 30
channel = "email"
template = "firm"
approve = true
[[step]]
name = "handover"
stage = "handover"
when = "after previous"
days = 5
unit = "business days"
after = "deadline"
channel = "task"
"""


class Exports:
    """The sample firm's folder as its bookkeeper would have exported it on any day.

    `told` replaces what the rows of one file say on a day.
    """

    def __init__(self, start: date) -> None:
        self.bills = bills()
        self.start = start
        self.told: dict[str, Callable[[date, list[Cells]], Iterable[Cells]]] = {}

    def write(self, folder: Path, today: date) -> None:
        shown = [self._shown(bill, today) for bill in self.bills if bill.issued_on <= today]
        known = {bill.number for bill in shown}
        rows = {
            "customers": list(sample_ledger._customers()),
            "invoices": list(sample_ledger._invoices(shown)),
            "payments": _until(today, "paid_on", sample_ledger._payments(self.bills)),
            "credit_notes": _until(today, "issued_on", sample_ledger._credit_notes(self.bills)),
            "decisions": [
                row
                for row in _until(today, "since", sample_ledger._decisions(self.bills))
                if row.get("invoice", "") in {"", *known}
            ],
            "history": [
                row
                for row in _until(self.start - D, "on", sample_ledger._history(self.bills))
                if row["invoice"] in known
            ],
        }
        company = {k: v for k, v in sample_ledger.COMPANY.items() if k != "today"}
        company["read_at"] = f"{today}T07:00:00Z"
        (folder / "company.csv").write_bytes(
            sample_ledger._csv(list(company), iter([dict(company)]))
        )
        for name, found in rows.items():
            told = self.told.get(name, lambda _, same: same)(today, found)
            (folder / f"{name}.csv").write_bytes(
                sample_ledger._csv(sample_ledger.COLUMNS[name].split(","), iter(told))
            )

    def _shown(self, bill: Bill, today: date) -> Bill:
        credit = {customer: day(on) for customer, on, _, used in CREDITS if used}
        used_on = credit.get(bill.customer)
        return replace(
            bill,
            paid=[part for part in bill.paid if part[0] <= today],
            credited=Decimal(0) if used_on and used_on > today else bill.credited,
        )


def _until(today: date, column: str, rows: Iterator[Cells]) -> list[Cells]:
    return [row for row in rows if row[column] <= today]  # type: ignore[operator]


class Life:
    """A firm that syncs each day, and a person who approves: of each customer the hardest."""

    def __init__(self, folder: Path, port: int, exports: Exports) -> None:
        self.exports, self.folder = exports, folder / "books"
        self.folder.mkdir()
        (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
        self.policies = load("policy.toml", folder)
        self.now = datetime.combine(exports.start, time(9), UTC)
        exports.write(self.folder, exports.start)
        provider = Files(self.folder, lambda: self.now)
        mail = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none", "FROM": "a@b.example"}
        company = provider.company()
        self.firm = Firm(
            config=Config(
                path=folder / "config.env",
                provider="files",
                state=folder / "config.db",
                policy=str(folder / "policy.toml"),
            ),
            spec=SPEC,
            provider=provider,
            meter=FREE,
            company=company,
            can=provider.probe(),
            policies=self.policies,
            writer=Writer(company, None),
            mailer=Smtp(mail),
            zone=ZoneInfo(company.timezone),
        )

    def live(self, until: date) -> None:
        today = self.exports.start
        while today <= until:
            self.exports.write(self.folder, today)
            self.now = datetime.combine(today, time(9), UTC)
            self.firm = replace(self.firm, company=self.firm.provider.company())
            assert self._sync() == 0
            if self._approve():
                self.now += timedelta(hours=1)
                assert self._sync() == 0
            today += D

    def _sync(self) -> int:
        report = sync(self.firm, lambda: self.now, lambda *_: None, lambda: False)
        assert not report.delivered.unknown
        return report.exit_code

    def _approve(self) -> bool:
        with State.opened(self.firm.config.state) as state:
            box = Outbox(state, "")
            told, some = set[str](), False
            for row in sorted(box.rows(ReminderState.PROPOSED), key=_hardest):
                if row.channel in MESSAGES:
                    if row.customer_id in told:
                        continue
                    told.add(row.customer_id)
                box.approve(row, "Camille", self.now)
                some = True
        return some

    def sent(self) -> set[Step]:
        """What really went out, from the outbox."""
        line, reminder = tables.reminder_line, tables.reminder
        query = (
            select(reminder, line.c.invoice_ref, line.c.line_ref, line.c.nth)
            .add_columns(line.c.stage.label("its_stage"), line.c.n.label("its_n"))
            .join(line, line.c.reminder_id == reminder.c.id)
            .where(reminder.c.state == "sent", reminder.c.origin == "relance")
        )
        with (
            State.opened(self.firm.config.state) as state,
            state.reader.connect() as connection,
        ):
            rows = connection.execute(query).all()
        return {
            (row.sent_on, row.invoice_ref, row.line_ref, f"{row.its_stage}.{row.its_n}", row.nth)
            for row in rows
        }

    def mails(self) -> int:
        with State.opened(self.firm.config.state) as state:
            rows = Outbox(state, "").rows(ReminderState.SENT)
        return sum(row.channel == "email" for row in rows)


def _hardest(row: Row) -> tuple[object, ...]:
    stage, side, n = row.rung
    first = row.lines[0]
    return -stage, side, -n, -row.claim, row.customer_id, row.currency, first.invoice_id


@contextmanager
def living(folder: Path, exports: Exports) -> Iterator[tuple[Life, Mailbox]]:
    post = Mailbox()
    with serving(post) as port:
        yield Life(folder, port, exports), post


@pytest.fixture(autouse=True)
def _locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "locks"))


def steps(sent: Iterable[Sent]) -> set[Step]:
    return {
        (one.on, line.invoice_id, line.line_id, str(line.rung), line.nth)
        for one in sent
        for line in one.reminder.lines
    }


def played(mirror: Mirror, policies: Policies, start: date, end: date) -> list[Sent]:
    past, texts = PastDays(mirror, start), Writer(NOBODY, None).templates
    known = replace(day_of(policies, (), "fr"), templates=texts)
    return list(replay(lambda today: past.facts(known, today), policies, start, end))


def assert_alike(replayed: set[Step], lived: set[Step]) -> None:
    assert lived
    assert sorted(replayed - lived) == []
    assert sorted(lived - replayed) == []


@pytest.mark.slow
def test_replay_of_the_sample_is_what_daily_syncs_send(tmp_path: Path, whole: bool) -> None:
    """By the ledger's own dates: the mirror that is replayed was read on the last day alone."""
    start = date(2024, 11, 21) if whole else date(2026, 9, 22)
    with living(tmp_path, Exports(start)) as (life, post):
        life.live(LAST)
        lived = life.sent()
        assert len(post.mails) == life.mails() > 0
    fresh = replace(
        life.firm, config=replace(life.firm.config, path=None, state=tmp_path / "none.db")
    )
    with dry_run(fresh, life.now, lambda *_: None) as (_, mirror):
        assert_alike(steps(played(mirror, life.policies, start, LAST)), lived)


def number(customer: str, due: str) -> str:
    """The number of the sample's invoice of a customer, due on a day."""
    (found,) = (b.number for b in bills() if b.customer == customer and b.lines[0][0] == day(due))
    return found


class Restless(Exports):
    """A folder in which things come late, move, vanish and are taken back."""

    def __init__(self, start: date) -> None:
        super().__init__(start)
        self.late, self.moved = number("C01", "11-10"), number("C19", "11-10")
        self.gone, self.credited = number("C11", "11-10"), number("C20", "11-10")
        self.matched, self.held = number("C21", "11-06"), number("C12", "11-07")
        self.told = {
            "invoices": self.invoices,
            "payments": self.payments,
            "credit_notes": self.credit_notes,
            "decisions": self.decisions,
        }

    def invoices(self, today: date, rows: list[Cells]) -> Iterator[Cells]:
        for row in rows:
            open_now = {
                self.late: "1240.00" if today < date(2026, 11, 18) else "40.00",
                self.credited: "480.00" if today < date(2026, 11, 17) else "100.00",
                self.matched: "1150.00" if today < date(2026, 11, 18) else "850.00",
            }.get(str(row["invoice"]))
            if open_now:
                row |= {"balance": open_now, "invoice_balance": open_now}
            if row["invoice"] == self.moved and today >= date(2026, 11, 16):
                row["due_on"] = date(2026, 11, 26)
            if row["invoice"] != self.gone or today < date(2026, 11, 17):
                yield row

    def payments(self, today: date, rows: list[Cells]) -> Iterator[Cells]:
        for row in rows:
            if row["reference"] == "virement sans référence" and today >= date(2026, 11, 18):
                row |= {"invoice": self.matched, "allocated": "300.00"}
            yield row
        if today >= date(2026, 11, 18):  # entered six days late
            paid = {"payment": "R-9999", "customer": "C01", "currency": "EUR", "state": "booked"}
            paid |= {"paid_on": date(2026, 11, 12), "amount": "1200.00", "allocated": "1200.00"}
            yield paid | {"invoice": self.late}

    def credit_notes(self, today: date, rows: list[Cells]) -> Iterator[Cells]:
        for row in rows:
            if row["customer"] == "C20" and today >= date(2026, 11, 17):
                row |= {"balance": "120.00", "invoice": self.credited}
            yield row

    def decisions(self, today: date, rows: list[Cells]) -> Iterator[Cells]:
        yield from rows
        if date(2026, 11, 10) <= today < date(2026, 11, 16):
            hold = {"invoice": self.held, "mark": "hold", "since": date(2026, 11, 3)}
            yield hold | {"author": "Camille", "because": "asked to wait"}


@pytest.mark.practice("P1-39")
def test_from_the_first_day_on_the_log_of_events_tells_it_exactly(tmp_path: Path) -> None:
    start = date(2026, 11, 5)
    with living(tmp_path, Restless(start)) as (life, _):
        life.live(LAST)
        lived = life.sent()
    with scratch(life.firm.config.state) as state:
        assert_alike(steps(played(Mirror(state), life.policies, start, LAST)), lived)
    with scratch(life.firm.config.state) as state:  # and from any later day with what was had
        later = {step for step in lived if step[0] >= date(2026, 11, 17)}
        found = steps(played(Mirror(state), life.policies, date(2026, 11, 17), LAST))
        assert_alike(found, later)
    fresh = replace(life.firm, config=replace(life.firm.config, path=None))
    with dry_run(fresh, life.now, lambda *_: None) as (_, mirror):  # the dates alone do not know
        guessed = steps(played(mirror, life.policies, start, LAST))
    assert guessed != lived


def test_days_are_asked_in_order(tmp_path: Path) -> None:
    with State.opened(tmp_path / "none.db") as state, pytest.raises(ConfigError, match="sync"):
        PastDays(Mirror(state), TODAY)
    with sample() as mirror:
        past, texts = PastDays(mirror, TODAY - D), day_of(STANDARD, ("fr",), "fr")
        past.facts(texts, TODAY)
        with pytest.raises(ValueError, match="in order"):
            past.facts(texts, TODAY - D)


@contextmanager
def sample() -> Iterator[Mirror]:
    (config,) = commands.configs(None, needs_one=False)
    with (
        commands.opened(config, {}) as firm,
        dry_run(firm, datetime.now(UTC), lambda *_: None) as (_, mirror),
    ):
        yield mirror


# --- the pure part --------------------------------------------------------------------------------


def walked(*cases: Case, policies: Policies = STANDARD, days: int = 60) -> list[Sent]:
    facts = snapshot(*cases, day=day_of(policies, ("fr",), "fr"))
    return list(replay(lambda _: facts, policies, TODAY, TODAY + days * D))


def test_an_unpaid_line_climbs_the_whole_ladder_once() -> None:
    sent = walked(case(late=3, account=account(customer={"address": "1 rue X"})), days=90)
    assert list(by_step(sent)) == [
        "friendly",
        "call",
        "firm",
        "second_call",
        "formal_notice",
        "handover",
    ]
    assert set(by_step(sent).values()) == {1}
    messages = [one.on for one in sent if one.reminder.channel in MESSAGES]
    assert all((b - a).days >= 5 for a, b in pairwise(messages))
    assert not any(one.reminder.needs_approval for one in sent)


def test_a_restarted_ladder_is_climbed_again() -> None:
    again = Decision(mark=Mark.RESTART, since=TODAY + 25 * D)
    facts = day_of(STANDARD, ("fr",), "fr")

    def known(today: date) -> object:
        made = (again,) if today >= again.since else ()
        return snapshot(case(late=3, decisions=made), day=facts)

    sent = list(replay(known, STANDARD, TODAY, TODAY + 60 * D))  # type: ignore[arg-type]
    assert by_step(sent)["friendly"] == 2
    assert [s.reminder.lines[0].nth for s in sent if s.reminder.step == "friendly"] == [1, 2]


def test_two_policies_differ_from_the_first_day_on_which_they_do() -> None:
    gentle = load("gentle", Path())
    one, other = walked(case(late=3)), walked(case(late=3), policies=gentle)
    assert list(differences(one, one)) == []
    first, *_ = differences(one, other)
    assert (first.on, len(first.one), first.other) == (TODAY, 1, ())


# --- the command ----------------------------------------------------------------------------------


def run(*names: str, **more: object) -> int:
    given = {"policy": "", "against": "", "csv_file": None, "as_json": False, "quiet": True}
    return commands.replay(None, *(names or ("2026-11-09", "2026-11-27")), **(given | more))  # type: ignore[arg-type]


def test_the_sample_is_replayed_as_a_table_and_as_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(csv_file=tmp_path / "r.csv") == 0
    shown = capsys.readouterr().out
    assert "the sample ledger" in shown
    assert "After 2026-11-20: as if nobody paid." in shown
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (tmp_path / "r.csv").stat().st_mode & 0o077 == 0
    assert len({row["date"] for row in rows}) > 8
    assert {row["policy"] for row in rows} == {"standard-b2b"}
    assert all(row["invoice"] in shown or int(row["line"]) for row in rows)
    assert rows[0]["date"] in shown


@pytest.mark.practice("P2-50")
def test_two_policies_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(against="gentle") == 0
    shown = capsys.readouterr().out
    assert "They differ on" in shown
    assert run(against="gentle", as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [found["policy"] for found in told["policies"]] == ["standard-b2b", "gentle"]
    assert told["differs_on"][0] in shown
    assert sum(told["policies"][0]["by_step"].values()) == len(told["policies"][0]["reminders"])
    assert run(against="standard-b2b") == 0
    assert "They never differ." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-11-20", "2026-11-19", "in order"),
        ("1900-01-01", "2026-11-19", "ten years"),
        ("20/11/2026", "2026-11-19", "--from '20/11/2026'"),
        ("2026-11-20", "soon", "--to 'soon'"),
    ],
)
def test_wrong_days_are_told(tmp_path: Path, start: str, end: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run(start, end)
