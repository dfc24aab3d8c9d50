"""The models of the stand-in for Odoo: their fields by version, and what a domain finds."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]

STAMPS = {"id": "integer", "write_date": "datetime", "create_date": "datetime"}
MODELS: Mapping[str, Mapping[str, str]] = {
    "res.users": {
        "login": "char",
        "name": "char",
        "email": "char",
        "lang": "char",
        "tz": "char",
        "company_id": "res.company",
        "company_ids": "[res.company]",
        "partner_id": "res.partner",
    },
    "res.company": {
        "name": "char",
        "partner_id": "res.partner",
        "currency_id": "res.currency",
        "email": "char",
        "phone": "char",
        "vat": "char",
        "company_registry": "char",
    },
    "res.currency": {"name": "char"},
    "res.country": {"name": "char", "code": "char"},
    "res.country.state": {"name": "char", "code": "char"},
    "res.partner.category": {"name": "char"},
    "res.partner.bank": {"partner_id": "res.partner", "acc_number": "char", "active": "boolean"},
    "res.partner": {
        "name": "char",
        "email": "char",
        "phone": "char",
        "mobile": "char",
        "lang": "char",
        "tz": "char",
        "type": "selection",
        "is_company": "boolean",
        "parent_id": "res.partner",
        "commercial_partner_id": "res.partner",
        "child_ids": "[res.partner]",
        "country_id": "res.country",
        "state_id": "res.country.state",
        "ref": "char",
        "vat": "char",
        "company_registry": "char",
        "active": "boolean",
        "contact_address": "char",
        "category_id": "[res.partner.category]",
        "user_id": "res.users",
        "customer_rank": "integer",
        "is_blacklisted": "boolean",
        "credit_limit": "float",
        "use_partner_credit_limit": "boolean",
    },
    "account.move": {
        "name": "char",
        "move_type": "selection",
        "state": "selection",
        "payment_state": "selection",
        "posted_before": "boolean",
        "partner_id": "res.partner",
        "commercial_partner_id": "res.partner",
        "invoice_date": "date",
        "invoice_date_due": "date",
        "date": "date",
        "amount_total": "monetary",
        "amount_residual": "monetary",
        "currency_id": "res.currency",
        "company_id": "res.company",
        "ref": "char",
        "payment_reference": "char",
        "reversed_entry_id": "account.move",
        "no_followup": "boolean",
        "access_token": "char",
        "invoice_pdf_report_id": "ir.attachment",
        "line_ids": "[account.move.line]",
    },
    "account.move.line": {
        "name": "char",
        "ref": "char",
        "move_id": "account.move",
        "account_type": "selection",
        "company_id": "res.company",
        "partner_id": "res.partner",
        "parent_state": "selection",
        "date": "date",
        "date_maturity": "date",
        "balance": "monetary",
        "amount_currency": "monetary",
        "amount_residual_currency": "monetary",
        "currency_id": "res.currency",
        "reconciled": "boolean",
        "payment_id": "account.payment",
        "blocked": "boolean",
        "no_followup": "boolean",
        "discount_date": "date",
        "discount_amount_currency": "monetary",
        "matched_debit_ids": "[account.partial.reconcile]",
    },
    "account.partial.reconcile": {
        "amount": "monetary",
        "debit_move_id": "account.move.line",
        "credit_move_id": "account.move.line",
        "debit_amount_currency": "monetary",
        "credit_amount_currency": "monetary",
        "max_date": "date",
    },
    "account.payment": {
        "name": "char",
        "date": "date",
        "amount": "monetary",
        "currency_id": "res.currency",
        "company_id": "res.company",
        "partner_id": "res.partner",
        "payment_type": "selection",
        "partner_type": "selection",
        "state": "selection",
        "memo": "char",
        "ref": "char",
        "invoice_ids": "[account.move]",
        "reconciled_invoice_ids": "[account.move]",
        "move_id": "account.move",
    },
    "mail.message.subtype": {"name": "char", "internal": "boolean"},
    "mail.message": {
        "model": "char",
        "res_id": "integer",
        "subject": "char",
        "body": "html",
        "date": "datetime",
        "message_type": "selection",
        "subtype_id": "mail.message.subtype",
        "has_error": "boolean",
    },
    "mail.notification": {
        "mail_message_id": "mail.message",
        "res_partner_id": "res.partner",
        "notification_type": "selection",
        "notification_status": "selection",
        "failure_type": "selection",
        "failure_reason": "text",
    },
    "mail.compose.message": {
        "composition_mode": "selection",
        "model": "char",
        "res_ids": "text",
        "subject": "char",
        "body": "html",
        "partner_ids": "[res.partner]",
        "attachment_ids": "[ir.attachment]",
        "auto_delete": "boolean",
        "auto_delete_keep_log": "boolean",
        "force_send": "boolean",
        "use_exclusion_list": "boolean",
    },
    "ir.attachment": {
        "name": "char",
        "datas": "binary",
        "mimetype": "char",
        "res_model": "char",
        "res_id": "integer",
    },
    "ir.actions.report": {"name": "char"},
    "payment.link.wizard": {"link": "char"},
}
# what came or went, by the version
SINCE = {
    ("account.move", "no_followup"): 18,
    ("account.move.line", "no_followup"): 18,
    ("account.payment", "memo"): 18,
    ("account.payment", "invoice_ids"): 18,
}
UNTIL = {
    ("res.partner", "mobile"): 18,
    ("account.move.line", "blocked"): 17,
    ("account.payment", "ref"): 17,
}


def fields_of(model: str, version: int) -> dict[str, str]:
    """The fields of a model and their kinds: a model's name is one record of it, [name] several."""
    return {
        name: kind
        for name, kind in {**STAMPS, **MODELS[model]}.items()
        if SINCE.get((model, name), 0) <= version <= UNTIL.get((model, name), 99)
    }


def empty(kind: str) -> object:
    """What stands in a field where nothing was written."""
    if kind in ("integer", "float", "monetary"):
        return 0
    return [] if kind.startswith("[") else False


Tables = Mapping[str, Mapping[int, Row]]
Test = Callable[[Row], bool]


def condition(tables: Tables, model: str, domain: list[Any]) -> Test:
    """Whether a record is in a domain, which is in Polish notation; read once for all records."""
    left = list(domain)

    def term() -> Test:
        head = left.pop(0)
        if head in ("|", "&"):
            one, other = term(), term()
            if head == "|":
                return lambda row: one(row) or other(row)
            return lambda row: one(row) and other(row)
        path, operator, wanted = head
        if operator in ("in", "not in"):
            wanted = frozenset(wanted)
        kind = (STAMPS.get(path) or MODELS[model].get(path, "")) if "." not in path else ""
        if kind and not kind.startswith("["):
            blank = empty(kind)
            return lambda row: _compare(row.get(path, blank), operator, wanted)
        return lambda row: any(
            _compare(value, operator, wanted) for value in values(tables, model, row, path)
        )

    terms: list[tuple[bool, Test]] = []
    while left:
        by_id = left[0][0] in ("id", "move_id")  # asked first: it leaves the fewest
        terms.append((not by_id, term()))
    tests = [test for _, test in sorted(terms, key=lambda pair: pair[0])]
    return lambda row: all(test(row) for test in tests)


def values(tables: Tables, model: str, row: Row, path: str) -> Iterable[object]:
    """What stands at the end of a path of fields: several where it leads through several."""
    name, _, rest = path.partition(".")
    kind = STAMPS.get(name) or MODELS[model][name]
    found = row.get(name, empty(kind))
    if not rest:
        return found if isinstance(found, list) else [found]
    target = kind.strip("[]")
    ids = found if isinstance(found, list) else [found] if found else []
    return [v for i in ids for v in values(tables, target, tables[target][i], rest)]


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    match operator:
        case "=":
            return bool(value == wanted) if wanted is not False else not value
        case "!=":
            return bool(value != wanted) if wanted is not False else bool(value)
        case "in":
            return value in wanted
        case "not in":
            return value not in wanted
        case "ilike":
            return isinstance(value, str) and wanted.lower() in value.lower()
        case ">=":
            return value is not False and bool(value >= wanted)
        case ">":
            return value is not False and bool(value > wanted)
        case "<":
            return value is not False and bool(value < wanted)
    raise TypeError(operator)
