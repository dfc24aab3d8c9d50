"""Messages say the right thing in both versions, whatever the customer is called."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connector.contract import Company, reference_of, trace_of
from connector.dunning import plan_json
from connector.dunning.plan import AlsoOpen, Interest, Netted, Plan, Reminder, ReminderLine
from connector.dunning.snapshot import Channel, Rung, Stage
from connector.errors import BadRecord, ConfigError
from connector.messages.lint import STANDARD
from connector.messages.values import clean, file_name, masked, web_address
from connector.messages.write import Writer

TODAY = date(2026, 11, 20)
KEY = "0123456789abcdef0123"
EUROS = "1\u202f234,56\u00a0€"
TEMPLATES = ("before_due", "friendly", "firm")
SAID = "{{ invoice.number }} {{ invoice.due_date }} {{ invoice.balance }} {{ parts.pay() }} {{ parts.signature('') }}"
AMOUNT = re.compile(r"-?\d[\d\u202f]*,\d\d\u00a0€")
COMPANY = Company(
    ledger_id="files:1",
    name="Menuiserie Dupont",
    country="FR",
    timezone="Europe/Paris",
    currency="EUR",
    legal_id="SIREN 812 345 678",
    address="3 rue des Lilas\n75011 Paris",
    bank_line="IBAN FR76 3000 6000 0112 3456 7890 189",
    contact_name="Claire Dupont",
    email="compta@dupont.example",
    phone="01 23 45 67 89",
)


def line(n: int = 1, **changes: object) -> ReminderLine:
    facts: dict[str, object] = {
        "key": f"{n:020x}",
        "invoice": f"F-2026-{n:04d}",
        "invoice_id": f"i{n}",
        "line_id": "",
        "line": 1,
        "issued_on": date(2026, 9, 1),
        "due_on": date(2026, 11, 1),
        "days_past_due": 19,
        "amount": 123456,
        "balance": 123456,
        "net": 123456,
        "step": "friendly",
        "rung": Rung(Stage.FRIENDLY, 1),
    }
    return ReminderLine(**(facts | changes))  # type: ignore[arg-type]


def reminder(*lines: ReminderLine, **changes: object) -> Reminder:
    lines = lines or (line(),)
    template = str(changes.get("template", "friendly"))
    netted: tuple[Netted, ...] = changes.get("credits", ())  # type: ignore[assignment]
    facts: dict[str, object] = {
        "key": KEY,
        "customer_id": "c1",
        "customer_name": "Client & Fils",
        "policy": "standard-b2b",
        "step": "friendly",
        "rung": Rung(STANDARD.get(template, Stage.FRIENDLY), 1),
        "channel": Channel.EMAIL,
        "route": "smtp",
        "to": ("alice@example.com",),
        "language": "fr",
        "country": "FR",
        "template": "friendly",
        "currency": "EUR",
        "claim": sum(each.balance for each in lines) - sum(each.amount for each in netted),
        "lines": lines,
    }
    return Reminder(**(facts | changes))  # type: ignore[arg-type]


def plan(*reminders: Reminder) -> Plan:
    return Plan(
        today=TODAY,
        ledger_id="files:1",
        mode="auto",
        sample=False,
        read_at=None,
        payments_read_at=None,
        reminders=reminders,
        silences=(),
    )


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(COMPANY)


class Seen(HTMLParser):
    """Every tag with its attributes in order, and the text of the body."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.words: list[str] = []
        self._in_body = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_body = self._in_body or tag == "body"
        self.tags.append((tag, tuple(attrs)))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", ((data, None),)))

    def handle_data(self, data: str) -> None:
        if self._in_body:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", "".join(self.words))

    def links(self) -> list[str | None]:
        return [dict(attrs)["href"] for tag, attrs in self.tags if tag == "a"]


def folder(tmp_path: Path, **files: str) -> Path:
    """A firm's own French templates."""
    (tmp_path / "fr").mkdir()
    for name, text in files.items():
        (tmp_path / "fr" / f"{name}.md").write_text(text, encoding="utf-8")
    return tmp_path


def whole(text: str) -> str:
    """The text without its line ends, every space a plain one."""
    return " ".join(text.split())


def test_one_french_invoice(writer: Writer) -> None:
    message = writer.message(reminder(), TODAY)
    text = whole(message.text.replace("\u202f", "~").replace("\u00a0", "_"))
    assert message.subject == (
        "Rappel : facture F-2026-0001 - 1 234,56 € - échue le 1er novembre 2026 - Menuiserie Dupont"
    )
    assert (
        "Sauf erreur de notre part, la facture F-2026-0001 du 1er septembre 2026, échue le "
        "1er novembre 2026 (depuis 19_jours), présente encore un solde de 1~234,56_€." in text
    )
    assert message.text.startswith("Bonjour Madame, Monsieur,\n\n")
    assert "IBAN FR76 3000 6000 0112 3456 7890 189\n" in message.text
    assert "SIREN 812 345 678" in message.text
    assert "Claire Dupont" in message.text
    assert message.text.endswith(f"\nRef. {KEY}\n")
    assert (message.to, message.invoice_ids) == (("alice@example.com",), ("i1",))
    assert (message.language, message.reference, message.attachments) == ("fr", KEY, ())


def test_one_english_invoice(writer: Writer) -> None:
    message = writer.message(
        reminder(language="en", country="GB", contact_name="Jo Smith", currency="GBP"), TODAY
    )
    assert message.subject == (
        "Reminder: invoice F-2026-0001 - £1,234.56 - due 1 November 2026 - Menuiserie Dupont"
    )
    assert message.text.startswith("Dear Jo Smith,\n\n")
    assert "due on 1 November 2026 (19 days ago), still has £1,234.56 to pay" in whole(message.text)


def test_american_amounts_and_dates(writer: Writer) -> None:
    message = writer.message(reminder(language="en", country="US", currency="USD"), TODAY)
    assert "$1,234.56" in message.text
    assert "November 1, 2026" in message.text


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "123\u202f456\u00a0JPY"), ("TND", "123,456\u00a0DT")]
)
def test_currencies_of_other_precision_are_exact(writer: Writer, currency: str, shown: str) -> None:
    text = writer.message(reminder(currency=currency), TODAY).text
    assert shown.split("\u00a0")[0] in text


def test_a_country_without_the_language_falls_back_to_the_sellers(writer: Writer) -> None:
    assert EUROS in writer.message(reminder(country="DE"), TODAY).text


def test_the_table_is_aligned_and_ends_in_the_claim(writer: Writer) -> None:
    about = reminder(
        line(1), line(2, balance=8000, amount=8000), credits=(Netted(document="A-7", amount=5000),)
    )
    text = writer.message(about, TODAY).text.replace("\u202f", " ").replace("\u00a0", " ")
    table = text[text.index("Facture  ") : text.index("Pourriez-vous")].strip().split("\n")
    assert table == [
        "Facture      Émise le    Échéance    Retard (j)    Reste dû",
        "-----------------------------------------------------------",
        "F-2026-0001  01/09/2026  01/11/2026          19  1 234,56 €",
        "F-2026-0002  01/09/2026  01/11/2026          19     80,00 €",
        "À déduire : A-7                                    -50,00 €",
        "-----------------------------------------------------------",
        "Total                                            1 264,56 €",
    ]


def test_numbers_too_long_for_the_table_become_blocks(writer: Writer) -> None:
    lines = (line(1, invoice="N" * 60), line(2, invoice="M" * 200))
    message = writer.message(reminder(*lines), TODAY)
    assert max(map(len, message.text.splitlines())) <= 80
    assert "N" * 60 in message.text
    assert f"    Reste dû: {EUROS}" in message.text


def test_an_instalment_is_named_and_what_was_paid_is_said(writer: Writer) -> None:
    part = line(2, line=2, amount=200000, balance=120000, total=600000)
    text = whole(writer.message(reminder(part), TODAY).text)
    assert "l'échéance 2 de la facture F-2026-0002" in text
    assert "800,00 € sur 2 000,00 €." in text
    several = whole(writer.message(reminder(line(1), part, language="en"), TODAY).text)
    assert "F-2026-0002 (part 2)" in several
    first = replace(part, line=1)
    assert "(échéance 1)" in writer.message(reminder(first), TODAY).subject
    whole_invoice = line(1, total=123456)
    assert "échéance 1" not in writer.message(reminder(whole_invoice), TODAY).text


def test_credits_on_a_single_invoice_are_shown_and_lower_the_claim(writer: Writer) -> None:
    about = reminder(template="firm", credits=(Netted(document="A-2026-0007", amount=23456),))
    message = writer.message(about, TODAY)
    for text in (message.text, Seen(message.html).text):
        assert "A-2026-0007" in text
        assert "-234,56\u00a0€" in text
        assert "1\u202f000,00\u00a0€" in text
    assert "1 000,00 €" in message.subject


def test_figures_that_contradict_each_other_never_go_out(writer: Writer) -> None:
    with pytest.raises(ValueError, match="do not make the claim of 999"):
        writer.message(reminder(claim=999), TODAY)


def test_also_open_is_apart_and_not_in_the_total(writer: Writer) -> None:
    also = (AlsoOpen(invoice="F-2026-0051", due_on=date(2026, 11, 18), balance=8000),)
    message = writer.message(reminder(line(1), line(2), also_open=also), TODAY)
    before, _, after = whole(message.text).partition("rien à faire aujourd'hui")
    assert "F-2026-0051" not in before
    assert "ne sont pas demandés par ce message" in after
    assert "F-2026-0051, échéance du 18 novembre 2026 : 80,00 €" in after
    assert "2 469,12 €" in message.subject


def test_nobody_is_late_before_the_due_date(writer: Writer) -> None:
    early = [line(n, due_on=date(2026, 11, 27), days_past_due=-7) for n in (1, 2)]
    for lines in (early[:1], early):
        message = writer.message(reminder(*lines, template="before_due"), TODAY)
        assert not re.search(r"retard|échue|jours|pénalité|relance", message.text + message.subject)
        assert "27 novembre 2026" in whole(message.text) or "27/11/2026" in message.text


def test_interest_is_told_in_firm_only_and_only_when_the_caller_says_so(writer: Writer) -> None:
    def text(
        template: str, language: str, interest: Interest | None, charges: str = "mention"
    ) -> str:
        asked = line(charges=charges, interest="mention")
        about = reminder(asked, template=template, language=language, interest=interest)
        return whole(writer.message(about, TODAY).text)

    words = re.compile(r"pénalité|indemnité|interest|compensation")
    mention = Interest(mode="mention", amount=1240, charges=4000, until=TODAY)
    unknown = Interest(mode="claim", amount=None, charges=None, until=TODAY)
    claim = Interest(mode="claim", amount=1240, charges=4000, until=TODAY)
    for language in ("fr", "en"):
        assert not words.search(text("friendly", language, claim))
        assert not words.search(text("firm", language, None))
        assert not words.search(text("firm", language, replace(mention, mode="off")))
    assert "prévoient des pénalités et une indemnité forfaitaire" in text("firm", "fr", mention)
    assert "Ce message ne les réclame pas." in text("firm", "fr", mention)
    assert "12,40" not in text("firm", "fr", mention)
    assert "s'ajoutent" not in text("firm", "fr", unknown)
    assert "12,40 € de pénalités et 40,00 € d'indemnité" in text("firm", "fr", claim)
    assert "12,40 € of interest and 40,00 € of compensation" in text("firm", "en", claim)
    no_sum = replace(mention, charges=None)
    assert "indemnité" not in text("firm", "fr", no_sum, charges="off")


def test_firm_names_the_earlier_message_only_when_there_was_one(writer: Writer) -> None:
    had = line(had_on=(date(2026, 11, 4), date(2026, 10, 25)))
    assert "écrit le 25 octobre 2026 et le 4 novembre 2026" in whole(
        writer.message(reminder(had, template="firm"), TODAY).text
    )
    assert "écrit" not in writer.message(reminder(template="firm"), TODAY).text


def test_the_pay_link_is_the_only_link(writer: Writer) -> None:
    address = "https://pay.example/i?id=1&k=a_b*c"
    message = writer.message(
        reminder(line(pay_link=address, payment_reference="+++123/4567+++")), TODAY
    )
    assert f"Paiement en ligne\u00a0: {address}\n" in message.text
    assert "Référence à rappeler\u00a0: +++123/4567+++\n" in message.text
    assert Seen(message.html).links() == [address]
    several = writer.message(reminder(line(1), line(2, pay_link=address)), TODAY)
    assert Seen(several.html).links() == [address]


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "https://", "http://a b", "//x", 'https://x/"><b>'],
)
def test_a_pay_link_that_is_no_web_address_is_left_out(writer: Writer, address: str) -> None:
    message = writer.message(reminder(line(pay_link=address)), TODAY)
    assert web_address(address) == ""
    assert "en ligne" not in message.text
    assert not Seen(message.html).links()


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](http://evil.example)",
    "![x](http://evil.example/p.png)",
    "<http://evil.example>",
    "http://evil.example www.evil.example",
    "| a | b |",
    "a\\|b",
    "**bold** _it_ `code` ~~no~~",
    "# title",
    "1. one",
    "- item",
    "> quote",
    "    four spaces",
    "---",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "x\r\nBcc: everyone@example.com\r\n\r\n<b>",
    "\u202egnp.exe\u2066",
    "{{ 7 * 7 }} {% raw %}",
    "]]>--><!--",
    '" onload="x',
    "Ref. ffffffffffffffffffff relance/1 M=hold L=* U= A= D=2026-01-01 I=x",
    "\x00\x07\x1b[31mred",
    "x\ud800",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("several", [False, True])
def test_hostile_names_harm_neither_version(writer: Writer, name: str, several: bool) -> None:
    def message(text: str) -> tuple[str, str, str]:
        lines = [line(1, invoice=text, reference=text, payment_reference="R" + text)]
        lines += [line(2, line=2, reference=text)] if several else []
        about = reminder(
            *lines,
            template="firm",
            customer_name=text,
            contact_name=text,
            credits=(Netted(document=text, amount=100),) if several else (),
            also_open=(AlsoOpen(invoice=text, due_on=TODAY, balance=100),),
        )
        made = writer.message(about, TODAY)
        return made.subject, made.text, made.html

    subject, text, html = message(name)
    _, _, harmless = message("Martin")
    assert Seen(html).tags == Seen(harmless).tags
    assert clean(name) in Seen(html).text
    assert re.sub(r"\s+", "", clean(name)) in re.sub(r"\s+", "", text)
    assert len(subject) <= 120
    assert "\n" not in subject
    for part in (subject, text, html):
        assert not re.search(
            "[\u0000-\u0009\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069\ud800]", part
        )
        assert not re.search(r"^Bcc:", part, re.MULTILINE)
        assert "49" not in part or "49" in harmless
        assert trace_of(part, "i1") is None
    assert reference_of(text) == reference_of(html) == KEY


def test_a_company_is_outside_text_too() -> None:
    evil = replace(COMPANY, name="<b>A</b>", contact_name="[x](http://e)", bank_line="| a |\n<i>")
    seen = Seen(Writer(evil).message(reminder(), TODAY).html)
    plain = replace(COMPANY, name="A", contact_name="B", bank_line="C")
    assert seen.tags == Seen(Writer(plain).message(reminder(), TODAY).html).tags


def test_nothing_is_loaded_from_elsewhere(writer: Writer) -> None:
    html = writer.message(reminder(line(1), line(2)), TODAY).html
    assert not re.search(r"https?:|src=|url\(|@import|<img|<link", html)
    assert "prefers-color-scheme: dark" in html
    assert '<html lang="fr">' in html


def test_a_bare_company_leaves_no_holes() -> None:
    bare = Writer(
        Company(ledger_id="x", name="Dupont", country="FR", timezone="Europe/Paris", currency="EUR")
    )
    for language in ("fr", "en"):
        for template in TEMPLATES:
            text = bare.message(reminder(language=language, template=template), TODAY).text
            assert text.endswith(f"\nDupont\n\nDupont\nRef. {KEY}\n")
            assert not re.search(r"None|\(\)| – $|\n\n\n", text)


def test_attachments_have_one_safe_name_each() -> None:
    writer = Writer(COMPANY, pdf=True)
    lines = (
        line(1, invoice="F/2026/1"),
        line(2, invoice="F-2026-1"),
        line(3, invoice="../../etc/passwd"),
        line(4, invoice="№ é"),
        replace(line(1, invoice="F/2026/1"), line=2),
    )
    message = writer.message(reminder(*lines), TODAY)
    assert [(each.name, each.invoice_id) for each in message.attachments] == [
        ("F-2026-1.pdf", "i1"),
        ("F-2026-1-2.pdf", "i2"),
        ("etc-passwd.pdf", "i3"),
        ("invoice.pdf", "i4"),
    ]
    assert message.invoice_ids == ("i1", "i2", "i3", "i4")
    assert file_name("x" * 300) == "x" * 80


def test_write_fills_the_emails_and_leaves_the_rest(writer: Writer) -> None:
    mail, call = reminder(), reminder(channel=Channel.CALL, template="")
    written = writer.write(plan(mail, call))
    assert written.reminders[0].message == writer.message(mail, TODAY)
    assert written.reminders[1] == call
    assert plan_json.document(written)["reminders"][0]["subject"].startswith("Rappel")


def test_the_firms_own_template_wins(tmp_path: Path) -> None:
    own = folder(
        tmp_path,
        friendly="subject: {{ invoice.number }}, un mot, {{ customer.name }}\n\n**{{ invoice.number }}** du {{ invoice.due_date|ldate }} :\n"
        "{{ invoice.balance }} & <u>{{ customer.name ~ ' *x*' }}</u>\n\n- {{ numbers|join(' + ') }}\n\n{{ parts.pay() }}\n{{ parts.signature('') }}\n",
        thanks="subject: Merci\n\nMerci\n",
    )
    writer = Writer(COMPANY, own)
    assert ("thanks", "fr") in writer.templates
    message = writer.message(reminder(customer_name="A *B* & [c](d)"), TODAY)
    assert message.subject == "F-2026-0001, un mot, A *B* & [c](d)"
    assert f"{EUROS} & <u>A *B* & [c](d) *x*</u>" in message.text
    assert "<strong>F-2026-0001</strong>" in message.html
    assert "&lt;u&gt;A *B* &amp; [c](d) <em>x</em>&lt;/u&gt;" in message.html
    assert "subject: Rappel" not in message.text
    english = writer.message(reminder(language="en"), TODAY)
    assert english.subject.startswith("Reminder")


def test_a_firms_filters_and_pictures_let_nothing_through(tmp_path: Path) -> None:
    body = (
        "{{ customer.name|upper }} {{ customer.name[0:40] }} {{ customer.name|replace('a', 'b') }}\n"
        "{% autoescape false %}{{ customer.name }}{% endautoescape %}\n"
        "{{ '%s'|format(customer.name) }} {{ [customer.name, 'b']|join(' ') }}\n\n"
        "![logo](https://firm.example/logo.png) <img src=x>\n\n{{ parts.lines() }}\n"
        "{{ parts.pay() }}\n{{ parts.signature('') }}\n"
    )
    writer = Writer(
        COMPANY, folder(tmp_path, friendly=f"subject: {{{{ invoice.number }}}}\n\n{body}")
    )
    tags = [tag for tag, _ in Seen(writer.message(reminder(), TODAY).html).tags]
    evil = reminder(customer_name="<a href=http://e>x</a> [x](http://e) **b**")
    seen = Seen(writer.message(evil, TODAY).html)
    assert [tag for tag, _ in seen.tags] == tags
    assert "img" not in tags
    assert seen.links() == ["https://firm.example/logo.png"]


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("Bonjour\n\nx", "line 1", "no subject"),
        ("subject:\n\nx", "line 1", "no subject"),
        ("subject: a\nBonjour", "line 2", "must be empty"),
        ("subject: a\n\nx\n{% if %}", "line 4", "Expected an expression"),
        ("subject: {{ a b }}\n\nx", "line 1", "expected token"),
        ("subject: a\n\n{{ x|safe }}", "line 3", "No filter named 'safe'"),
    ],
)
def test_a_broken_file_is_refused_at_once(
    tmp_path: Path, text: str, where: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        Writer(COMPANY, folder(tmp_path, friendly=text))
    (told,) = refused.value.problems
    assert f"{tmp_path / 'fr' / 'friendly.md'}, {where}: " in told
    assert problem in told


def test_all_broken_files_are_told_together(tmp_path: Path) -> None:
    own = folder(tmp_path, friendly="no", firm="subject: a\n\n{{", notes="subject: ok\n\nfine")
    (own / "fr" / "latin.md").write_bytes("subject: é".encode("latin-1"))
    with pytest.raises(ConfigError) as refused:
        Writer(COMPANY, own)
    assert len(refused.value.problems) == 3
    assert any("cannot be read as UTF-8" in problem for problem in refused.value.problems)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"RELANCE_TEMPLATES: .* is not a folder"):
        Writer(COMPANY, tmp_path / "missing")


@pytest.mark.parametrize(
    ("body", "line_number", "problem"),
    [
        ("a\n{{ invoice.nummer }}", 4, "no attribute 'nummer'"),
        ("{{ foo }}", 3, "'foo' is undefined"),
        ("\n\n{{ deadline }}", 5, "empty"),
        ("{{ deadline|ldate }}", 3, "None is no date"),
        ("{{ ''.__class__.__mro__ }}", 3, "unsafe"),
        ("{{ parts.nothing() }}", 3, "no attribute 'nothing'"),
        ("{% include 'fr/../../x.md' %}", 3, "x.md"),
    ],
)
def test_a_template_that_cannot_be_filled_names_file_and_line(
    tmp_path: Path, body: str, line_number: int, problem: str
) -> None:
    writer = Writer(COMPANY, folder(tmp_path, friendly=f"subject: a\n\n{body}\n"))
    with pytest.raises(ConfigError) as refused:
        writer.message(reminder(), TODAY)
    told = str(refused.value)
    assert told.startswith(f"{tmp_path / 'fr' / 'friendly.md'}, line {line_number}: ")
    assert problem in told


def test_write_tells_each_problem_once(tmp_path: Path) -> None:
    writer = Writer(COMPANY, folder(tmp_path, friendly="subject: a\n\n{{ foo }}\n"))
    with pytest.raises(ConfigError) as refused:
        writer.write(plan(reminder(), reminder(), reminder(language="it")))
    assert len(refused.value.problems) == 2


def test_a_template_for_one_invoice_is_refused_for_several(tmp_path: Path) -> None:
    body = (
        "{{ invoices[0].number }} {{ invoices[0].due_date }} {{ invoices[0].balance }} "
        "{{ total_due }} {{ parts.pay() }} {{ parts.signature('') }}"
    )
    own = folder(tmp_path, friendly=f"subject: {{{{ invoices[0].number }}}}\n\n{body}\n")
    writer = Writer(COMPANY, own)
    writer.message(reminder(), TODAY)
    with pytest.raises(ConfigError, match="the number of invoice F-2026-0002 is missing"):
        writer.message(reminder(line(1), line(2)), TODAY)


def test_a_reference_of_another_hand_is_refused(tmp_path: Path) -> None:
    body = "Ref. {{ invoice.order_ref }} " + SAID
    own = folder(tmp_path, friendly=f"subject: {{{{ invoice.number }}}}\n\n{body}\n")
    writer = Writer(COMPANY, own)
    with pytest.raises(ConfigError, match="kept for the reference"):
        writer.message(reminder(line(reference="1" * 20)), TODAY)


def test_an_invoice_without_a_number_is_a_bad_record(writer: Writer) -> None:
    with pytest.raises(BadRecord, match="invoice i1: number: is empty"):
        writer.message(reminder(line(invoice="\u202e")), TODAY)


def test_a_language_without_a_text_is_told(writer: Writer) -> None:
    with pytest.raises(ConfigError, match=r"no text it/friendly\.md for step 'friendly'"):
        writer.message(reminder(language="it"), TODAY)


def test_a_long_subject_is_cut_at_120(writer: Writer) -> None:
    subject = (
        Writer(replace(COMPANY, name="Établissements " * 20)).message(reminder(), TODAY).subject
    )
    assert len(subject) == 120
    assert subject.startswith("Rappel : facture F-2026-0001 - 1 234,56 €")
    assert subject.endswith("…")


def test_a_note_says_what_went_where(writer: Writer) -> None:
    about = reminder(template="firm", to=("alice@example.com", "bob@example.org"), language="en")
    note = writer.note(about, line(step="second", line=2), TODAY, "fr")
    assert re.sub("version [0-9a-f]{8}", "version …", note) == (
        "Courriel du 20 novembre 2026, étape «\u00a0second\u00a0», à a***@example.com, b***@example.org.\n"
        "Facture F-2026-0001 (échéance 2), échéance du 1er novembre 2026, reste dû 1 234,56 €.\n"
        "Modèle : firm (en), version …."
    ).replace("\u00a0", " ")
    assert "alice" not in note
    assert "Letter of 20 November 2026" in writer.note(
        replace(about, channel=Channel.LETTER), line(), TODAY, "it"
    )


def test_a_call_sheet_says_what_a_caller_needs(writer: Writer) -> None:
    about = reminder(
        line(1, had_on=(date(2026, 11, 4), date(2026, 11, 12))),
        line(2),
        channel=Channel.CALL,
        contact_name="Camille Martin",
        credits=(Netted(document="A-7", amount=5000),),
        also_open=(AlsoOpen(invoice="F-51", due_on=TODAY, balance=8000),),
    )
    sheet = writer.note(about, about.lines[0], TODAY, "fr")
    for told in (
        "Client & Fils, demander Camille Martin",
        "Montant dû : 2 419,12 €",
        "écrit le 4 novembre 2026, 12 novembre 2026",
        "rien n'a été envoyé",
        "A-7, -50,00 €",
        "F-51",
    ):
        assert told in sheet
    assert "To do" in writer.note(replace(about, channel=Channel.TASK), about.lines[0], TODAY, "en")


def test_masked_addresses() -> None:
    assert masked("alice@example.com") == "a***@example.com"
    assert masked("no address") == "***"
    assert masked("@example.com") == "***@example.com"
