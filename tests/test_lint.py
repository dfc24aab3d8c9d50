"""Each rule on texts, with a text that breaks it: refused by `policy check` and before sending."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from connector.config import load as load_config
from connector.contract import Company
from connector.dunning.plan import Interest
from connector.dunning.policy_file import parse
from connector.dunning.snapshot import Rung, Stage
from connector.errors import ConfigError
from connector.firm import checked
from connector.messages.lint import VARIANTS, lint
from connector.messages.texts import PACKAGE
from connector.messages.write import Writer
from tests.test_messages import COMPANY, TODAY, line, reminder

GOOD = """subject: {{ parts.what() }} - {{ total_due|money }}

{{ greeting }}

{{ parts.owed() }}

Pourriez-vous régler cette somme{% if deadline %} avant le {{ deadline|ldate }}{% endif %} ?

{{ parts.pay() }}

{{ parts.help() }}

{{ parts.signature("Cordialement,") }}
"""
POLICY = """
name = "mine"
country = "FR"

[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"

[[step]]
name = "firm"
stage = "firm"
when = "after due"
days = 15
channel = "email"
interest = "mention"
charges = "mention"
"""


def own(folder: Path, language: str = "fr", **texts: str) -> Path:
    (folder / language).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / language / f"{name.replace('__', '.')}.md").write_text(text, encoding="utf-8")
    return folder


def told(folder: Path | None, policy: str = POLICY) -> list[str]:
    return lint(folder, (parse(policy, "mine.toml"),))


def test_a_sound_text_passes(tmp_path: Path) -> None:
    assert told(own(tmp_path, friendly=GOOD)) == []
    assert told(None) == []


LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "number": ("{{ invoices[0].due_date }} {{ total_due }}", "the number of invoice S-2026-0001"),
    "due date": ("{{ invoices[0].number }} {{ total_due }}", "the due date of invoice S-2026-0001"),
    "amount": (
        "{{ invoices[0].number }} {{ invoices[0].due_date }}",
        "the amount of invoice S-2026-0001",
    ),
}


@pytest.mark.practice("P0-26", "P2-45", "P2-73", "P3-27", "P3-28")
@pytest.mark.parametrize("what", LEFT_OUT)
@pytest.mark.parametrize("name", ["friendly", "formal_notice"])
def test_a_text_without_number_due_date_or_amount_is_refused(
    tmp_path: Path, what: str, name: str
) -> None:
    body, problem = LEFT_OUT[what]
    text = GOOD.replace("{{ parts.owed() }}", body)
    if what == "number":
        text = text.replace("{{ parts.pay() }}", "{{ company.bank_line }}")
    if what == "amount":
        text = text.replace("{{ total_due|money }}", "x")
    found = told(own(tmp_path, **{name: text}))
    assert any(problem in each and f"{name}.md: " in each for each in found)


@pytest.mark.practice("P2-73", "P4-07", "P0-27")
@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ('{{ parts.signature("Cordialement,") }}', "the seller's name is missing"),
        ("{{ parts.pay() }}", "no way to pay: print company.bank_line"),
    ],
)
def test_a_text_without_seller_or_way_to_pay_is_refused(
    tmp_path: Path, part: str, problem: str
) -> None:
    (found,) = told(own(tmp_path, friendly=GOOD.replace(part, "")))
    assert problem in found
    assert "Tried as step 'friendly' of policy 'mine', 1 invoice." in found


@pytest.mark.practice("P0-27")
def test_a_text_without_somebody_to_answer_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("{{ parts.help() }}", "").replace(
        '{{ parts.signature("Cordialement,") }}', "{{ company.name }}"
    )
    (found,) = told(own(tmp_path, friendly=text))
    assert "nobody to answer to: print contact.phone or contact.email" in found


@pytest.mark.practice("P2-27")
def test_a_subject_without_the_number_is_refused(tmp_path: Path) -> None:
    (found,) = told(
        own(tmp_path, friendly=GOOD.replace("subject: {{ parts.what() }}", "subject: x"))
    )
    assert "the subject does not name the invoice" in found


SAID = {
    "fr": ("plainte", "pénalités", "indemnité", "mise en demeure", "tribunal"),
    "en": ("police", "interest", "compensation", "formal demand", "court"),
    "de": ("Strafanzeige", "Zinsen", "Pauschale", "letzte Mahnung", "gerichtlich"),
    "nl": ("aangifte", "rente", "vergoeding", "ingebrekestelling", "rechter"),
}
ALLOWED = {  # of threat, interest, charges, formal, court: with interest claimed, and without
    Stage.FRIENDLY: ("", ""),
    Stage.FIRM: ("interest charges formal", "formal"),
    Stage.NOTICE: ("interest charges formal court", "formal court"),
}


@pytest.mark.practice("P0-18", "P0-28", "P2-25", "P2-51", "P4-28")
@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize("stage", ALLOWED)
@pytest.mark.parametrize("language", SAID)
def test_each_stage_refuses_the_words_above_it(
    tmp_path: Path, language: str, stage: Stage, claimed: bool
) -> None:
    sorts = ("threat", "interest", "charges", "formal", "court")
    words = dict(zip(sorts, SAID[language], strict=True))
    said = "{{ parts.owed() }}"
    texts = {sort: GOOD.replace(said, f"{said}\n\nA {word} b.") for sort, word in words.items()}
    writer = Writer(COMPANY, own(tmp_path, language, **texts))
    late = Interest(mode="mention", amount=None, charges=None, until=TODAY) if claimed else None
    for sort, word in words.items():
        rung = Rung(stage, 1)
        about = reminder(language=language, template=sort, rung=rung, interest=late)
        if sort in ALLOWED[stage][0 if claimed else 1].split():
            writer.message(about, TODAY)
            continue
        with pytest.raises(ConfigError) as refused:
            writer.message(about, TODAY)
        (problem,) = refused.value.problems
        assert word.split()[-1].lower() in problem.lower()
        assert "leave it out" in problem


def test_before_due_nothing_speaks_of_lateness(tmp_path: Path) -> None:
    early = """subject: {{ parts.what() }} - {{ total_due|money }}

{{ parts.one() }} {{ invoice.due_date|ldate }} {{ total_due|money }}, avant tout retard.

{{ parts.pay() }}
{{ parts.signature("Cordialement,") }}
"""
    found = told(own(tmp_path, before_due=early))
    assert "'retard' is a word of lateness, and before_due may not say it" in found[0]


def test_names_from_outside_are_no_words_of_ours() -> None:
    company = replace(COMPANY, name="Tribunal & Pénalités", address="3 rue de la Police\nParis")
    about = reminder(
        line(reference="mise en demeure"), customer_name="Plainte SA", contact_name="M. Justice"
    )
    assert "Plainte" not in Writer(company).message(about, TODAY).subject
    several = reminder(line(1), line(2), customer_name="Huissier Impayés", contact_name="Prison")
    assert "Huissier" in Writer(company).message(several, TODAY).text


@pytest.mark.practice("P2-72")
def test_more_than_one_request_is_refused(tmp_path: Path) -> None:
    twice = GOOD.replace(
        "{{ parts.help() }}", "Merci de payer aussi le reste.\n\n{{ parts.help() }}"
    )
    (found,) = told(own(tmp_path, friendly=twice))
    assert "it asks for payment 2 times" in found
    english = GOOD.replace("Pourriez-vous régler cette somme", "Could you pay this").replace(
        "{{ parts.help() }}", "Please transfer it at once."
    )
    (found,) = told(own(tmp_path / "b", "en", friendly=english))
    assert "it asks for payment 2 times" in found


@pytest.mark.practice("P3-29")
def test_a_text_too_long_is_refused(tmp_path: Path) -> None:
    def body(count: int) -> str:
        return GOOD.replace("{{ parts.help() }}", "Un mot. " * count)

    assert told(own(tmp_path, friendly=body(150))) == []
    (found,) = told(own(tmp_path, friendly=body(230)))
    assert re.search(r"it is too long: \d{4} characters, at most 1800", found)
    long_names = reminder(
        line(invoice="9" * 1700), customer_name="x " * 900, contact_name="y " * 900
    )
    assert Writer(COMPANY).message(long_names, TODAY)


@pytest.mark.parametrize(
    ("text", "where", "name"),
    [
        ("{{ invoice.nummer }}", 5, "invoice.nummer"),
        ("{% if false %}{{ foo }}{% endif %}", 5, "foo"),
        ("{% for i in invoices %}{{ i.amont }}{% endfor %}", 5, "i.amont"),
        ("{{ invoices[0].nothing }}", 5, "invoices.nothing"),
        ("{{ parts.nothing() }}", 5, "parts.nothing"),
        ("{{ late.percent }}", 5, "late.percent"),
    ],
)
def test_an_unknown_name_is_told_with_its_line_wherever_it_stands(
    tmp_path: Path, text: str, where: int, name: str
) -> None:
    folder = own(tmp_path, friendly=GOOD.replace("{{ parts.owed() }}", text))
    found = [each for each in told(folder) if "unknown to messages" in each]
    assert found == [
        f"{folder / 'fr' / 'friendly.md'}, line {where}: {name!r} is unknown to messages: "
        f"the program's own texts show what there is."
    ]


def test_unknown_names_in_subjects_parts_and_notes(tmp_path: Path) -> None:
    parts = (PACKAGE / "fr" / "_parts.md").read_text(encoding="utf-8")
    folder = own(
        tmp_path,
        friendly=GOOD.replace("subject: ", "subject: {{ nobody }} "),
        _parts=parts + "{% macro mine() %}{{ company.nome }}{% endmacro %}\n",
        _note="{{ line.number }} {{ recipient }}\n",
    )
    found = [each.partition(": ")[2] for each in told(folder) if "unknown" in each]
    assert [each.split(" ")[0] for each in sorted(found)] == [
        "'company.nome'",
        "'nobody'",
        "'recipient'",
    ]


def test_a_variant_that_nobody_is_is_refused(tmp_path: Path) -> None:
    (found,) = told(own(tmp_path, friendly__consummer=GOOD))
    assert "'consummer' is no variant; did you mean 'consumer'?" in found
    assert {"consumer", "public", "loyal", "be-consumer-first"} <= VARIANTS


def test_a_variant_is_tried_as_its_own_customer(tmp_path: Path) -> None:
    text = GOOD.replace("{{ parts.help() }}", "Le tribunal attend. {{ parts.help() }}")
    (found,) = told(own(tmp_path, friendly__loyal=text))
    assert "friendly.loyal.md: 'tribunal' is a word of court" in found
    (found,) = told(
        own(tmp_path / "b", **{"friendly__be-consumer-first": GOOD.replace("deadline", "again")})
    )
    assert "line 7" in found or "the day until which the law gives time" in found


def test_a_text_of_the_program_at_too_mild_a_stage_is_refused() -> None:
    policy = POLICY.replace('channel = "email"', 'channel = "email"\ntemplate = "firm"', 1)
    found = told(None, policy)
    assert any("'mise en demeure' is a word of the formal demand" in each for each in found)
    assert all("Tried as step 'friendly' of policy 'mine'" in each for each in found)
    harder = POLICY.replace('stage = "firm"', 'stage = "firm"\ntemplate = "friendly"')
    assert told(None, harder) == []


def test_own_phrases_are_tried_in_the_programs_texts(tmp_path: Path) -> None:
    parts = (PACKAGE / "fr" / "_parts.md").read_text(encoding="utf-8")
    folder = own(tmp_path, _parts=parts.replace("chercherons une solution", "verrons au tribunal"))
    found = told(folder)
    assert any("fr/friendly.md: 'tribunal'" in each for each in found)
    assert any("fr/firm.md: 'tribunal'" in each for each in found)
    assert not any("formal_notice.md" in each for each in found)


def test_all_problems_of_a_folder_are_told_together(tmp_path: Path) -> None:
    folder = own(
        tmp_path,
        friendly=GOOD.replace("{{ parts.pay() }}", "Plainte."),
        firm=GOOD.replace('{{ parts.signature("Cordialement,") }}', ""),
    )
    own(tmp_path, "en", friendly=GOOD.replace("parts.what()", "parts.wat()"))
    found = told(folder)
    assert {re.search(r"(\w\w/\w+\.md)", each)[1] for each in found} == {  # type: ignore[index]
        "fr/friendly.md",
        "fr/firm.md",
        "en/friendly.md",
    }
    assert sum("fr/friendly.md" in each for each in found) == 2


def _configured(folder: Path, policy: str) -> Path:
    (folder / "mine.toml").write_text(policy, encoding="utf-8")
    (folder / "texts").mkdir()
    path = folder / "config.env"
    path.write_text(
        "RELANCE_PROVIDER=files\nRELANCE_POLICY=mine.toml\nRELANCE_LANGUAGE=fr\n"
        f"RELANCE_TEMPLATES=texts\nRELANCE_FILES_FOLDER={folder}\n",
        encoding="utf-8",
    )
    return path


def test_policy_check_names_an_unknown_text_with_its_line(tmp_path: Path) -> None:
    policy = POLICY.replace('stage = "firm"', 'stage = "firm"\ntemplate = "friendli"')
    path = _configured(tmp_path, policy)
    with pytest.raises(ConfigError) as refused:
        checked(load_config(path, {}, {"files": ["FOLDER"]}), {})
    (problem,) = refused.value.problems
    at = policy.splitlines().index('template = "friendli"') + 1
    assert (
        f"mine.toml, line {at}: step.2.template: no text 'friendli'; did you mean 'friendly'?"
        in problem
    )


def test_policy_check_refuses_texts_and_policy_together(tmp_path: Path) -> None:
    path = _configured(tmp_path, POLICY)
    own(tmp_path / "texts", friendly=GOOD.replace("{{ parts.pay() }}", "Votre réputation."))
    own(tmp_path / "texts", reminder3=GOOD)
    with pytest.raises(ConfigError) as refused:
        checked(load_config(path, {}, {"files": ["FOLDER"]}), {})
    assert len(refused.value.problems) == 2
    assert all("texts/fr/friendly.md: " in problem for problem in refused.value.problems)
    own(tmp_path / "texts", friendly=GOOD)
    assert checked(load_config(path, {}, {"files": ["FOLDER"]}), {}).firm.name == "mine"


def test_a_firm_without_phone_mail_or_bank_can_still_write() -> None:
    bare = Company(
        ledger_id="x", name="Dupont", country="FR", timezone="Europe/Paris", currency="EUR"
    )
    assert "Dupont" in Writer(bare).message(reminder(), TODAY).text
