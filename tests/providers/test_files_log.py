"""relance-log.csv: notes kept beside the files, read back as traces, never torn and never lost."""

import dataclasses
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from connector.contract import Receipt, Trace
from connector.errors import ConfigError, Transient
from connector.receivables.capabilities import Notes, Traces
from providers.files import SPEC
from providers.files import log as log_file
from tests.providers.folder import AT, folder, opened

NOTE = Trace(
    invoice_id="F-1",
    on=date(2026, 11, 20),
    line_key="a" * 20,
    reminder_key="b" * 20,
    stage="friendly",
    installation="1234",
)


def test_a_note_comes_back_as_a_trace(tmp_path: Path) -> None:
    path = folder(tmp_path)
    provider = opened(path)
    before = sorted(path.iterdir())
    assert provider.probe().note == Notes.INVOICE
    assert list(provider.traces(["F-1"])) == []
    assert sorted(path.iterdir()) == before  # looking writes nothing

    text = NOTE.text() + '\nRelance: "première" ligne;\nseconde, ligne\n'
    promise = Trace(invoice_id="F-1", on=NOTE.on, mark="promised", until=date(2026, 12, 1))
    assert provider.note("F-1", text, key="k1") == Receipt(id="k1")
    assert provider.note("F-1", text, key="k1") == Receipt(id="k1")
    provider.note("F-1", promise.text(), key="k2")
    provider.note("F-2", dataclasses.replace(NOTE, invoice_id="F-2").text(), key="k1")
    assert list(opened(path).traces(["F-1", "nothing"])) == [NOTE, promise]
    assert [trace.invoice_id for trace in opened(path).traces(["F-1", "F-2"])] == [
        "F-1",
        "F-1",
        "F-2",
    ]
    entries = list(log_file.Log(path).entries())
    assert (len(entries), entries[0].text) == (3, text)
    stamp = AT.isoformat().replace("+00:00", "Z")
    assert f'"{stamp}","F-1","note","k1"'.encode() in (path / log_file.NAME).read_bytes()
    assert provider.probe() == dataclasses.replace(SPEC.can, customer_balance=False)


def test_a_log_cut_off_anywhere_is_closed_and_keeps_what_it_names(tmp_path: Path) -> None:
    path = folder(tmp_path)
    log = path / log_file.NAME
    provider = opened(path)
    provider.note("F-1", NOTE.text(), key="k1")
    begun = log.read_bytes().index(b'"relance/1') - 1
    provider.note("F-2", NOTE.text() + '\nsaid "yes"', key="k2")
    two = log.read_bytes()
    for end in range(len(two)):
        log.write_bytes(two[:end])
        writer = opened(path)
        writer.note("F-1", NOTE.text(), key="k3")
        found = [entry.key for entry in log_file.Log(path).entries()]
        assert found[-1] == "k3", end
        assert ("k1" in found) == (end > begun), end
        assert NOTE in list(opened(path).traces(["F-1"]))
        writer.note("F-1", NOTE.text(), key="k1")
        kept = [
            e.text for e in log_file.Log(path).entries() if (e.invoice_id, e.key) == ("F-1", "k1")
        ]
        assert NOTE.text() in kept, end


def test_two_processes_append_without_losing_a_row(tmp_path: Path) -> None:
    path = folder(tmp_path)
    code = (
        "import sys; from pathlib import Path; from tests.providers.folder import opened\n"
        "who, provider = sys.argv[1], opened(Path(sys.argv[2]))\n"
        "for n in range(40): provider.note('F-1', 'a\\nb', key=f'{who}{n}')\n"
        "provider.note('F-1', 'both', key='shared')"
    )
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen([*command, who, str(path)]) for who in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    keys = [entry.key for entry in log_file.Log(path).entries()]
    wanted = [f"{who}{n}" for who in "ab" for n in range(40)] + ["shared"]
    assert sorted(keys) == sorted(wanted)


def test_a_log_held_by_another_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "PATIENCE", 0.05)
    one, other = log_file.Log(folder(tmp_path)), opened(tmp_path)
    with one._lock, pytest.raises(Transient, match="held by another program"):
        other.note("F-1", NOTE.text(), key="k")
    assert not one.exists


def test_a_folder_that_cannot_be_written_to_keeps_no_notes(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / log_file.NAME).mkdir()
    can = opened(path).probe()
    assert (can.note, can.traces, can.idempotency) == (Notes.NONE, Traces.SOME, False)


@pytest.mark.parametrize(
    ("content", "told_why"),
    [("a,b\n1,2\n", "line 1: other columns"), ("\n", "line 1: other columns")],
)
def test_a_log_that_is_none_stops_everything(tmp_path: Path, content: str, told_why: str) -> None:
    path = folder(tmp_path)
    (path / log_file.NAME).write_text(content)
    with pytest.raises(ConfigError, match=told_why):
        list(opened(path).traces(["F-1"]))
    with pytest.raises(ConfigError, match=r"Restore it, for it tells what was sent\."):
        opened(path).note("F-1", NOTE.text(), key="k")
    assert (path / log_file.NAME).read_text() == content


def test_a_log_saved_again_by_a_spreadsheet_is_read_and_written_on(tmp_path: Path) -> None:
    path = folder(tmp_path)
    saved = f"\ufeffat;invoice;kind;key;text\r\n;F-1;note;k1;{NOTE.text()}"
    (path / log_file.NAME).write_text(saved, encoding="utf-8")
    provider = opened(path)
    provider.note("F-1", NOTE.text(), key="k1")
    provider.note("F-1", NOTE.text(), key="k2")
    assert list(opened(path).traces(["F-1"])) == [NOTE, NOTE]
