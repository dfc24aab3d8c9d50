"""What Tryton's rows become, for bookings that no ledger of the lab holds."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.receivables.records import DocumentState, Invoice, PaymentState
from providers.tryton.documents import Document, to_document
from providers.tryton.mail import addresses, body_of
from providers.tryton.payments import Books, Entry, Owner, owners_of, to_payment
from providers.tryton.wire import Row, encode, sheet

EUR, USD = {"id": 1, "code": "EUR"}, {"id": 2, "code": "USD"}


def entry(number: int, amount: str, **fields: Any) -> Entry:
    """A receivable line: a debit, or a credit where the amount is negative."""
    value = Decimal(amount)
    given = {
        "id": number,
        "party": 7,
        "date": date(2026, 10, number),
        "debit": max(value, Decimal(0)),
        "credit": max(-value, Decimal(0)),
        "reconciliation": 5,
        "move.": {"id": number, "state": "posted"},
    }
    return Entry.model_validate(given | fields)


def allocated(line: Entry, *group: Entry, owners: dict[int, int]) -> list[tuple[str, str, int]]:
    payment = to_payment(line, Books({5: list(group)}, owners, "EUR"))
    assert payment is not None
    return [(part.invoice_id, part.line_id, part.amount) for part in payment.allocations]


def test_one_payment_of_two_invoices() -> None:
    first, second, money = entry(1, "100"), entry(2, "50.50"), entry(3, "-150.50")
    found = allocated(money, first, second, money, owners={1: 10, 2: 20})
    assert found == [("10", "1", 10000), ("20", "2", 5050)]


def test_payments_and_a_credit_note_take_their_turn() -> None:
    invoice, note = entry(1, "100"), entry(2, "-30")
    early, late = entry(3, "-20"), entry(4, "-50")
    owners = {1: 10, 2: 20}
    group = (late, early, note, invoice)
    assert to_payment(note, Books({5: list(group)}, owners, "EUR")) is None
    assert allocated(early, *group, owners=owners) == [("10", "1", 2000)]
    assert allocated(late, *group, owners=owners) == [("10", "1", 5000)]


def test_a_payment_goes_first_to_the_invoice_it_was_recorded_on() -> None:
    first, second = entry(1, "100"), entry(2, "100")
    other, own = entry(3, "-100"), entry(4, "-100", invoice_payment=20)
    group = (first, second, other, own)
    owners = {1: 10, 2: 20}
    assert allocated(own, *group, owners=owners) == [("20", "2", 10000)]
    assert allocated(other, *group, owners=owners) == [("10", "1", 10000)]


def test_dollars_for_an_invoice_in_euros_go_to_it_whole() -> None:
    invoice = entry(1, "100")
    dollars = entry(2, "-100", **{"second_currency.": USD, "amount_second_currency": Decimal(-108)})
    payment = to_payment(dollars, Books({5: [invoice, dollars]}, {1: 10}, "EUR"))
    assert payment is not None
    assert (payment.currency, payment.amount, payment.unallocated) == ("USD", 10800, 0)
    assert [(part.invoice_id, part.amount) for part in payment.allocations] == [("10", 10800)]


def test_a_cancelled_booking_is_void() -> None:
    money, counter = entry(1, "-100"), entry(2, "100")
    payment = to_payment(money, Books({5: [money, counter]}, {}, "EUR"))
    assert payment is not None
    assert (payment.state, payment.unallocated, payment.allocations) == (PaymentState.VOID, 0, ())


def test_a_move_is_a_credit_notes_own_before_it_is_what_cancels() -> None:
    cancelled = Owner(id=10, move=1, cancel_move=2, additional_moves=(3,))
    note = Owner(id=20, move=2)
    for rows in ((cancelled, note), (note, cancelled)):
        assert owners_of(rows) == {1: 10, 2: 20, 3: 10}


def due(number: int, amount: str, on: date | None, **fields: Any) -> dict[str, Any]:
    value = Decimal(amount)
    given = {"id": number, "maturity_date": on, "debit": max(value, Decimal(0))}
    return given | {"credit": max(-value, Decimal(0))} | fields


def invoice(to_pay: str, *entries: dict[str, Any], **fields: Any) -> Invoice:
    given = {
        "id": 20,
        "number": "F-20",
        "state": "posted",
        "party": 7,
        "currency.": EUR,
        "invoice_date": date(2026, 9, 1),
        "total_amount": Decimal(100),
        "amount_to_pay": Decimal(to_pay),
        "lines_to_pay.": list(entries),
    }
    document = to_document(Document.model_validate(given | fields), "EUR")
    assert isinstance(document, Invoice)
    return document


def test_an_overpaid_invoice_adds_up_too() -> None:
    found = invoice("-10", due(1, "60", date(2026, 10, 1)), due(2, "40", date(2026, 11, 1)))
    assert [line.balance for line in found.lines] == [0, -1000]
    assert (found.balance, found.state) == (-1000, DocumentState.OPEN)
    assert sum(line.balance for line in found.lines) == found.balance


def test_a_figure_above_the_lines_is_kept() -> None:
    found = invoice("105", due(1, "60", date(2026, 10, 1)), due(2, "40", None))
    assert [line.balance for line in found.lines] == [6000, 4500]


def test_lines_reconciled_with_one_another_are_nobodys() -> None:
    found = invoice(
        "100",
        due(1, "60", date(2026, 10, 1), reconciliation=8),
        due(2, "40", date(2026, 11, 1), reconciliation=8),
        due(3, "-100", None, reconciliation=8),
        due(4, "100", date(2026, 12, 1)),
    )
    assert [(line.id, line.balance) for line in found.lines] == [("4", 10000)]


def test_what_cannot_be_right_is_refused() -> None:
    paid = due(1, "100", date(2026, 10, 1), reconciliation=8)
    with pytest.raises(ValueError, match="no line is open"):
        invoice("10", paid)
    with pytest.raises(ValueError, match="line 1 is not in USD"):
        invoice("100", due(1, "100", None), **{"currency.": USD})
    with pytest.raises(ValueError, match="whole number"):
        invoice("100.001", due(1, "100", None))


@pytest.mark.parametrize(
    ("state", "origin", "expected"),
    [
        ("paid", None, DocumentState.PAID),
        ("cancelled", "account.invoice,61", DocumentState.CREDITED),
        ("cancelled", "account.move,5", DocumentState.VOID),
        ("cancelled", None, DocumentState.VOID),
    ],
)
def test_how_a_settled_invoice_ended(
    state: str, origin: str | None, expected: DocumentState
) -> None:
    line = due(1, "100", date(2026, 10, 1), reconciliation=8)
    found = invoice("0", line, state=state, **{"cancel_move.": {"id": 3, "origin": origin}})
    assert found.state is expected


class Named(Row):
    name: str


def test_a_row_that_does_not_read_is_set_aside() -> None:
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": None}, {"id": 3, "name": "c"}]
    wrong_stamp = {"id": 4, "name": "d", "write_date": {"__class__": "datetime", "year": 2026}}
    body = json.dumps({"id": 1, "result": [*rows, wrong_stamp]}).encode()
    found = sheet(body, Named, "acme.thing", wrapped=True)
    assert [row.name for row in found.rows] == ["a", "c"]
    assert found.ids == [1, 2, 3, 4]
    assert [(bad.id, bad.field) for bad in found.bad] == [("2", "name"), ("4", "write_date")]
    assert "acme.thing 2: name" in str(found.bad[0])


def test_values_go_in_all_places() -> None:
    domain = [["date", ">=", date(2026, 11, 20)], ("amount", "=", Decimal("1.10")), {"a": b"x"}]
    encoded = json.loads(json.dumps(encode(domain)))
    assert encoded[0][2] == {"__class__": "date", "year": 2026, "month": 11, "day": 20}
    assert encoded[1][2] == {"__class__": "Decimal", "decimal": "1.10"}
    assert encoded[2]["a"] == {"__class__": "bytes", "base64": "eA=="}


def test_addresses_are_ascii_and_one_each() -> None:
    assert addresses(["a@b.example", "Élo <c@d.example>"]) == (
        "a@b.example, =?utf-8?q?=C3=89lo?= <c@d.example>"
    )
    assert addresses([]) == ""


def test_a_page_around_the_words_is_taken_off() -> None:
    key = "0123456789abcdef0123"
    page = (
        f"<html><head><style>p {{}}</style></head><body class=x>\n<p>Ref. {key}</p></body></html>"
    )
    assert body_of(page, key) == f"<style>p {{}}</style>\n<p>Ref. {key}</p>"
    assert body_of("<p>Bonjour</p>", key) == f"<p>Bonjour</p><p>Ref. {key}</p>"
