"""Good practice in the texts: terms quoted, exceptions said, tone by profile, versions, receipts."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.contract import Company
from connector.dunning import policy_file
from connector.dunning.decide import decide
from connector.dunning.legal import wait_until
from connector.dunning.plan import Plan, Reminder
from connector.dunning.policy_file import Policies, parse
from connector.dunning.snapshot import Case, Channel, Had, Rung, Stage
from connector.errors import ConfigError
from connector.messages.letter import letter_of, letter_pdf
from connector.messages.shelf import note, shelf
from connector.messages.texts import PACKAGE
from connector.messages.words import Sort, words_of
from connector.messages.write import Writer
from connector.mirror.lookup import find
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.outbox.decisions import Decisions
from connector.outbox.given import Given, decision_of
from connector.outbox.letters import Posting, post, received
from connector.receivables.calendar import civil, next_opening
from connector.receivables.records import (
    Allocation,
    Cause,
    Contact,
    CustomerKind,
    Decision,
    Mark,
)
from connector.receivables.terms import Term, due_on
from connector.reports.manual import manual
from connector.sync import at_desk
from tests.books import COMPANY as BOOKS
from tests.books import NOW, customer, invoice, payment
from tests.facts import STANDARD, TODAY, account, case, day, had, snapshot
from tests.office import Desk, desk, due, locks
from tests.processes import ALWAYS
from tests.processes import Desk as Process
from tests.test_messages import COMPANY, line, reminder, whole
from tests.walks import ready

D = timedelta(days=1)
ROOT = Path(policy_file.__file__).parent / "policies"
LANGUAGES = ("de", "en", "fr", "nl")
EVERY = frozenset((path.stem, "fr") for path in (PACKAGE / "fr").glob("[!_]*.md"))


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


def paris(*when: int) -> datetime:
    year, month, day_, hour = when
    return datetime(year, month, day_, hour, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(COMPANY, pdf=True)


def of(*cases: Case, policies: Policies = STANDARD, today: date = TODAY) -> tuple[Reminder, ...]:
    return decide(snapshot(*cases, day=day(templates=EVERY)), policies, today).reminders


def own_terms(text: str, since: date) -> Decision:
    return Decision(mark=Mark.TERMS, since=since, because=text, author="anna")


# ---- terms of payment


FIRM = Rung(Stage.FIRM, 1)
PREPAID = "Paiement à la commande, avant livraison."


def overdue(number: str = "F1", **more: Any) -> Case:
    """A line that has had its friendly reminder and stands before the firm one."""
    return case(number, late=20, had=(had("friendly", days_ago=12),), **more)


@pytest.mark.practice("P0-03", "P4-27")
def test_the_customers_own_terms_are_quoted_else_the_firms(writer: Writer, tmp_path: Path) -> None:
    theirs = account(decisions=(own_terms("60 jours nets, <b>pénalités</b> 5 %.", TODAY - 99 * D),))
    (mine,), (plain,) = of(overdue(account=theirs)), of(overdue())
    assert mine.step == "firm"
    message = writer.message(mine, TODAY)
    assert "Conditions de paiement convenues avec vous : 60 jours nets, <b>" in whole(message.text)
    assert "<b>" not in message.html.partition("</style>")[2]
    assert "onditions de paiement" not in writer.message(plain, TODAY).text

    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "_terms.md").write_text("Trente jours\nnets.\n", encoding="utf-8")
    with_own = Writer(COMPANY, tmp_path)
    text = whole(with_own.message(plain, TODAY).text)
    assert "Nos conditions de paiement : Trente jours nets." in text
    assert "Trente jours" not in with_own.message(mine, TODAY).text
    for entry, words in ((mine, "60 jours nets"), (plain, "Trente jours nets.")):
        stated = replace(entry, template="statement", rung=Rung(Stage.FRIENDLY, 0, side=True))
        stated = replace(stated, interest=None)
        assert words in whole(with_own.message(stated, TODAY).text)
    assert "Trente jours nets." in manual(STANDARD, "fr", terms="Trente jours nets.")
    assert "conditions de paiement" not in manual(STANDARD, "fr")


@pytest.mark.practice("P4-23")
def test_new_terms_hold_for_the_invoices_from_their_day_on(writer: Writer, tmp_path: Path) -> None:
    with State.opened(tmp_path / "x.db") as state:
        mirror = Mirror(state)
        mirror.bind(BOOKS, TODAY)
        mirror.put([customer(), invoice()], now=NOW, today=TODAY)
        target = find(state, "customer c1")
        for text, since, later in (
            ("30 jours.", TODAY - 90 * D, 0),
            (PREPAID, TODAY - 40 * D, 1),
            ("Acompte.", TODAY + 9 * D, 2),  # for what is to come
        ):
            given = Given(because=text, since=str(since))
            made = decision_of(target, Mark.TERMS, given, today=TODAY, author="anna")
            Decisions(state).make(target, made, NOW + later * timedelta(minutes=1))
        kept = [each.decision for each in Decisions(state).of(target) if not each.ended_on]
    assert [made.because for made in kept] == ["30 jours.", PREPAID, "Acompte."]
    theirs = account(decisions=tuple(kept))
    old = overdue("F1", account=theirs, issued_on=TODAY - 60 * D)
    new = overdue("F2", account=theirs, issued_on=TODAY - 40 * D)
    (entry,) = of(old, new)
    assert {each.invoice: each.terms for each in entry.lines} == {"F1": "30 jours.", "F2": PREPAID}
    text = whole(writer.message(entry, TODAY).text)
    assert "(F1) : 30 jours." in text
    assert f"(F2) : {PREPAID}" in text


# ---- for once


@pytest.mark.practice("P4-33")
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_waived_once_is_not_claimed_and_is_said(writer: Writer, language: str) -> None:
    let_go = Decision(mark=Mark.WAIVED, since=TODAY - D, because="first time late", author="anna")
    (entry,) = of(overdue(decisions=(let_go,)))
    assert entry.interest is None
    text = whole(writer.message(replace(entry, language=language), TODAY).text)
    told = {"fr": "titre exceptionnel", "en": "an exception", "de": "Ausnahmsweise"}
    assert told.get(language, "Bij uitzondering") in text
    words = words_of(language)
    assert words
    assert not words.sorts[Sort.INTEREST].search(text)
    assert not words.sorts[Sort.CHARGES].search(text)
    (claimed,) = of(overdue())
    assert told.get(language, "Bij uitzondering") not in writer.message(claimed, TODAY).text


def test_one_invoice_is_waived_and_the_other_is_not(writer: Writer) -> None:
    let_go = Decision(mark=Mark.WAIVED, since=TODAY - D, because="first time late")
    (entry,) = of(overdue("F1", decisions=(let_go,)), overdue("F2"))
    assert [each.interest for each in entry.lines] == ["off", "mention"]
    text = whole(writer.message(entry, TODAY).text)
    assert "rien ne s'ajoute au montant de F1." in text
    assert "pénalités" in text


# ---- tone


@pytest.mark.practice("P2-56", "P2-57")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["friendly", "firm", "statement"])
def test_in_difficulty_a_plan_is_offered_and_no_penalty_named(
    writer: Writer, language: str, template: str
) -> None:
    said = Decision(mark=Mark.CAUSE, since=TODAY - D, code=Cause.CASH_DIFFICULTY)
    late = case(late=10) if template != "firm" else overdue()
    (hard,) = of(late._replace(decisions=(said,)))
    (easy,) = of(late)
    assert hard.traits[:1] == ("difficulty",)
    texts = [
        whole(writer.message(replace(entry, language=language, template=template), TODAY).text)
        for entry in (hard, easy)
    ]
    words = words_of(language)
    assert words
    for sort in (Sort.INTEREST, Sort.CHARGES, Sort.COURT):
        assert not words.sorts[sort].search(texts[0])
    assert re.search(r"33[.,]34", texts[0])
    assert not re.search(r"33[.,]34", texts[1])


@pytest.mark.practice("P2-57")
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_profile_has_its_tone(writer: Writer, language: str) -> None:
    def said(**more: Any) -> str:
        return writer.message(reminder(language=language, **more), TODAY).text

    assert "Mona Owner" in said(traits=("strategic",), owner="Mona Owner")
    assert COMPANY.contact_name in said(traits=("loyal",), owner="Mona Owner")
    early = line(due_on=TODAY + 7 * D, days_past_due=-7, pay_link="https://pay.example/1")
    soon: dict[str, Any] = {
        "template": "before_due",
        "rung": Rung(Stage.BEFORE_DUE, 1),
        "deadline_on": None,
        "language": language,
    }
    new = writer.message(reminder(early, traits=("new",), **soon), TODAY).text
    default = writer.message(reminder(early, **soon), TODAY).text
    ways = [row for row in new.splitlines() if row.startswith("- ")]
    assert len(ways) == 3
    assert "IBAN" in ways[0]
    assert any("https://pay.example/1" in row for row in new.splitlines())
    assert not [row for row in default.splitlines() if row.startswith("- ")]
    assert said() == said(traits=("occasional",))


@pytest.mark.practice("P2-57")
def test_a_french_consumer_is_asked_for_no_fixed_sum(writer: Writer) -> None:
    who = account(customer={"kind": CustomerKind.CONSUMER})
    fr = Policies(ready("consumer-fr"), {})
    late = case(late=30, account=who, had=(had("friendly", days_ago=20),))
    (entry,) = of(late, policies=fr)
    assert entry.step == "firm"
    assert "indemnité" not in writer.message(entry, TODAY).text


# ---- versions, reviews, notes


@pytest.mark.practice("P2-70")
def test_a_text_not_reviewed_for_a_year_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "fr"
    folder.mkdir()
    source = (PACKAGE / "fr" / "friendly.md").read_text(encoding="utf-8")
    for name, day_ in (("friendly", "2025-11-19"), ("firm", "2025-11-20"), ("statement", "")):
        mark = f"{{# reviewed {day_} by Me Durand #}}" if day_ else ""
        (folder / f"{name}.md").write_text(source.replace("\n\n", f"\n\n{mark}\n", 1), "utf-8")
    told = {text.name: text.to_read(TODAY) for text in shelf(tmp_path)}
    assert "last reviewed on 2025-11-19" in told["fr/friendly"]
    assert told["fr/firm"] == ""
    assert "no date of review" in told["fr/statement"]
    assert "before its first use" in told["fr/formal_notice"]
    assert told["de/friendly"] == ""


@pytest.mark.practice("P2-71")
def test_a_note_is_about_a_wording(tmp_path: Path) -> None:
    folder = tmp_path / "fr"
    folder.mkdir()
    file = folder / "friendly.md"
    file.write_text((PACKAGE / "fr" / "friendly.md").read_text(encoding="utf-8"), "utf-8")
    made = note(tmp_path, "fr/friendly", "two customers\nfound it warm", "anna", TODAY)
    before = {text.name: text for text in shelf(tmp_path)}["fr/friendly"]
    assert (before.version, before.notes) == (made.version, (made,))
    file.write_text(file.read_text(encoding="utf-8").replace("oubli", "contretemps"), "utf-8")
    after = {text.name: text for text in shelf(tmp_path)}["fr/friendly"]
    assert after.version != made.version
    assert (after.notes, after.earlier) == ((), 1)
    with (tmp_path / "notes.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["words"] for row in csv.DictReader(stream)] == ["two customers found it warm"]
    for name, folder_, words in (("fr/x", tmp_path, "no such"), ("fr/firm", None, "TEMPLATES")):
        with pytest.raises(ConfigError, match=words):
            note(folder_, name, "x", "anna", TODAY)


def test_texts_and_terms_as_a_person_asks_for_them(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "fr").mkdir(parents=True)
    (folder / "fr" / "firm.md").write_text(
        (PACKAGE / "fr" / "firm.md").read_text(encoding="utf-8"), "utf-8"
    )
    (tmp_path / "config.env").write_text(
        "RELANCE_PROVIDER=files\nRELANCE_FILES_FOLDER=.\nRELANCE_TEMPLATES=mine\n", "utf-8"
    )
    firm = Process(tmp_path)
    noted = firm.relance("texts", "note", "fr/firm", "--said", "too \x1b[31mlong")
    assert noted.code == 0, noted.err
    listed = firm.relance("texts")
    assert listed.code == 0, listed.err
    assert "To read again: fr/firm: no date of review" in listed.out
    assert "fr/formal_notice" in listed.out
    assert "too [31mlong" in listed.out
    assert "written in: no language" in listed.out
    assert "\x1b" not in listed.out


# ---- letters: who writes, when it came


@pytest.mark.practice("P4-06")
@pytest.mark.parametrize("missing", ["name", "address", "legal_id", "bank_line"])
def test_a_letter_without_its_sender_is_not_printed(missing: str) -> None:
    entry = reminder(channel=Channel.LETTER, address="1 rue X", to=(), template="formal_notice")
    bare: Company = replace(COMPANY, **{missing: " "})
    with pytest.raises(ConfigError, match=r"must show the firm's own") as refused:
        letter_pdf(letter_of(entry, TODAY), bare, "Objet", "Texte")
    word = {"legal_id": "registration number", "bank_line": "bank details"}.get(missing, missing)
    assert word in str(refused.value)
    assert "RELANCE_OWN" in str(refused.value)


NOTICE = (
    ALWAYS.partition("[[step]]")[0]
    + """
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"

[[step]]
name = "formal_notice"
stage = "notice"
when = "after due"
days = 10
channel = "letter"
deadline_days = 8

[[step]]
name = "handover"
stage = "handover"
when = "after previous"
days = 2
after = "deadline"
channel = "task"
"""
)


@pytest.mark.practice("P2-13")
def test_the_next_step_waits_from_the_day_of_receipt(tmp_path: Path) -> None:
    firm = desk(tmp_path, policy=NOTICE)
    mailbox = (Contact(id="1", email="c1@clients.example"),)
    place = {"language": "fr", "country": "FR", "address": "1 rue X\n75001 Paris"}
    firm.office.put(customer("c1", contacts=mailbox, **place))
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.sync()
    firm.clock.pass_(days=7)
    firm.sync()
    assert firm.states() == ["sent", "proposed"]  # a notice never goes by itself
    key = str(firm.rows("SELECT key FROM reminder WHERE state = 'proposed'")[0])
    posted_on = firm.clock.today
    with at_desk(firm.firm(), firm.clock) as at:
        row = at.box.find(key)
        at.box.approve(row, "anna", firm.clock())
        post(at, at.box.find(key), BOOKS, None, Posting())
    (printed,) = firm.rows("SELECT deadline_on FROM reminder WHERE stage = 'notice'")
    given = date.fromisoformat(printed) - posted_on
    firm.clock.pass_(days=5)
    came = firm.clock.today
    with at_desk(firm.firm(), firm.clock) as at:
        with pytest.raises(ConfigError, match="give a day between"):
            received(at, at.box.find(key), posted_on - D)
        received(at, at.box.find(key), came, "RK 123")
    (after,) = firm.rows("SELECT deadline_on FROM reminder WHERE stage = 'notice'")
    assert after == printed  # what was printed stays
    (silence,) = firm.sync().plan.silences
    (waiting,) = [q for q in silence.reasons if q.reason == "step_waiting"]
    assert f"handover on {came + given + 2 * D}" in waiting.because
    assert firm.rows("SELECT json_extract(entry, '$.proof') FROM reminder WHERE n = '1'")[-1]


def test_law_counts_from_the_receipt_where_it_says_so() -> None:
    sent, came = date(2026, 11, 2), date(2026, 11, 12)
    letter = Channel.LETTER
    assert wait_until("nl-14-day-letter", sent, letter, came) == came + 15 * D
    assert wait_until("be-consumer-first", sent, letter, came) == wait_until(
        "be-consumer-first", sent, letter
    )
    who = account(customer={"kind": CustomerKind.CONSUMER})
    text = """
[[step]]
name = "second_notice"
stage = "notice"
when = "after previous"
days = 6
channel = "letter"
template = "formal_notice"
interest = "claim"
"""
    source = (ROOT / "consumer-fr.toml").read_text(encoding="utf-8")
    law = Policies(parse(source + text, "x.toml"), {})
    who = account(customer={"kind": CustomerKind.CONSUMER, "address": "1 rue X"})
    first_days = []
    for day_ in (TODAY - 5 * D, None):
        steps = (
            had("friendly", days_ago=50),
            had("firm", days_ago=40),
            Had(rung=Rung(Stage.NOTICE, 1), on=TODAY - 20 * D, channel=letter, received_on=day_),
        )
        (entry,) = of(case(late=60, account=who, had=steps), policies=law)
        assert entry.interest
        (worked,) = entry.interest.schedule
        first_days.append(worked.statement.segments[0].first)
    # else three working days of the post are assumed, from the Saturday on
    assert first_days == [TODAY - 4 * D, TODAY - 15 * D]


# ---- the United Kingdom: individuals


UK = Policies(ready("uk-individual"), {})
BRITISH: dict[str, Any] = {"country": "GB", "language": "en", "address": "2 Elm Row\nLeeds LS1 4AP"}


@pytest.mark.parametrize("kind", [CustomerKind.CONSUMER, CustomerKind.BUSINESS])
def test_an_individual_has_a_letter_of_claim_with_thirty_days(kind: CustomerKind) -> None:
    who = account(customer=BRITISH | {"kind": kind})
    steps = (had("friendly", days_ago=30), had("firm", days_ago=20))
    late = case(late=45, account=who, had=steps, currency="GBP", reference="PO 12")
    texts = frozenset((path.stem, "en") for path in (PACKAGE / "en").glob("[!_]*.md"))
    facts = snapshot(late, day=day(templates=texts))
    (entry,) = decide(facts, UK, TODAY).reminders
    assert (entry.template, entry.channel) == ("letter_of_claim", Channel.LETTER)
    assert entry.needs_approval
    assert entry.deadline_on
    assert entry.deadline_on - TODAY >= 33 * D
    british = replace(COMPANY, country="GB", address="17 Finch Yard\nLeeds LS1 4AP")
    plan = replace(decide(facts, UK, TODAY), reminders=(entry,))
    (written,) = Writer(british).write(plan).reminders
    assert written.message
    text = whole(written.message.text)
    for told in (
        "Pre-Action Protocol for Debt Claims",
        "Information Sheet",
        "Reply Form",
        "Standard Financial Statement",
        "PO 12",
        "17 Finch Yard",
        "ask for documents",
        "debt advice",
        "100.00",
        "court proceedings",
    ):
        assert told in text, told
    assert ("interest" in text.lower()) == (kind is CustomerKind.BUSINESS)
    assert any("enclose" in warning for warning in written.warnings)
    assert any("program's own" in warning for warning in written.warnings)


def test_no_court_before_the_thirty_days_are_over() -> None:
    who = account(customer=BRITISH)
    steps = (
        had("friendly", days_ago=70),
        had("firm", days_ago=60),
        had(
            "notice",
            days_ago=30,
            channel=Channel.LETTER,
            deadline_on=TODAY + 3 * D,
            legal="uk-letter-of-claim",
            wait_until=TODAY + 3 * D,
        ),
    )
    plan = decide(snapshot(case(late=90, account=who, had=steps)), UK, TODAY)
    (silence,) = plan.silences
    assert "legal_wait" in {quiet.reason for quiet in silence.reasons}


# ---- consumers are left alone at night


def test_a_consumer_is_not_written_to_at_night_on_sundays_and_holidays(tmp_path: Path) -> None:
    policy = parse(ALWAYS, "always.toml")
    assert next_opening(policy.hours, paris(2026, 11, 22, 3)) == paris(2026, 11, 22, 3)
    night = next_opening(policy.hours_for(CustomerKind.CONSUMER), paris(2026, 11, 22, 3))
    assert night == paris(2026, 11, 23, 8)  # a Sunday at three: Monday at eight
    evening = next_opening(policy.hours_for(CustomerKind.CONSUMER), paris(2026, 11, 20, 20))
    assert evening == paris(2026, 11, 21, 8)
    always = Policies(policy, {})
    for kind, sunday in ((CustomerKind.BUSINESS, 1), (CustomerKind.CONSUMER, 0)):
        who = account(customer={"kind": kind})
        for closed in (date(2026, 11, 22), date(2026, 11, 11)):
            plan: Plan = decide(snapshot(case(late=20, account=who)), always, closed)
            assert len(plan.reminders) == sunday, (kind, closed)


def test_a_planned_mail_to_a_consumer_waits_for_the_morning(tmp_path: Path) -> None:
    made = desk(tmp_path, "c1")
    known = made.office.records[type(customer()), "c1"]
    made.office.put(replace(known, kind=CustomerKind.CONSUMER))  # type: ignore[type-var]
    made.office.owe("i1", "c1", due(made.clock, 4))
    made.clock.now = made.clock.now.replace(hour=21)
    report = made.sync()
    assert not report.delivered.sent
    assert report.delivered.opens_at
    assert report.delivered.opens_at.hour == 8
    made.clock.pass_(hours=12)
    assert len(made.sync().delivered.sent) == 1


def test_where_the_windows_leave_no_hour_a_consumer_waits(tmp_path: Path) -> None:
    late = ALWAYS.replace('from = "00:00"', 'from = "20:30"')
    made = desk(tmp_path, "c1", "c2", policy=late)
    known = made.office.records[type(customer()), "c1"]
    made.office.put(replace(known, kind=CustomerKind.CONSUMER))  # type: ignore[type-var]
    for name in ("c1", "c2"):
        made.office.owe(f"i-{name}", name, due(made.clock, 4))
    made.clock.now = made.clock.now.replace(hour=21)
    report = made.sync()
    assert [mail.customer for mail in made.office.mails] == ["c2"]
    (because,) = report.delivered.waiting.values()
    assert "no hour for consumers" in because
    assert civil(())  # no windows: the civil hours


# ---- small proofs


@pytest.mark.practice("P3-05", "P3-06")
def test_the_term_starts_on_the_day_that_was_agreed() -> None:
    thirty = Term(30)
    for start, end in (
        (date(2026, 1, 10), date(2026, 2, 9)),  # performance
        (date(2026, 1, 12), date(2026, 2, 11)),  # delivery
        (date(2026, 1, 15), date(2026, 2, 14)),  # invoice
        (date(2026, 1, 20), date(2026, 2, 19)),  # receipt
        (date(2026, 1, 31), date(2026, 3, 2)),  # goods delivered after the invoice
    ):
        assert due_on(start, thirty) == end


@pytest.mark.practice("P2-18", "P3-31")
@pytest.mark.parametrize("variant", ["", "loyal", "difficulty", "consumer", "public"])
def test_a_friendly_reminder_carries_the_copy(writer: Writer, variant: str) -> None:
    kind = CustomerKind(variant) if variant in ("consumer", "public") else CustomerKind.BUSINESS
    message = writer.message(reminder(kind=kind, traits=(variant,)), TODAY)
    (copy,) = message.attachments
    assert copy.name == "F-2026-0001.pdf"


@pytest.mark.practice("P4-16")
def test_a_call_sheet_shows_the_history_and_the_call_is_kept(tmp_path: Path) -> None:
    due_line = line(had_on=(date(2026, 11, 4), date(2026, 11, 12)), amount=200000)
    entry = reminder(due_line, channel=Channel.CALL, contact_phone="+33 1 00")
    sheet = Writer(COMPANY).note(entry, due_line, TODAY, "fr")
    for told in ("4 novembre 2026", "12 novembre 2026", "déjà reçus ou déduits", "+33 1 00"):
        assert told in sheet
    with State.opened(tmp_path / "x.db") as state:
        mirror = Mirror(state)
        mirror.bind(BOOKS, TODAY)
        mirror.put([customer(), invoice()], now=NOW, today=TODAY)
        target = find(state, "F-i1")
        called = Decision(mark=Mark.CALL, since=TODAY, because="Ms Roy pays Friday", author="anna")
        Decisions(state).make(target, called, NOW)
        (kept,) = Decisions(state).of(target)
    assert "call since 2026-11-20" in kept.text()
    assert "by anna: Ms Roy pays Friday" in kept.text()


def test_a_part_payment_is_thanked_for_by_the_friendly_step(tmp_path: Path) -> None:
    made = desk(tmp_path, "c1")
    made.office.owe("i1", "c1", due(made.clock, 4))
    made.office.pay("i1", 2500)
    made.office.put(paid("i1", 2500, made))
    (entry,) = made.sync().plan.reminders
    assert (entry.step, entry.template) == ("friendly", "part_payment")
    assert entry.message
    assert "nous avons bien enregistré votre paiement partiel." in entry.message.text
    assert "75,00" in entry.message.text


def paid(ref: str, amount: int, made: Desk) -> Any:
    part = Allocation(invoice_id=ref, amount=amount)
    return payment("p1", amount=amount, paid_on=made.clock.today - D, allocations=(part,))


def test_a_credit_is_no_payment_and_gets_no_thanks(tmp_path: Path) -> None:
    made = desk(tmp_path, "c1")
    made.office.owe("i1", "c1", due(made.clock, 4))
    made.office.pay("i1", 2500)  # less is open, and no payment says why
    (entry,) = made.sync().plan.reminders
    assert entry.template == "friendly"


LATER = """
[[step]]
name = "later_than_usual"
stage = "friendly"
when = "after due"
days = 5
channel = "email"
only = { behaviour = "changed" }
"""


def test_a_policy_may_ask_who_pays_later_than_usual(writer: Writer) -> None:
    policy = Policies(
        parse(
            ALWAYS.replace("[[step]]", LATER + "\n[[step]]", 1).replace(
                "days = 3\n", "days = 7\n", 1
            ),
            "x.toml",
        ),
        {},
    )
    changed = account(signals=("changed",))
    (asked,) = of(case(late=6, account=changed), policies=policy)
    assert asked.template == "later_than_usual"
    assert "pouvons-nous vous aider" in writer.message(asked, TODAY).subject
    assert not of(case(late=6), policies=policy)
