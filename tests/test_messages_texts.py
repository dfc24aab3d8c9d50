"""Every text of the package, in every language and variant, for one, several and thirty lines."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from connector.contract import reference_of
from connector.dunning.legal import DUTIES
from connector.dunning.plan import Interest, Netted, Reminder, ReminderLine, Worked
from connector.dunning.policy import MESSAGES, Behaviour
from connector.dunning.policy_file import ready_made
from connector.dunning.snapshot import Channel, Rung, Stage
from connector.messages.check import EXEMPT
from connector.messages.lint import STANDARD
from connector.messages.texts import PACKAGE, Text
from connector.messages.words import Sort, requests, words_of
from connector.messages.write import Writer
from connector.receivables.interest import interest
from connector.receivables.records import CustomerKind, Message
from connector.receivables.regimes import REGIMES
from tests.test_messages import COMPANY, HOSTILE, KEY, TODAY, Seen, line, plan, reminder, whole
from tests.walks import ready

LANGUAGES = ("de", "en", "fr", "nl")
COUNTRY = {"de": "DE", "en": "GB", "fr": "FR", "nl": "NL"}
FILES = sorted(f"{path.parent.name}/{path.name}" for path in PACKAGE.glob("*/[!_]*.md"))
KINDS = {str(kind): kind for kind in CustomerKind}
AMOUNT = re.compile(r"-?\d[\d.,\u202f]*[.,]\d\d\b")
SUMS = {"de": "Hauptforderung", "en": "principal", "fr": "principal", "nl": "hoofdsom"}
DEADLINE = date(2026, 12, 4)
LAWS = {"fourteen_day_letter": "nl-14-day-letter", "letter_of_claim": "uk-letter-of-claim"}


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(COMPANY, pdf=True)


def about(name: str, *lines: ReminderLine, mode: str = "", **changes: Any) -> Reminder:
    """A reminder that uses this file: its kind of customer, its stage, its legal duty."""
    text = Text.of(name)
    stage = STANDARD[text.template]
    if stage is Stage.BEFORE_DUE:
        early = {"due_on": date(2026, 11, 27), "days_past_due": -7}
        lines = tuple(replace(each, **early) for each in lines)  # type: ignore[arg-type]
    if mode:
        lines = tuple(replace(each, interest=mode, charges=mode) for each in lines)
    facts: dict[str, Any] = {
        "language": text.language,
        "country": COUNTRY[text.language],
        "template": text.template,
        "rung": Rung(stage, 1),
        "kind": KINDS.get(text.variant, CustomerKind.BUSINESS),
        "traits": (text.variant,) if text.variant in (*get_args(Behaviour), "difficulty") else (),
        "legal": text.variant if text.variant in DUTIES else LAWS.get(text.template, ""),
        "deadline_on": None if stage is Stage.BEFORE_DUE else DEADLINE,
        "interest": late(lines, mode) if mode else None,
        "promised_on": date(2026, 11, 13),
        "promised": 50000,
    }
    return reminder(*lines, **(facts | changes))


def late(lines: tuple[ReminderLine, ...], mode: str, regime: str = "DE_B2B") -> Interest:
    """Interest of the lines worked out for real."""
    law = REGIMES[regime]
    schedule = tuple(
        Worked(
            line=each.key,
            invoice=each.invoice,
            statement=interest(law, each.net, each.due_on + timedelta(days=1), TODAY),
        )
        for each in lines
    )
    amount = sum(worked.statement.interest for worked in schedule)
    charges = sum(law.fixed_sum(each.net) for each in lines)
    return Interest(
        mode=mode, amount=amount, charges=charges, until=TODAY, regime=regime, schedule=schedule
    )


def lines(count: int) -> list[ReminderLine]:
    return [
        line(n, balance=123456 + n, amount=223456 + n, net=123456 + n) for n in range(1, count + 1)
    ]


@pytest.mark.practice("P2-46", "P0-25")
def test_every_text_exists_in_four_languages(writer: Writer) -> None:
    names = {lang: {f.partition("/")[2] for f in FILES if f[:2] == lang} for lang in LANGUAGES}
    assert names["de"] == names["en"] == names["fr"] == names["nl"]
    assert {name for name, _ in writer.templates} == set(STANDARD)
    asked = {s.text for n in ready_made() for s in ready(n).steps if s.channel in MESSAGES}
    assert asked <= {name for name, _ in writer.templates}
    for part in ("_parts", "_note", "_sheet", "_handover"):
        assert all((PACKAGE / lang / f"{part}.md").is_file() for lang in LANGUAGES)


@pytest.mark.practice("P0-27", "P0-28", "P1-29", "P2-26", "P2-27", "P2-45", "P4-05", "P4-28")
@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("name", FILES)
def test_each_text_says_the_same_in_both_versions(writer: Writer, name: str, count: int) -> None:
    many = lines(count)
    stage = STANDARD[Text.of(name).template]
    mode = "claim" if stage in (Stage.FIRM, Stage.NOTICE) and "14" not in name else ""
    wanted = about(name, *many, mode=mode)
    message = writer.message(wanted, TODAY)
    seen = Seen(message.html)
    for text in (message.text, seen.text):
        assert not re.search(r"\bNone\b|Undefined|\{\{|\{%|&#|&amp;|duration-day|\(\)", text)
        assert reference_of(text) == KEY
        assert COMPANY.phone in text
        assert COMPANY.email in text
        assert COMPANY.name in text
        exempt = EXEMPT.get(wanted.template, frozenset())
        for each in many if "number" not in exempt else ():
            assert each.invoice in text
        assert ("FR76 3000 6000" in text) == ("way to pay" not in exempt)
    assert AMOUNT.findall(message.text) == AMOUNT.findall(seen.text)
    assert max(map(len, message.text.splitlines())) <= 80
    assert len(message.subject) <= 120
    if count == 1:
        assert "F-2026-0001" in message.subject
        if wanted.template not in EXEMPT:
            year = "2026" if len(message.subject) < 120 else "1"
            assert year in message.subject.split(" - ")[2]
            assert AMOUNT.search(message.subject)
    assert not seen.links()
    if mode != "claim" and not wanted.legal:
        assert not _sorts(wanted, message) & {Sort.INTEREST, Sort.CHARGES}


def _sorts(wanted: Reminder, message: Message) -> set[Sort]:
    words = words_of(wanted.language)
    assert words
    said = f"{message.subject}\n{message.text}"
    return {sort for sort, pattern in words.sorts.items() if pattern.search(said)}


@pytest.mark.practice("P2-25", "P2-34", "P2-35", "P2-72")
@pytest.mark.parametrize("name", FILES)
def test_each_level_has_its_own_words(writer: Writer, name: str) -> None:
    text = Text.of(name)
    wanted = about(name, line())
    message = writer.message(wanted, TODAY)
    said = _sorts(wanted, message)
    stage = STANDARD[text.template]
    letter = text.template in LAWS
    assert Sort.THREAT not in said
    assert (Sort.COURT in said) == (text.template in ("formal_notice", "letter_of_claim"))
    if stage is Stage.BEFORE_DUE:
        assert not said
    if not letter:
        assert (Sort.FORMAL in said) == (stage in (Stage.FIRM, Stage.NOTICE))
    asks = (
        0 if text.template in ("before_due", "later_than_usual", "thank_you", "instalments") else 1
    )
    body = message.text.replace(COMPANY.bank_line, "")
    assert requests(text.language, body) == asks


NEXT = {
    "fr": "mise en demeure",
    "en": "formal demand",
    "de": "letzte Mahnung",
    "nl": "ingebrekestelling",
}
COURT = {
    "fr": "tribunal",
    "en": "court proceedings",
    "de": "gerichtliches Mahnverfahren",
    "nl": "rechter",
}
TERMS = {
    "fr": "nos conditions",
    "en": "our terms",
    "de": "unseren Zahlungsbedingungen",
    "nl": "onze betalingsvoorwaarden",
}
BOTH = {
    "fr": ("pénalités", "indemnité"),
    "en": ("interest", "compensation"),
    "de": ("zinsen", "Pauschale"),
    "nl": ("rente", "vergoeding"),
}


@pytest.mark.practice("P0-30", "P0-31", "P3-30", "P2-12")
@pytest.mark.parametrize("language", LANGUAGES)
def test_firm_and_formal_texts_name_terms_costs_and_what_comes_next(
    writer: Writer, language: str
) -> None:
    had = line(had_on=(date(2026, 11, 4), date(2026, 11, 12)))
    firm = whole(writer.message(about(f"{language}/firm.md", had, mode="mention"), TODAY).text)
    notice = writer.message(about(f"{language}/formal_notice.md", had, mode="mention"), TODAY)
    formal = f"{notice.subject} {whole(notice.text)}"
    assert NEXT[language] in firm
    assert COURT[language] in formal
    assert COURT[language] not in firm
    for text in (firm, formal):
        assert TERMS[language] in text
        assert all(word in text for word in BOTH[language])
        assert "F-2026-0001" in text
        assert "40,00" not in text  # mentioned, not claimed
        assert "40.00" not in text
    for day in ("4", "12"):
        assert re.search(rf"\b{day}\b\.? nov", formal, re.I)
    assert NEXT[language].lower() in formal.lower()


@pytest.mark.practice("P0-09", "P2-12")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_claim_shows_its_arithmetic_and_adds_up(writer: Writer, language: str) -> None:
    three = lines(3)
    wanted = about(f"{language}/formal_notice.md", *three, mode="claim")
    assert wanted.interest
    assert wanted.interest.amount
    assert wanted.interest.charges == 12000
    total = wanted.claim + wanted.interest.amount + wanted.interest.charges
    text = writer.message(wanted, TODAY).text
    digits = re.sub(r"[^\d\n ]", "", text.replace("\u202f", "").replace("\u00a0", " "))
    for amount in (wanted.claim, wanted.interest.amount, 12000, total):
        assert re.search(rf"\b{amount}\b", digits)
    assert whole(text).count(SUMS[language]) == 1
    assert len(re.findall(r"×\s+19/365\s+=\s+\d", text)) == 3
    assert "10,52" in text or "10.52" in text
    rounded = [round(123456 * 0.1052 * 19 / 365) for _ in three]
    assert wanted.interest.amount == sum(rounded)


@pytest.mark.practice("P4-28")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["firm", "formal_notice"])
def test_no_interest_is_spoken_of_where_none_is_claimed(
    writer: Writer, language: str, template: str
) -> None:
    wanted = about(f"{language}/{template}.md", line())
    assert not _sorts(wanted, writer.message(wanted, TODAY)) & {Sort.INTEREST, Sort.CHARGES}


def test_an_unknown_rate_leaves_words_without_figures(writer: Writer) -> None:
    unknown = Interest(mode="claim", amount=None, charges=None, until=TODAY, regime="FR_B2B")
    due = line(interest="claim", charges="claim")
    for template in ("firm", "formal_notice"):
        message = writer.message(about(f"fr/{template}.md", due, interest=unknown), TODAY)
        text = whole(message.text)
        assert "pénalités" in text
        assert set(AMOUNT.findall(message.text)) == {"1\u202f234,56"}
        assert "1 234,56 € au plus tard le 4 décembre 2026" in text


@pytest.mark.practice("P0-36", "P2-12")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_belgian_consumers_first_reminder_asks_for_the_principal_alone(
    writer: Writer, language: str
) -> None:
    name = f"{language}/friendly.be-consumer-first.md"
    wanted = about(name, line(reference="PO 12"), kind=CustomerKind.CONSUMER)
    message = writer.message(wanted, TODAY)
    assert len(set(AMOUNT.findall(message.text))) == 1
    text = whole(message.text)
    for told in (COMPANY.legal_id, COMPANY.name, "PO 12"):
        assert told in text.partition("Ref. ")[0]
    assert re.search(r"quatorze|fourteen|vierzehn|veertien", text)
    assert re.search(r"gratuit|free of charge|kostenlos|gratis", message.subject)
    assert "4" in text
    clause = Interest(mode="mention", amount=None, charges=10172, until=TODAY, regime="BE_B2C")
    with_clause = replace(wanted, interest=clause)
    text = writer.message(with_clause, TODAY).text
    assert len(set(AMOUNT.findall(text))) == 2
    assert re.search(r"101[.,]72", text)


@pytest.mark.practice("P2-12")
def test_the_dutch_letter_names_its_exact_costs_and_the_safe_days(writer: Writer) -> None:
    costs = Interest(mode="mention", amount=None, charges=18519, until=TODAY, regime="NL_B2C")
    due = line(charges="mention")
    wanted = about("nl/fourteen_day_letter.md", due, interest=costs, kind=CustomerKind.CONSUMER)
    text = whole(writer.message(wanted, TODAY).text)
    assert "binnen vijftien dagen vanaf de dag nadat deze brief bij u is bezorgd" in text
    assert "€ 185,19 aan buitengerechtelijke incassokosten" in text
    assert "rente" not in text


def test_a_french_consumer_is_asked_for_nothing_beside_the_invoice(writer: Writer) -> None:
    plain = about("fr/formal_notice.consumer.md", line())
    text = writer.message(plain, TODAY).text
    assert not re.search(r"indemnité|pénalité|frais", text)
    runs = Interest(mode="mention", amount=None, charges=None, until=TODAY, regime="FR_B2C")
    text = whole(
        writer.message(replace(plain, interest=runs, lines=(line(interest="mention"),)), TODAY).text
    )
    assert "Des intérêts au taux légal courent à compter de la réception" in text
    assert not re.search(r"indemnité|pénalité|frais", text)


@pytest.mark.practice("P0-36")
def test_a_public_body_is_written_to_in_its_own_words(writer: Writer) -> None:
    message = writer.message(about("fr/firm.public.md", line(), mode="mention"), TODAY)
    assert "mandatement" in message.text
    formal = whole(
        writer.message(about("fr/formal_notice.public.md", line(), mode="claim"), TODAY).text
    )
    assert "réclamation des intérêts moratoires" in formal
    assert not re.search(r"huissier|commissaire|injonction", formal)


@pytest.mark.practice("P2-43")
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_kind_of_customer_has_its_variant(writer: Writer, language: str) -> None:
    def said(**changes: Any) -> tuple[str, str]:
        wanted = reminder(language=language, country=COUNTRY[language], **changes)
        note = writer.note(wanted, line(), TODAY, "en")
        return writer.message(wanted, TODAY).text, note

    plain, loyal = said(), said(traits=("loyal",))
    consumer, public = said(kind=CustomerKind.CONSUMER), said(kind=CustomerKind.PUBLIC)
    both = said(kind=CustomerKind.CONSUMER, traits=("loyal",))
    assert len({plain, loyal, consumer, public}) == 4
    assert both == consumer
    for variant, (_, note) in (("", plain), (".loyal", loyal), (".consumer", consumer)):
        assert re.search(rf"friendly{variant} \({language}\), version [0-9a-f]{{8}}\.", note)


@pytest.mark.practice("P0-18")
@pytest.mark.parametrize("name", [f for f in FILES if "/friendly" in f or "/promise_broken" in f])
def test_help_is_offered(writer: Writer, name: str) -> None:
    text = whole(writer.message(about(name, line()), TODAY).text)
    if "public" not in name:
        assert re.search(
            r"chercherons une solution|look for a solution|suchen gemeinsam|zoeken samen", text
        )
    assert COMPANY.phone in text


@pytest.mark.practice("P1-28")
@pytest.mark.parametrize("language", LANGUAGES)
def test_later_than_usual_asks_and_does_not_demand(writer: Writer, language: str) -> None:
    text = writer.message(about(f"{language}/later_than_usual.md", *lines(2)), TODAY).text
    assert requests(language, text) == 0
    assert "IBAN" not in text
    assert "2026" not in text.partition("2026")[2].partition("Ref.")[0]  # one date, no deadline


@pytest.mark.practice("P1-29")
def test_thanks_are_written_when_a_policy_asks_for_them_and_not_before(writer: Writer) -> None:
    paid = line(amount=123456, balance=0, net=0)
    text = writer.message(about("fr/thank_you.md", paid), TODAY).text
    assert "1\u202f234,56\u00a0€" in text
    assert requests("fr", text) == 0
    assert "thank_you" not in {s.text for n in ready_made() for s in ready(n).steps}


@pytest.mark.practice("P1-15", "P4-04")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_statement_lists_all_with_the_total_and_the_bank(writer: Writer, language: str) -> None:
    netted = (Netted(document="A-7", amount=456),)
    wanted = about(f"{language}/statement.md", *lines(12), credits=netted)
    message = writer.message(wanted, TODAY)
    digits = re.sub(r"[^\d\n ]", "", message.text.replace("\u202f", ""))
    assert re.search(rf"\b{wanted.claim}\b", digits)
    assert all(each.invoice in message.text for each in wanted.lines)
    assert COMPANY.bank_line in message.text
    assert [file.invoice_id for file in message.attachments] == [f"i{n}" for n in range(1, 6)]


def test_instalments_proposed_add_up(writer: Writer) -> None:
    text = writer.message(about("fr/instalments.md", line(balance=10000, amount=10000)), TODAY).text
    plain = text.replace("\u00a0", " ")
    assert "- le 4 décembre 2026 : 33,34 €" in plain
    assert "- le 4 janvier 2027 : 33,33 €" in plain
    assert "- le 4 février 2027 : 33,33 €" in plain
    about_long = about("fr/instalments.md", line(), deadline_on=date(2026, 12, 31))
    assert "28 février 2027" in writer.message(about_long, TODAY).text


def test_a_promise_is_named_with_day_and_amount(writer: Writer) -> None:
    text = whole(writer.message(about("fr/promise_broken.md", line()), TODAY).text)
    assert "un paiement de 500,00 € pour le 13 novembre 2026" in text
    without = about("fr/promise_broken.md", line(), promised=None)
    assert "un paiement pour le 13 novembre 2026" in whole(writer.message(without, TODAY).text)
    bare = about("fr/promise_broken.md", line(), promised=None, promised_on=None)
    assert "annoncé un paiement. Sauf" in whole(writer.message(bare, TODAY).text)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_through_every_text(writer: Writer, language: str, name: str) -> None:
    def tags(text: str, file: str) -> list[Any]:
        one = line(1, invoice="N" + text, reference=text, payment_reference="R" + text)
        wanted = about(file, one, line(2, line=2), customer_name=text, contact_name=text)
        message = writer.message(wanted, TODAY)
        assert not re.search(r"^Bcc:", message.text + message.html, re.MULTILINE)
        assert "\n" not in message.subject
        assert reference_of(message.text) == reference_of(message.html) == KEY
        return Seen(message.html).tags

    for file in FILES:
        if file.startswith(language) and "." not in file.removesuffix(".md"):
            assert tags(name, file) == tags("Martin", file), file


def test_letters_get_their_words_and_no_address(writer: Writer) -> None:
    letter = about("de/formal_notice.md", line(), channel=Channel.LETTER, to=(), mode="claim")
    (written,) = writer.write(plan(letter)).reminders
    assert written.message
    assert written.message.to == ()
    assert "Letzte Mahnung" in written.message.subject
    assert f"Ref. {KEY}" in written.message.text


@pytest.mark.practice("P4-30")
def test_a_formal_text_the_firm_has_not_read_is_told(writer: Writer, tmp_path: Any) -> None:
    formal, mild = about("fr/formal_notice.md", line()), about("fr/friendly.md", line())
    legal = about("fr/friendly.be-consumer-first.md", line(), kind=CustomerKind.CONSUMER)
    first, second, third = writer.write(plan(formal, mild, legal)).reminders
    assert "fr/formal_notice.md is the program's own" in first.warnings[0]
    assert second.warnings == ()
    assert "be-consumer-first" in third.warnings[0]
    (tmp_path / "fr").mkdir()
    text = (PACKAGE / "fr" / "formal_notice.md").read_text(encoding="utf-8")
    (tmp_path / "fr" / "formal_notice.md").write_text(text, encoding="utf-8")
    own = Writer(COMPANY, tmp_path)
    assert own.write(plan(replace(formal, warnings=("a rate",)))).reminders[0].warnings == (
        "a rate",
    )


@pytest.mark.practice("P4-19")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_sheet_guides_in_five_lines(writer: Writer, language: str) -> None:
    wanted = reminder(channel=Channel.CALL, contact_phone="+33 1 00 00", language="de")
    sheet = writer.note(wanted, wanted.lines[0], TODAY, language)
    assert [row[:2] for row in sheet.splitlines() if row[:1].isdigit()] == [
        f"{n}." for n in range(1, 6)
    ]
    assert "+33 1 00 00" in sheet
    assert re.search("allemand|German|Deutsch|Duits", sheet)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hand_over_says_what_to_gather(writer: Writer, language: str) -> None:
    had = line(had_on=(date(2026, 11, 4),), reference="PO 12")
    wanted = reminder(had, channel=Channel.TASK, rung=Rung(Stage.HANDOVER, 1))
    sheet = writer.note(wanted, had, TODAY, language)
    for told in ("F-2026-0001", "PO 12", "Client & Fils"):
        assert told in sheet
    assert re.search(r"preuve|proof|nachweis|bewijs", sheet)


@pytest.mark.practice("P0-22", "P4-07")
def test_a_way_to_pay_is_well_formed_with_and_without_a_link(writer: Writer) -> None:
    address = "https://pay.example/1"
    for language in LANGUAGES:
        linked = about(f"{language}/friendly.md", line(pay_link=address))
        with_link = writer.message(linked, TODAY).text
        without = writer.message(about(f"{language}/friendly.md", line()), TODAY).text
        assert address in with_link
        assert COMPANY.bank_line in with_link
        assert COMPANY.bank_line in without
        kept = [row for row in with_link.splitlines() if address not in row]
        assert kept == without.splitlines()


@pytest.mark.practice("P2-10", "P4-38")
def test_two_customers_read_their_own_details(writer: Writer) -> None:
    one = writer.message(reminder(line(reference="PO 12"), contact_name="Ana"), TODAY)
    two = writer.message(
        reminder(line(reference="HERON-88"), contact_name="Ben", language="en"), TODAY
    )
    assert "Bonjour Ana," in one.text
    assert "Dear Ben," in two.text
    assert "votre commande PO 12" in whole(one.text)
    assert "your order HERON-88" in whole(two.text)
    assert "commande" not in writer.message(reminder(), TODAY).text
