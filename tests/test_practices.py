"""Good practices of the field that no other file shows."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connector.dunning import plan_json
from connector.dunning.alerts import Alert, alerts
from connector.dunning.decide import decide
from connector.dunning.plan import Plan, Reason
from connector.dunning.policy_file import Policies, parse
from connector.dunning.snapshot import Case, Channel, Credit, Had, Stage
from connector.errors import ConfigError
from connector.messages.write import Writer
from connector.mirror import tables
from connector.mirror.lookup import find
from connector.mirror.past_days import PastDays
from connector.mirror.pull import pull
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.outbox.decisions import Decisions
from connector.outbox.given import Given, decision_of, word
from connector.receivables import terms
from connector.receivables.measures import change
from connector.receivables.records import Cause, Decision, Invoice, Mark
from providers.files import SPEC, Files
from tests.books import COMPANY, NOW, customer, invoice, line
from tests.facts import STANDARD, TEXTS, TODAY, account, case, day, had, snapshot
from tests.office import Desk, desk, due, locks
from tests.providers.folder import folder, opened
from tests.test_messages import COMPANY as FIRM
from tests.test_segments import STEADY, known, paid
from tests.walks import ready, unpaid, walked

D = timedelta(days=1)
ADDRESS = "1 rue X\n75001 Paris"
HEAD = "customer,name,language,country,email,term,cash\n"
BILLS = "invoice,customer,currency,issued_on,due_on,amount\n"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        found = Mirror(state)
        found.bind(COMPANY, TODAY)
        yield found


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Desk]:
    with locks(tmp_path / "locks"):
        made = desk(tmp_path, "c1")
        made.office.owe("i1", "c1", due(made.clock, 4))
        yield made


def told(*cases: Case, today: date = TODAY) -> dict[str, Alert]:
    found = alerts(snapshot(*cases), STANDARD, today)
    assert len({alert.code for alert in found}) == len(found)
    return {alert.code: alert for alert in found}


def plan_of(*cases: Case, today: date = TODAY, **more: object) -> Plan:
    return decide(snapshot(*cases, **more), STANDARD, today)


def reasons(plan: Plan) -> dict[Reason, str]:
    (silence,) = plan.silences
    return {quiet.reason: quiet.because for quiet in silence.reasons}


# --- signs ----------------------------------------------------------------------------------------


@pytest.mark.practice("P1-27")
def test_who_pays_later_than_usual_is_one_alert_with_the_figures(mirror: Mirror) -> None:
    known(mirror, "c", (*STEADY, 20, 21, 25), TODAY - 400 * D)
    for later in range(3):  # it stands, and no second one comes
        facts = read(mirror, day(), TODAY + later * D)
        (alert,) = [a for a in alerts(facts, STANDARD, TODAY + later * D) if a.code == "pays_later"]
        assert "usually 2 days late, the latest three 21 days late" in alert.words
        assert "ask them why" in alert.words
    usual = account(pace=change(paid(*STEADY, 2, 3, 1), TODAY))
    assert "pays_later" not in told(case(account=usual))
    assert "pays_later" not in told(case())  # too few payments are known


@pytest.mark.practice("P4-17", "P4-18")
def test_a_sign_of_warning_raises_watch_and_reaches_no_customer(mirror: Mirror) -> None:
    mirror.put([customer(), invoice()], now=NOW, today=TODAY)
    target = find(mirror.state, "customer c1")
    given = Given(because="two drivers say the yard is empty", owner="Paul")
    made = decision_of(target, word("warning_sign"), given, today=TODAY, author="anna")
    Decisions(mirror.state).make(target, made, NOW)
    facts = read(mirror, day(), TODAY)
    (only,) = facts.cases
    assert "watch" in only.account.signals
    (alert,) = [a for a in alerts(facts, STANDARD, TODAY) if a.code == "watch"]
    assert "two drivers say" in alert.words
    assert (alert.owner, alert.since) == ("Paul", TODAY)

    line_of_plan = case(account=account(decisions=(made,)))
    (reminder,) = Writer(FIRM, None).write(plan_of(line_of_plan)).reminders  # it holds nothing
    assert reminder.message
    assert "yard" not in json.dumps([reminder.message.text, reminder.message.html])


@pytest.mark.practice("P2-17")
def test_who_cannot_pay_is_offered_a_plan_until_one_is_agreed() -> None:
    declared = Decision(mark=Mark.CAUSE, since=TODAY - D, code=Cause.CASH_DIFFICULTY, owner="Paul")
    alert = told(case(decisions=(declared,)))["offer_plan"]
    assert (alert.invoice, alert.owner, alert.since) == ("F1", "Paul", TODAY - D)
    assert "text instalments" in alert.words
    assert ("instalments", "fr") in Writer(FIRM, None).templates
    agreed = Decision(mark=Mark.PLAN, since=TODAY, until=TODAY + 9 * D, amount=5000)
    assert "offer_plan" not in told(case(decisions=(declared, agreed)))
    lost = replace(declared, code=Cause.LOST_INVOICE)
    assert "offer_plan" not in told(case(decisions=(lost,)))


@pytest.mark.practice("P4-01")
def test_a_short_payment_stays_a_case_and_too_much_is_flagged(mirror: Mirror) -> None:
    bills = (
        invoice("short", line(10)),
        invoice("excess", line(-250), customer_id="c2"),  # of somebody who owes nothing
        invoice("even", line(0)),
    )
    mirror.put([customer(), customer("c2", owner="Anne"), *bills], now=NOW, today=TODAY)
    facts = read(mirror, day(), TODAY)
    assert [(c.invoice_id, c.balance) for c in facts.cases] == [("short", 10)]
    (alert,) = [a for a in alerts(facts, STANDARD, TODAY) if a.code == "overpaid"]
    assert (alert.customer_id, alert.invoice, alert.owner) == ("c2", "F-excess", "Anne")
    assert "2.50 EUR too much" in alert.words
    assert read(mirror, day(), TODAY, customer_id="c1").overpaid == ()


@pytest.mark.parametrize(
    ("balance", "of_line"), [(None, -250), (-250, 0), (-250, -250)], ids=["lines", "whole", "both"]
)
def test_too_much_is_seen_by_line_and_by_invoice(
    mirror: Mirror, balance: int | None, of_line: int
) -> None:
    mirror.put([customer(), invoice("x", line(of_line), balance=balance)], now=NOW, today=TODAY)
    (excess,) = read(mirror, day(), TODAY).overpaid
    assert (excess.number, excess.amount) == ("F-x", 250)


@pytest.mark.practice("P4-21")
def test_the_advice_to_stop_supply_blocks_nothing_and_its_flag_is_noted_once(firm: Desk) -> None:
    late = case(account=account(behaviour="late"))
    assert "supply_stop" in told(late)
    assert plan_of(late).reminders  # advice alone
    flag = Decision(mark=Mark.SUPPLY_STOP, since=TODAY)
    flagged = late._replace(account=replace(late.account, decisions=(flag,)))
    assert "supply_stop" not in told(flagged)
    assert plan_of(flagged).reminders

    firm.sync()
    with State.opened(firm.state) as state:
        target = find(state, "customer c1")
        given = Given(because="nothing more without a plan")
        today = firm.clock.today
        made = decision_of(target, word("supply_stop"), given, today=today, author="anna")
        Decisions(state).make(target, made, firm.clock())
    for _ in range(3):
        firm.clock.pass_(hours=1)
        firm.sync()
    notes = [text for _, text in firm.office.notes if "nothing more without a plan" in text]
    assert len(notes) == 1


@pytest.mark.practice("P3-34")
def test_a_hand_over_keeps_who_has_it_and_since_when(mirror: Mirror) -> None:
    mirror.put([customer(), invoice()], now=NOW, today=TODAY)
    target = find(mirror.state, "F-i1")
    given = Given(because="file 26/118", since=str(TODAY - 3 * D), owner="Maître Petit")
    made = decision_of(target, word("handed_over"), given, today=TODAY, author="anna")
    decisions = Decisions(mirror.state)
    decisions.make(target, made, NOW)
    plan = decide(read(mirror, day(), TODAY), STANDARD, TODAY)
    assert reasons(plan)[Reason.HANDED_OVER] == (
        f"handed over since {TODAY - 3 * D} by anna, Maître Petit sees to it: file 26/118"
    )
    (kept,) = decisions.of(target)
    assert "Maître Petit" in kept.text()


@pytest.mark.practice("P3-16")
def test_the_customers_process_is_a_cause_and_the_order_is_printed(mirror: Mirror) -> None:
    mirror.put([customer(), invoice()], now=NOW, today=TODAY)
    given = Given(because="their portal wants the order number", reason="customer_process")
    target = find(mirror.state, "F-i1")
    made = decision_of(target, word("cause"), given, today=TODAY, author="anna")
    assert made.code == Cause.CUSTOMER_PROCESS
    lines = (case(reference="PO 4711", decisions=(made,)), case("F2", reference="PO 4712"))
    for cases in (lines[:1], lines):
        (reminder,) = Writer(FIRM, None).write(plan_of(*cases)).reminders
        assert reminder.message
        for text in (reminder.message.text, reminder.message.html):
            assert all(one.reference in text for one in cases)


# --- the policy and the channel ---------------------------------------------------------------


@pytest.mark.practice("P2-06")
def test_each_reminder_keeps_the_version_of_its_policy(firm: Desk) -> None:
    firm.sync()
    (entry,) = firm.rows("SELECT entry FROM reminder")
    assert json.loads(entry)["policy_version"] == firm.firm().policies.firm.version
    (reminder,) = (plan := plan_of(case())).reminders
    assert reminder.policy_version == STANDARD.firm.version
    assert plan_json.document(plan)["reminders"][0]["policy_version"] == STANDARD.firm.version


@pytest.mark.practice("P2-06")
def test_a_version_is_of_the_content_and_changes_with_it() -> None:
    text = (
        'name = "p"\ncountry = "FR"\nminimum = { EUR = "5.00", USD = "6.00" }\n'
        'windows = [ { days = "mon-fri", from = "09:00", until = "17:00" } ]\n'
        '[[step]]\nname = "friendly"\nstage = "friendly"\nwhen = "after due"\ndays = 3\n'
        'channel = "email"\n'
    )
    version = parse(text, "p.toml").version
    assert len(version) == 12
    same = text.replace('EUR = "5.00", USD = "6.00"', 'USD = "6.00", EUR = "5.00"')
    assert parse(f"# a comment\n{same}", "q.toml").version == version
    for old, new in (("days = 3", "days = 4"), ("mon-fri", "mon-thu"), ("17:00", "17:30")):
        assert parse(text.replace(old, new), "p.toml").version != version


@pytest.mark.practice("P3-15")
def test_after_two_mails_without_an_answer_comes_a_letter() -> None:
    policy = ready("standard-b2b")
    small = unpaid(policy, date(2026, 10, 6), amount=10000, balance=10000)
    sent = [r for _, r, _ in walked(policy, small) if not r.rung.side]
    assert [(r.step, r.channel) for r in sent[:3]] == [
        ("friendly", Channel.EMAIL),
        ("firm", Channel.EMAIL),
        ("formal_notice", Channel.LETTER),
    ]


VISITS = """
name = "visits"
country = "FR"
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"
[[step]]
name = "call_in"
stage = "friendly"
when = "after due"
days = 8
channel = "visit"
"""


@pytest.mark.practice("P3-26")
def test_a_step_by_visit_is_a_task_for_a_colleague_and_no_message() -> None:
    policies = Policies(parse(VISITS, "visits.toml"), {})
    seen = case(late=10, had=(had("friendly", days_ago=7),))
    carried = {Channel.EMAIL: "api", Channel.VISIT: "note"}
    (reminder,) = decide(snapshot(seen, day=day(routes=carried)), policies, TODAY).reminders
    assert (reminder.step, reminder.channel, str(reminder.rung)) == (
        "call_in",
        Channel.VISIT,
        "friendly.c1",
    )
    assert (reminder.to, reminder.route, reminder.deadline_on) == ((), "note", None)
    for language, words in (("fr", "À visiter"), ("en", "To visit")):
        sheet = Writer(FIRM, None).note(reminder, reminder.lines[0], TODAY, language)
        assert sheet.startswith(words)
    done = Had(rung=reminder.rung, on=TODAY, channel=Channel.VISIT)
    again = seen._replace(had=(*seen.had, done))
    assert not decide(snapshot(again), policies, TODAY + 9 * D).reminders


@pytest.mark.practice("P2-44")
def test_who_prefers_letters_has_a_letter_and_not_a_mail() -> None:
    prefers = {"tags": ("prefers:letter",), "address": ADDRESS}
    by_post = case(account=account(customer=prefers))
    (mail,) = plan_of(case()).reminders
    (letter,) = Writer(FIRM, None).write(plan_of(by_post)).reminders
    assert (mail.channel, letter.channel, letter.route) == (Channel.EMAIL, Channel.LETTER, "print")
    assert (letter.rung, letter.step, letter.lines[0].key) == (
        mail.rung,
        mail.step,
        mail.lines[0].key,
    )
    assert (letter.to, letter.address) == ((), ADDRESS)
    assert letter.message

    no_printer = {c: way for c, way in day().routes.items() if c is not Channel.LETTER}
    assert Reason.NO_ROUTE in reasons(plan_of(by_post, day=day(routes=no_printer)))
    homeless = case(account=account(customer={"tags": ("prefers:letter",)}))
    assert Reason.NO_ADDRESS in reasons(plan_of(homeless))
    spoken = by_post._replace(account=replace(by_post.account, behaviour="late"))
    early = spoken._replace(due_on=TODAY + 7 * D, issued_on=TODAY - 23 * D)
    (courtesy,) = plan_of(early).reminders  # before the due date a letter would come too late
    assert (courtesy.rung.stage, courtesy.channel) == (Stage.BEFORE_DUE, Channel.EMAIL)


@pytest.mark.practice("P2-05")
def test_after_a_correction_the_friendly_step_comes_again_with_a_new_copy() -> None:
    spoken = (had("friendly", days_ago=12), had("friendly", "c1", days_ago=8))
    since = TODAY - 6 * D
    wrong = Decision(mark=Mark.CAUSE, since=since, code=Cause.WRONG_AMOUNT, amount=10000)
    waiting = case(late=16, had=spoken, decisions=(wrong,))
    assert Reason.HELD in reasons(plan_of(waiting))
    right = waiting._replace(balance=9000)
    (reminder,) = Writer(FIRM, None, pdf=True).write(plan_of(right)).reminders
    assert (reminder.step, reminder.lines[0].nth, reminder.claim) == ("friendly", 2, 9000)
    assert reminder.message
    assert [item.invoice_id for item in reminder.message.attachments] == ["F1"]
    assert plan_of(right._replace(decisions=())).reminders[0].step == "firm"

    again = Had(rung=reminder.rung, on=TODAY, nth=2)
    gone = right._replace(had=(*spoken, again))
    later = [
        r.step for ahead in range(1, 20) for r in plan_of(gone, today=TODAY + ahead * D).reminders
    ]
    assert "friendly" not in later  # and once only
    credited = replace(
        waiting.account, credits=(Credit(id="a", number="A", currency="EUR", amount=1000),)
    )
    assert plan_of(waiting._replace(account=credited)).reminders[0].step == "friendly"


# --- files --------------------------------------------------------------------------------------


def bill_of(path: Path, number: str = "F-1") -> Invoice:
    (found,) = opened(path).invoices([number])
    assert isinstance(found, Invoice)
    return found


@pytest.mark.parametrize(
    ("text", "issued_on", "expected"),
    [
        ("60", "2026-01-15", "2026-03-16"),
        ("Net 60 days", "2026-01-15", "2026-03-16"),
        ("45 days end of month", "2026-01-15", "2026-03-31"),
        ("end of month 45 days", "2026-01-15", "2026-03-17"),
        ("30 days end of month 10", "2026-01-15", "2026-03-10"),
    ],
)
def test_a_term_in_words(text: str, issued_on: str, expected: str) -> None:
    assert str(terms.due_on(date.fromisoformat(issued_on), terms.read(text))) == expected


@pytest.mark.parametrize("text", ["", "soon", "60 10", "-3", "60 weeks", "end of month"])
def test_a_term_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="60 days"):
        terms.read(text)


def pulled(mirror: Mirror, path: Path, today: date) -> None:
    now = datetime.combine(today, time(9), UTC)
    provider = Files(path, lambda: now)
    pull(
        provider,
        SPEC.kinds,
        mirror,
        now=now,
        today=today,
        capabilities=provider.probe(),
        progress=lambda *_: None,
    )


def first_reminder(mirror: Mirror, until: date) -> date | None:
    """The first day on which the only open line would be written about."""
    today = date(2026, 1, 15)
    written = day(templates=TEXTS)
    while today <= until:
        if decide(read(mirror, written, today), STANDARD, today).reminders:
            return today
        today += D
    return None


@pytest.mark.practice("P3-22")
def test_a_customers_term_gives_the_due_date_and_the_softwares_own_wins(
    mirror: Mirror, tmp_path: Path
) -> None:
    buyers = f"{HEAD}C1,Brasserie,fr,FR,compta@brasserie.example,60 days,\n"
    path = folder(
        tmp_path / "books",
        customers=buyers,
        invoices=f"{BILLS}F-1,C1,EUR,2026-01-15,,100.00\n",
        payments="payment,customer,currency,paid_on,amount\n",
    )
    (due_line,) = bill_of(path).lines
    assert due_line.due_on == date(2026, 3, 16)
    pulled(mirror, path, date(2026, 1, 15))
    assert first_reminder(mirror, date(2026, 4, 1)) == date(2026, 3, 19)

    folder(
        path,
        customers=buyers,
        invoices=f"{BILLS}F-1,C1,EUR,2026-01-15,2026-02-14,100.00\n",
        payments="payment,customer,currency,paid_on,amount\n",
    )
    (due_line,) = bill_of(path).lines
    assert due_line.due_on == date(2026, 2, 14)


@pytest.mark.practice("P3-22")
def test_a_new_term_is_told_although_the_invoices_are_as_they_were(
    mirror: Mirror, tmp_path: Path
) -> None:
    def books(term: str) -> Path:
        return folder(
            tmp_path / "books",
            customers=f"{HEAD}C1,Brasserie,fr,FR,a@b.example,{term},\n",
            invoices=f"{BILLS}F-1,C1,EUR,2026-01-15,,100.00\n",
            payments="payment,customer,currency,paid_on,amount\n",
        )

    for term, expected in (("", None), ("30", date(2026, 2, 14)), ("60", date(2026, 3, 16))):
        pulled(mirror, books(term), date(2026, 1, 15))
        (found,) = read(mirror, day(), date(2026, 1, 15)).cases
        assert found.due_on == expected


@pytest.mark.practice("P4-25")
def test_who_pays_cash_owes_at_once_and_is_left_alone_for_a_week(
    mirror: Mirror, tmp_path: Path
) -> None:
    path = folder(
        tmp_path / "books",
        customers=f"{HEAD}C1,Brasserie,fr,FR,compta@brasserie.example,,yes\n",
        invoices=f"{BILLS}F-1,C1,EUR,2026-01-15,,100.00\n",
        payments="payment,customer,currency,paid_on,amount\n",
    )
    (due_line,) = bill_of(path).lines
    assert due_line.due_on == date(2026, 1, 15)
    pulled(mirror, path, date(2026, 1, 15))
    assert first_reminder(mirror, date(2026, 2, 1)) == date(2026, 1, 22)


def test_a_term_that_does_not_read_is_told_with_its_place(tmp_path: Path) -> None:
    rows = "C1,A,fr,FR,a@b.example,soon,\nC2,B,fr,FR,,60,yes\n"
    with pytest.raises(ConfigError) as refused:
        bill_of(folder(tmp_path, customers=f"{HEAD}{rows}"))
    first, second = refused.value.problems
    assert "customers.csv, line 2, column term: 'soon'" in first
    assert "customers.csv, line 3, column term: '60', and the customer pays cash" in second


@pytest.mark.practice("P1-14")
def test_an_invoice_that_was_never_sent_is_listed_and_not_reminded(
    mirror: Mirror, tmp_path: Path
) -> None:
    def books(second: str) -> Path:
        rows = f"F-1,C1,EUR,2026-10-01,2026-10-31,100.00,2026-10-02\n{second}"
        return folder(
            tmp_path / "books",
            invoices=f"{BILLS.strip()},sent_on\n{rows}",
            payments="payment,customer,currency,paid_on,amount\n",
        )

    def seen() -> tuple[dict[str, set[Reason]], list[str]]:
        facts = read(mirror, day(), TODAY)
        silent = decide(facts, STANDARD, TODAY).silences
        listed = [a.invoice for a in alerts(facts, STANDARD, TODAY) if a.code == "never_sent"]
        return {s.invoice: {q.reason for q in s.reasons} for s in silent}, listed

    unsent = "F-2,C1,EUR,2026-10-01,2026-10-31,200.00,{}\n"
    pulled(mirror, books(unsent.format("")), TODAY)
    silent, listed = seen()
    assert Reason.NOT_DELIVERED in silent["F-2"]
    assert listed == ["F-2"]
    assert "F-1" not in silent
    pulled(mirror, books(unsent.format("2026-10-03")), TODAY)
    assert seen() == ({}, [])
    path = folder(
        tmp_path / "books",
        invoices=f"{BILLS}F-1,C1,EUR,2026-10-01,2026-10-31,100.00\n",
        payments="payment,customer,currency,paid_on,amount\n",
    )
    assert bill_of(path).decisions == ()  # an export that tells nothing of sending


@pytest.mark.practice("P3-08")
def test_run_daily_an_invoice_is_open_then_overdue_then_paid_by_itself(
    mirror: Mirror, tmp_path: Path
) -> None:
    start, due_on, paid_on = date(2026, 3, 25), date(2026, 3, 31), date(2026, 4, 10)

    def status(cases: Sequence[Case], today: date) -> str:
        if not cases:
            return "paid"
        return "overdue" if cases[0].overdue(today) else "open"

    lived = {}
    for ahead in range(20):
        today = start + ahead * D
        money = "P-1,C1,EUR,2026-04-10,100.00,F-1\n" if today >= paid_on else ""
        path = folder(
            tmp_path / "books",
            invoices=f"{BILLS}F-1,C1,EUR,2026-03-01,{due_on},100.00\n",
            payments=f"payment,customer,currency,paid_on,amount,invoice\n{money}",
        )
        pulled(mirror, path, today)
        facts = read(mirror, day(), today)
        lived[today] = status(facts.cases, today)
        reasons_now = {q.reason for s in decide(facts, STANDARD, today).silences for q in s.reasons}
        assert (Reason.NOT_DUE in reasons_now) == (lived[today] == "open")
    expected = {
        today: "open" if today <= due_on else "overdue" if today < paid_on else "paid"
        for today in lived
    }
    assert lived == expected
    with mirror.state.reader.connect() as connection:
        (row,) = connection.execute(select(tables.invoice.c.state)).all()
        (settled,) = connection.execute(select(tables.due_line.c.settled_on)).all()
        events = connection.execute(select(tables.event.c.what, tables.event.c.on)).all()
    assert (row.state, settled.settled_on) == ("paid", paid_on)
    assert ("settled", paid_on) in {tuple(event) for event in events}
    past = PastDays(mirror, start)  # and the history tells the same
    assert {today: status(past.facts(day(), today).cases, today) for today in lived} == expected
