"""What the controls of the web page call."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.images.drawing import STYLES
from headpose.web.answers import Answer, Settings, SharedPipeline, answer_frame, answer_photo
from headpose.web.batch import Batch, answer_files

PHOTO, FILES, CAMERA = "photo", "files", "camera"  # the tabs
SAVES = {"picture": "Save picture", "csv": "Save CSV", "json": "Save JSON"}
SAVE_PICTURES = "Save pictures"  # of several files, in a ZIP file
MAX_NUMBER = 1e9  # of numbers of the controls; what a whole number of 400 digits is, no float holds


class PageCalls:
    """What the page's controls call.

    Args:
        gr: Gradio.
        pipeline: Finds the heads.
        folder: Where uploads are and answers go.
    """

    def __init__(self, gr, pipeline: SharedPipeline, folder: Path):
        self._gr = gr
        self._pipeline = pipeline
        self._folder = folder

    def show_photo(self, tab: str, upload: dict | None, *chosen) -> list:
        """Answers a photo; clears the page where there is none.

        Args:
            tab: Which one is open; what others show stays.
            upload: Gradio's description of the file.
            chosen: See `chosen_settings`.

        Returns:
            Drawing, table and what can be saved.
        """
        if tab != PHOTO:
            return [self._gr.skip()] * (2 + len(SAVES))
        if not upload:
            return self._outputs(Answer(""))
        with self._told():
            path, name = uploaded_file(upload, self._folder)
            settings = chosen_settings(*chosen)
            return self._outputs(answer_photo(self._pipeline, path, name, settings, self._folder))

    def show_files(self, tab: str, uploads: list[dict] | None, *chosen) -> Iterator[list]:
        """Answers several photos and videos, file by file.

        Args:
            tab: Which one is open.
            uploads: Gradio's descriptions of the files.
            chosen: See `chosen_settings`.

        Yields:
            Gallery, table and what can be saved.
        """
        if tab != FILES or not uploads:
            yield self._several(Batch(""))
            return
        with self._told():
            files = [uploaded_file(upload, self._folder) for upload in uploads]
            settings = chosen_settings(*chosen)
            for batch in answer_files(self._pipeline, files, settings, self._folder):
                yield self._several(batch)

    def show_frame(self, tab: str, frame: dict | None, *chosen) -> list:
        """Answers a frame of the camera with drawing and table, as Gradio sends them."""
        if tab != CAMERA or not frame:  # it was on its way when the tab was left
            return [self._gr.skip(), self._gr.skip()]
        with self._told():
            url = frame.get("url") if isinstance(frame, dict) else None
            data = url if isinstance(url, str) else ""
            drawing, table = answer_frame(self._pipeline, data, chosen_settings(*chosen))
        return [{"url": drawing}, table]

    def open(self, tab: str) -> list:
        """Returns which tab is open, its camera, what it draws into, and nothing to show yet.

        In other tabs there is no camera: one that is hidden still films.
        """
        gr, several = self._gr, tab == FILES
        drawings = [gr.Image(None, visible=not several), gr.Gallery(None, visible=several)]
        cleared = self._several(Batch(""))[1:] if several else self._outputs(Answer(""))[1:]
        return [tab, gr.Image(visible=tab == CAMERA), *drawings, *cleared]

    def _outputs(self, answer: Answer) -> list:
        files = [answer.picture, answer.csv, answer.json]
        return [
            answer.picture and str(answer.picture),
            answer.report,
            *self._saves(files, SAVES["picture"]),
        ]

    def _several(self, batch: Batch) -> list:
        shown = [(str(path), caption) for path, caption in batch.shown]
        files = [batch.pictures, batch.csv, batch.json]
        return [shown, batch.report, *self._saves(files, SAVE_PICTURES)]

    def _saves(self, files: list[Path | None], picture: str) -> list:
        names = [picture, *list(SAVES.values())[1:]]
        return [
            self._gr.DownloadButton(name, value=file and str(file), interactive=file is not None)
            for name, file in zip(names, files, strict=True)
        ]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Has the page tell a visitor what went wrong, in a line."""
        try:
            yield
        except HeadposeError as failure:
            raise self._gr.Error(str(failure), print_exception=False) from failure


def uploaded_file(upload: object, folder: Path) -> tuple[Path, str]:
    """Returns the file that a browser says it uploaded, and what its owner calls it.

    Gradio looks after that, too, but lets pass what is not marked as a file.

    Raises:
        HeadposeError: If it is any other file of this machine, or none.
    """
    told = upload if isinstance(upload, dict) else {}
    path, name = told.get("path"), told.get("orig_name") or ""
    try:
        inside = isinstance(path, str) and Path(path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # of names that no file can have
        inside = False
    if not isinstance(path, str) or not isinstance(name, str) or not inside:
        raise HeadposeError("not an uploaded file; load the photo again")
    return Path(path), name.replace("\0", "") or Path(path).name


def chosen_settings(confidence: object, style: object, hide: object, limit: object) -> Settings:
    """Reads what the page's controls say; any program may send something else.

    Raises:
        HeadposeError: If they cannot say so.
    """
    numbers = [confidence, limit] if hide else [confidence]
    right = all(isinstance(n, int | float) and -MAX_NUMBER < n < MAX_NUMBER for n in numbers)
    if not right or style not in STYLES:
        raise HeadposeError("a control of the page has a value that cannot be; choose another")
    return Settings(float(confidence), float(limit) if hide else None, str(style))  # type: ignore[arg-type]
