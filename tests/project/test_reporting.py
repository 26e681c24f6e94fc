"""What the library tells goes where whoever uses it says."""

import logging

from headpose import reporting


def test_the_lines_of_a_run_are_logged_unless_somebody_shows_them(capsys, caplog, monkeypatch):
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    monkeypatch.setattr(reporting.logger, "handlers", [handler])
    monkeypatch.setattr(reporting.logger, "propagate", False)
    caplog.set_level(logging.INFO, "headpose")
    shown: list[str] = []
    before = reporting.show_announcements(None)
    try:
        reporting.announce("100 % of 5 heads")
        assert reporting.show_announcements(shown.append) is reporting._log
        reporting.announce("best model: best.keras")
    finally:
        reporting.show_announcements(before)
    assert [(r.levelname, r.getMessage()) for r in records] == [("INFO", "100 % of 5 heads")]
    assert shown == ["best model: best.keras"]
    assert capsys.readouterr() == ("", "")
