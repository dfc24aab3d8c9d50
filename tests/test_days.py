"""Days are the firm's: both edges of midnight, and the nights on which the clocks change."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connector.config import Config
from connector.firm import opened
from tests.sample_ledger import FOLDER


@pytest.fixture
def firm_of(tmp_path: Path) -> Config:
    """The sample's books as an ordinary firm's: without a day of their own."""
    folder = tmp_path / "books"
    shutil.copytree(FOLDER, folder)
    company = folder / "company.csv"
    text = company.read_text(encoding="utf-8")
    company.write_text(text.replace("2026-11-20,2026-11-20T07:30:00Z", ","), encoding="utf-8")
    (folder / "history.csv").unlink()  # it has states that only a sample may have
    return Config(
        path=tmp_path / "config.env",
        provider="files",
        state=tmp_path / "config.db",
        provider_settings={"FOLDER": str(folder)},
    )


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-11-20T22:59:59", "2026-11-20"),
        ("2026-11-20T23:00:00", "2026-11-21"),  # midnight in Paris in winter
        ("2026-07-20T21:59:59", "2026-07-20"),
        ("2026-07-20T22:00:00", "2026-07-21"),  # and in summer
        ("2026-03-28T22:59:59", "2026-03-28"),  # the night the clocks go forward
        ("2026-03-28T23:00:00", "2026-03-29"),
        ("2026-03-29T21:59:59", "2026-03-29"),
        ("2026-03-29T22:00:00", "2026-03-30"),
        ("2026-10-24T21:59:59", "2026-10-24"),  # the night they go back
        ("2026-10-24T22:00:00", "2026-10-25"),
        ("2026-10-25T22:59:59", "2026-10-25"),
        ("2026-10-25T23:00:00", "2026-10-26"),
    ],
)
def test_the_day_is_counted_in_the_firms_zone(firm_of: Config, instant: str, day: str) -> None:
    with opened(firm_of, {}) as firm:
        assert str(firm.zone) == "Europe/Paris"
        now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
        assert firm.today(now) == date.fromisoformat(day)
