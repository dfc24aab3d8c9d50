"""What a finished message lacks or may not say: the last look at its words before it goes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from babel import Locale

from connector.contract import Company
from connector.dunning.plan import Reminder, ReminderLine
from connector.dunning.snapshot import Stage
from connector.messages import formats
from connector.messages.values import clean, web_address
from connector.messages.words import Sort, requests, words_of

BODY_LIMIT = 1800  # characters of a message about one line, names and numbers not counted
ROW_LIMIT = 200  # more for each further row of its tables
_BLANKS = re.compile(r"\s+")

NUMBER, DUE_DATE, AMOUNT, WAY_TO_PAY = "number", "due date", "amount", "way to pay"
EXEMPT: Mapping[str, frozenset[str]] = {
    "later_than_usual": frozenset((NUMBER, DUE_DATE, AMOUNT, WAY_TO_PAY)),  # it asks, no more
    "thank_you": frozenset((DUE_DATE, AMOUNT, WAY_TO_PAY)),
}
"""What the texts of a situation may leave out. The total is always said, save by `thank_you`."""

_REFUSED: Mapping[Stage, frozenset[Sort]] = {
    Stage.BEFORE_DUE: frozenset(Sort),
    Stage.FRIENDLY: frozenset(Sort) - {Sort.LATE},
    Stage.FIRM: frozenset((Sort.THREAT, Sort.COURT)),
    Stage.NOTICE: frozenset((Sort.THREAT,)),
    Stage.HANDOVER: frozenset((Sort.THREAT,)),
}
_CLAIMING = frozenset((Sort.INTEREST, Sort.CHARGES))


@dataclass(frozen=True, slots=True)
class Said:
    """A message as rendered: whole subject, body without its foot, both plain text."""

    subject: str
    body: str


def faults(
    reminder: Reminder, said: Said, company: Company, locale: Locale, terms: str = ""
) -> list[str]:
    """Why a message may not go, in words with the way to mend it; empty when it may.

    Amounts and dates are looked for in the forms that the filters give them; line ends and
    spaces do not count. Names, numbers and terms of payment are no words of a text.
    """
    outside = _outside(reminder, company, terms)
    ours = _without(outside, said.body)
    return [
        *_missing(reminder, said, locale),
        *_nobody(said, company),
        *_no_way_to_pay(reminder, said, company),
        *_words(reminder, f"{_without(outside, said.subject)}\n\n{ours}"),
        *_too_much(reminder, ours, _bare(said.body, reminder, company, terms)),
    ]


def _missing(reminder: Reminder, said: Said, locale: Locale) -> Iterator[str]:
    text, subject = _joined(said.body), _joined(said.subject)
    exempt = EXEMPT.get(reminder.template, frozenset())

    def absent(*forms: str) -> bool:
        return not any(_joined(form) in text for form in forms)

    for line in reminder.lines:
        name = clean(line.invoice)
        if NUMBER not in exempt and absent(name):
            yield f"the number of invoice {name} is missing: print invoice.number"
        if DUE_DATE not in exempt and absent(*_dates(line, locale)):
            yield f"the due date of invoice {name} is missing: print invoice.due_date"
        if AMOUNT not in exempt and absent(formats.money(line.asked, reminder.currency, locale)):
            yield f"the amount of invoice {name} is missing: print invoice.balance"
    numbers = {clean(line.invoice) for line in reminder.lines}
    if (
        NUMBER not in exempt
        and len(numbers) == 1
        and not any(_joined(n) in subject for n in numbers)
    ):
        yield "the subject does not name the invoice: print invoice.number, or parts.what()"
    claimed = formats.money(reminder.claim, reminder.currency, locale)
    if reminder.template != "thank_you" and absent(claimed):
        yield "the total claimed is missing: print total_due"
    yield from _law(reminder, absent, locale)


def _law(reminder: Reminder, absent: Callable[[str], bool], locale: Locale) -> Iterator[str]:
    """What a first reminder must say for the law to count it."""
    if reminder.legal == "be-consumer-first" and reminder.deadline_on:
        told = formats.long_date(reminder.deadline_on, locale)
        if absent(told):
            yield f"the day until which the law gives time, {told}, is missing: print deadline"
    costs = reminder.interest.charges if reminder.interest else None
    if reminder.legal and costs:
        told = formats.money(costs, reminder.currency, locale)
        if absent(told):
            yield f"the exact costs that would follow, {told}, are missing: print late.fixed"


def _dates(line: ReminderLine, locale: Locale) -> tuple[str, str]:
    return formats.long_date(line.due_on, locale), formats.short_date(line.due_on, locale)


def _nobody(said: Said, company: Company) -> Iterator[str]:
    text = _joined(said.body)
    ways = [way for way in (clean(company.phone), clean(company.email)) if way]
    if ways and not any(_joined(way) in text for way in ways):
        yield "nobody to answer to: print contact.phone or contact.email, or parts.signature(…)"
    if _joined(clean(company.name)) not in text:
        yield "the seller's name is missing: print company.name"


def _no_way_to_pay(reminder: Reminder, said: Said, company: Company) -> Iterator[str]:
    """Told only where the firm has a way: a text then speaks of the invoices' own details."""
    text = _joined(said.body)
    ways = [", ".join(map(clean, company.bank_line.split("\n")))]
    ways += [web_address(line.pay_link) for line in reminder.lines]
    known = [way for way in ways if way]
    exempt = WAY_TO_PAY in EXEMPT.get(reminder.template, frozenset())
    if known and not exempt and not any(_joined(way) in text for way in known):
        yield "no way to pay: print company.bank_line or invoice.pay_url, or parts.pay()"


def _words(reminder: Reminder, text: str) -> Iterator[str]:
    words, stage = words_of(reminder.language), reminder.rung.stage
    if words is None:
        return
    refused = set(_REFUSED[stage])
    if reminder.legal:
        refused -= _CLAIMING  # what the law makes it say
    elif reminder.interest is None or reminder.interest.mode == "off":
        refused |= _CLAIMING
    for sort in sorted(refused):
        if found := words.sorts[sort].search(text):
            why = "its policy claims none" if sort in _CLAIMING else f"{stage} may not say it"
            if sort is Sort.THREAT:
                why = "no message may say it"
            yield f"{found[0]!r} is {sort}, and {why}: leave it out"


def _too_much(reminder: Reminder, text: str, bare: int) -> Iterator[str]:
    """`bare` is the length of its own words, blanks left out."""
    asked = requests(reminder.language, text)
    if asked > 1:
        yield f"it asks for payment {asked} times: one request a message, the rest only tells"
    rows = len(reminder.lines) + len(reminder.credits) + len(reminder.also_open)
    if reminder.interest and reminder.interest.mode == "claim":
        rows += sum(len(worked.statement.segments) for worked in reminder.interest.schedule)
    limit = BODY_LIMIT + ROW_LIMIT * (rows - 1)
    if len(text) > limit and bare > limit * 5 / 6:  # a blank in six
        yield f"it is too long: {len(text)} characters, at most {limit}"


def _values(reminder: Reminder, company: Company, terms: str) -> list[str]:
    """Every name, number and term of the message that is not a text's own, longest first."""
    values = [terms, reminder.owner, *(line.terms for line in reminder.lines)]
    values += [reminder.customer_name, reminder.contact_name, reminder.contact_phone]
    values += [company.name, company.contact_name, company.email, company.phone, company.legal_id]
    values += [*company.address.split("\n"), *company.bank_line.split("\n")]
    for line in reminder.lines:
        values += [line.invoice, line.reference, line.payment_reference, line.pay_link]
    values += [credit.document for credit in reminder.credits]
    values += [line.invoice for line in reminder.also_open]
    known = {" ".join(clean(value).split()) for value in values} - {""}
    return sorted(known, key=len, reverse=True)


def _outside(reminder: Reminder, company: Company, terms: str) -> re.Pattern[str] | None:
    parts = "|".join(map(re.escape, _values(reminder, company, terms)))
    return re.compile(rf"(?<!\w)(?:{parts})(?!\w)") if parts else None


def _bare(body: str, reminder: Reminder, company: Company, terms: str) -> int:
    """The length of a text's own words; a value counts as none wherever a table has broken it."""
    text = _joined(body)
    for value in _values(reminder, company, terms):
        text = text.replace(_joined(value), "")
    return len(text)


def _without(outside: re.Pattern[str] | None, text: str) -> str:
    """Our own words: paragraphs kept apart, other spaces joined, values from outside left out."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    kept = "\n\n".join(part for part in paragraphs if part)
    return outside.sub("…", kept) if outside else kept


def _joined(text: str) -> str:
    return _BLANKS.sub("", text)


def unbalanced(reminder: Reminder) -> str:
    """Why the figures of a reminder contradict each other, empty when they add up."""
    owed = sum(line.asked for line in reminder.lines)
    netted = sum(credit.amount for credit in reminder.credits)
    if owed - netted == reminder.claim:
        return ""
    return f"lines of {owed} less credits of {netted} do not make the claim of {reminder.claim}"
