"""Which invoices the ledger holds: one for each situation a reminder meets, then random ones."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# for each payment term: share of the total (None: what remains) and days after the invoice
TERMS: dict[str, list[tuple[Decimal | None, int]]] = {
    "30 days": [(None, 30)],
    "60 days": [(None, 60)],
    "instalments": [(Decimal("0.5"), 30), (None, 60)],
}


@dataclass(slots=True, kw_only=True)
class Bill:
    """An invoice to make: `past` days past its (first) due date; then `fate` befalls it.

    Fates: open, part_paid, paid, credited (refunded by a credit note), open_credit (by one that
    nobody allocated), on_account (its customer paid something on account), draft, cancelled.
    """

    name: str = ""
    past: int
    fate: str = "open"
    term: str = "30 days"
    currency: str = "EUR"
    net: Decimal = Decimal(1000)  # before 20 % of tax
    part: Decimal = Decimal(500)  # what is paid where not all is
    settled: int = 5  # days before today that the payment or credit note bears
    party: int = 0  # ids, known once made
    id: int = 0
    credit_note: int = 0

    @property
    def age(self) -> int:
        """Days since the invoice was issued."""
        return self.past + TERMS[self.term][0][1]


def situations() -> list[Bill]:
    """Return the named invoices; the n-th goes to customer n, who has no other.

    The place decides on language and addresses: the 4th customer has two, the 10th none.
    """
    return [
        Bill(name="overdue_6", past=6, net=Decimal(600)),
        Bill(name="overdue_10", past=10, net=Decimal(700)),
        Bill(name="overdue_20", past=20, net=Decimal(800)),
        Bill(name="two_emails", past=17, net=Decimal(900)),
        Bill(name="overdue_40", past=40),
        Bill(name="overdue_100", past=100, net=Decimal(1100)),
        Bill(name="not_due", past=-12, net=Decimal(1200)),
        Bill(name="due_today", past=0, net=Decimal(1300)),
        Bill(name="instalments", past=15, term="instalments", net=Decimal(1400)),
        Bill(name="no_email", past=16, net=Decimal(1500)),
        Bill(name="part_paid", past=25, fate="part_paid"),
        Bill(name="paid", past=20, fate="paid"),
        Bill(name="credited", past=30, fate="credited"),
        Bill(name="open_credit", past=12, fate="open_credit", net=Decimal(250)),
        Bill(name="dollars", past=18, currency="USD", net=Decimal(2000)),
        Bill(name="draft", past=-25, fate="draft"),
        Bill(name="cancelled", past=8, fate="cancelled"),
        Bill(name="on_account", past=14, fate="on_account", part=Decimal(300)),
    ]


def drawn(count: int, seed: int, parties: Sequence[int]) -> list[Bill]:
    """Return that many random invoices of these customers; equal arguments, equal invoices."""
    rng = random.Random(seed)
    fates = ["open"] * 12 + ["part_paid"] * 2 + ["paid"] * 4
    fates += ["credited", "open_credit", "draft", "cancelled"]
    terms = ["30 days"] * 4 + ["60 days"] * 4 + ["instalments"]
    bills = []
    for _ in range(count):
        fate = rng.choice(fates)
        past = rng.randint(-29, 0) if fate == "draft" else rng.randint(-20, 110)
        bills.append(
            Bill(
                past=past,
                fate=fate,
                term=rng.choice(terms),
                currency="USD" if fate == "open" and rng.random() < 0.1 else "EUR",
                net=Decimal(rng.randint(4000, 250000)) / 100,
                part=Decimal(rng.randint(10, 40)),
                settled=rng.randint(0, 9),
                party=rng.choice(parties),
            )
        )
    return bills
