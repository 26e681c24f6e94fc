"""What tests do with the web page in a browser."""

from pathlib import Path

from web_fakes import rows_of


def upload(page, path) -> None:
    page.set_input_files("#photo input[type=file]", str(path))


def download_of(page, what: str, told: str) -> Path:
    """Downloads by a button; what is offered has this in its name."""
    with page.expect_download() as download:
        page.click(f"#save-{what}")
    assert told in download.value.suggested_filename
    return Path(download.value.path())


def saved(page, what: str) -> Path:
    return download_of(page, what, "-heads.")


def shown_rows(page) -> list[dict]:
    return rows_of(page.inner_html("#report"))


def set_confidence(page, value: str) -> None:
    page.fill("#confidence input[type=number]", value)
    page.keyboard.press("Tab")
