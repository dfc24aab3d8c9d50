"""The sample ledger shows every reason, and `why` tells each in words a bookkeeper understands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from connector.cli import commands
from connector.cli.firms import configs
from connector.cli.preview import Files, preview
from connector.dunning import plan_json
from connector.dunning.explain import Explanation, explain
from connector.dunning.plan import Reason
from connector.dunning.policy_file import Policies
from connector.firm import opened
from connector.sync import Study, dry_run
from tests.sample_ledger import SITUATIONS

RUN = {"stale_data", "closed_day", "quiet_period", "cap_reached", "native_reminders"}


@dataclass(frozen=True)
class Sample:
    study: Study
    policies: Policies

    def why(self, invoice: str, line: int) -> Explanation:
        cases = [c for c in self.study.snapshot.cases if (c.number, c.line) == (invoice, line)]
        (told,) = explain(self.study.plan, self.study.snapshot, self.policies, cases)
        return told


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    (config,) = configs(None, needs_one=False)
    with (
        opened(config, {}) as firm,
        dry_run(firm, datetime.now(UTC), lambda what, done, total: None) as (study, _),
    ):
        yield Sample(study, firm.policies)


def test_every_reason_has_a_situation() -> None:
    assert set(SITUATIONS) == {str(reason) for reason in Reason} - RUN - {"settled"}


@pytest.mark.parametrize("code", sorted(SITUATIONS))
def test_each_situation_is_told_with_rule_dates_and_next_day(sample: Sample, code: str) -> None:
    told = sample.why(*SITUATIONS[code])
    (quiet,) = [quiet for quiet in told.reasons if quiet.reason == code]
    assert len(quiet.because) > 8
    text = "\n".join(told.lines())
    assert f"Silent: {code} until" in text
    assert told.policy in text
    assert "Has had:" in text
    if code != "no_due_date":
        assert re.search(r"Due on \d{4}-\d\d-\d\d", text)
    if all(quiet.until for quiet in told.reasons):
        assert told.next_on
        assert str(told.next_on) in text
    else:
        assert "until a person acts" in text


def test_the_sample_speaks_to_at_least_ten_customers(sample: Sample) -> None:
    plan = sample.study.plan
    assert len(plan.reminders) >= 10
    assert plan_json.document(plan)["sample"] is True
    assert plan.open_lines == len(sample.study.snapshot.cases)
    assert plan.today.strftime("%A") == "Friday"
    assert {r.language for r in plan.reminders} >= {"fr", "en"}
    assert any(r.credits for r in plan.reminders)
    assert any(len(r.lines) > 1 for r in plan.reminders)
    for reminder in plan.reminders:
        if reminder.channel == "email":
            assert reminder.message
            assert f"Ref. {reminder.key}" in reminder.message.text


def test_why_and_preview_run_on_the_sample_and_say_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    invoice, _ = SITUATIONS["promised"]
    assert commands.why(None, invoice, False, True) == 0
    shown = capsys.readouterr()
    assert "sample ledger" in shown.err
    assert "promise of" in shown.out
    assert preview(None, invoice, Files(), True) == 0
    assert "no message today" in capsys.readouterr().out
