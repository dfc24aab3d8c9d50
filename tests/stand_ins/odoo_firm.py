"""The books of a firm in the stand-in for Odoo: who owes, what was invoiced, what was paid."""

from datetime import date
from typing import Any

from tests.stand_ins.odoo import COMMENT, NOTE, OdooServer

COMPANY = 1
CURRENCIES = {"EUR": 126, "USD": 1, "JPY": 25}
COUNTRIES = {"FR": 75, "US": 233}
LANGUAGES = {"fr": "fr_FR", "en": "en_US"}


def furnish(odoo: OdooServer) -> None:
    """The firm itself, its user and what every database has."""
    for code, number in CURRENCIES.items():
        odoo.add("res.currency", id=number, name=code)
    for code, number in COUNTRIES.items():
        odoo.add("res.country", id=number, name=code.lower(), code=code)
    odoo.add("mail.message.subtype", id=COMMENT, name="Discussions", internal=False)
    odoo.add("mail.message.subtype", id=NOTE, name="Note", internal=True)
    odoo.add("res.users", id=2, name="Administrator", company_ids=[COMPANY])
    odoo.add(
        "res.users",
        id=odoo.uid,
        name="Sync Robot",
        login=odoo.user,
        email="sync@demo.example",
        lang="fr_FR",
        tz="Europe/Paris",
        company_id=COMPANY,
        company_ids=[COMPANY],
    )
    partner = odoo.add(
        "res.partner",
        name="Atelier Démo SARL",
        is_company=True,
        country_id=COUNTRIES["FR"],
        active=True,
        contact_address="\n12 rue du Lac\n\n69002 LYON\nFrance",
    )
    odoo.change("res.partner", partner, commercial_partner_id=partner)
    odoo.add(
        "res.company",
        id=COMPANY,
        name="Atelier Démo SARL",
        partner_id=partner,
        currency_id=CURRENCIES["EUR"],
        email="compta@demo.example",
        phone="+33 4 00 00 00 00",
        vat="FR23334175221",
    )
    odoo.add("res.partner.bank", partner_id=partner, acc_number="FR76 1234", active=True)


def partner(odoo: OdooServer, name: str, **given: Any) -> int:
    """A company that was invoiced once; with `parent_id` one of its contacts."""
    values = {"is_company": True, "active": True, "lang": "fr_FR", "type": "contact"} | given
    values.setdefault("country_id", COUNTRIES["FR"])
    values.setdefault("customer_rank", 0 if values.get("parent_id") else 1)
    number = odoo.add("res.partner", name=name, **values)
    owner = values.get("parent_id") or number
    odoo.tables["res.partner"][number]["commercial_partner_id"] = owner
    return number


def contact(odoo: OdooServer, parent: int, email: object, **given: Any) -> int:
    values = {"name": "Comptabilité", "type": "invoice", "is_company": False} | given
    name = values.pop("name")
    return partner(odoo, name, parent_id=parent, email=email, **values)


def document(
    odoo: OdooServer,
    owner: int,
    *dues: tuple[date | None, float],
    name: object,
    move_type: str = "out_invoice",
    currency: str = "EUR",
    on: date = date(2026, 10, 1),
    **given: Any,
) -> int:
    """A posted invoice (or credit note) with its due lines."""
    total = sum(amount for _, amount in dues)
    values = {
        "state": "posted",
        "payment_state": "not_paid",
        "posted_before": True,
        "company_id": COMPANY,
        "partner_id": owner,
        "commercial_partner_id": owner,
        "invoice_date": str(on),
        "date": str(on),
        "invoice_date_due": str(max((d for d, _ in dues if d), default="")) or False,
        "currency_id": CURRENCIES[currency],
        "amount_total": total,
        "amount_residual": total,
        "payment_reference": name,
    } | given
    number = odoo.add("account.move", name=name, move_type=move_type, **values)
    sign = -1 if move_type == "out_refund" else 1
    lines = [
        odoo.add(
            "account.move.line",
            name=name,
            move_id=number,
            account_type="asset_receivable",
            company_id=COMPANY,
            partner_id=owner,
            parent_state=values["state"],
            date=str(on),
            date_maturity=str(due) if due else False,
            balance=sign * amount,
            amount_currency=sign * amount,
            amount_residual_currency=sign * amount,
            currency_id=CURRENCIES[currency],
            reconciled=False,
        )
        for due, amount in dues
    ]
    odoo.tables["account.move"][number]["line_ids"] = lines
    return number


def money(
    odoo: OdooServer, owner: int, amount: float, on: date = date(2026, 10, 5), **given: Any
) -> int:
    """A bank line on the customer's account, set against nothing; the id of its credit line."""
    state = given.pop("state", "posted")
    move = odoo.add(
        "account.move",
        name=f"BNK1/{len(odoo.tables['account.move'])}",
        move_type="entry",
        state=state,
        company_id=COMPANY,
        date=str(on),
    )
    line = odoo.add(
        "account.move.line",
        move_id=move,
        account_type="asset_receivable",
        company_id=COMPANY,
        partner_id=owner,
        parent_state=state,
        date=str(on),
        balance=-amount,
        amount_currency=-amount,
        amount_residual_currency=-amount,
        currency_id=CURRENCIES["EUR"],
        reconciled=False,
        **given,
    )
    odoo.tables["account.move"][move]["line_ids"] = [line]
    return line


def match(odoo: OdooServer, debit: int, credit: int, amount: float) -> int:
    """A part of a credit line set against a due line; the invoice and both lines are restated."""
    partial = odoo.add(
        "account.partial.reconcile",
        debit_move_id=debit,
        credit_move_id=credit,
        amount=amount,
        debit_amount_currency=amount,
        credit_amount_currency=amount,
    )
    lines = odoo.tables["account.move.line"]
    for number, moved in ((debit, -amount), (credit, amount)):
        left = round(lines[number]["amount_residual_currency"] + moved, 2)
        odoo.change("account.move.line", number, amount_residual_currency=left, reconciled=not left)
        restate(odoo, lines[number]["move_id"])
    lines[credit].setdefault("matched_debit_ids", []).append(partial)
    return partial


def restate(odoo: OdooServer, move: int) -> None:
    """What is left to pay of a document, as its lines say."""
    row = odoo.get("account.move", move)
    if row["move_type"] == "entry":
        return
    lines = [odoo.get("account.move.line", number) for number in row["line_ids"]]
    left = round(abs(sum(line["amount_residual_currency"] for line in lines)), 2)
    state = "paid" if not left else "partial" if left < row["amount_total"] else "not_paid"
    odoo.change("account.move", move, amount_residual=left, payment_state=state)


def pay(odoo: OdooServer, invoice: int, amount: float | None = None, **given: Any) -> int:
    """Money that pays an invoice, its first due line first; the id of the credit line."""
    row = odoo.get("account.move", invoice)
    left = row["amount_residual"] if amount is None else amount
    credit = money(odoo, row["commercial_partner_id"], left, **given)
    for number in row["line_ids"]:
        line = odoo.get("account.move.line", number)
        part = min(left, line["amount_residual_currency"])
        if part > 0:
            match(odoo, number, credit, part)
            left = round(left - part, 2)
    return credit
