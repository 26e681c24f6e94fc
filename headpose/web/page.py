"""The web page to try the pipeline: its layout and what its controls do, in Gradio."""

import functools
from pathlib import Path

from headpose.cli.pipeline_options import SIGNS
from headpose.images.drawing import STYLES
from headpose.images.pictures import sample_portrait
from headpose.web.answers import PHOTOS_AT_ONCE, Settings, SharedPipeline
from headpose.web.batch import LONGEST_VIDEO, MAX_FILES
from headpose.web.calls import CAMERA, FILES, PHOTO, SAVES, PageCalls
from headpose.web.server import load_gradio

KEPT = 3600  # seconds that photos and answers are kept
SWEEP = 300  # seconds between looks for what is older
CAMERAS_AT_ONCE = 8
FRAME_EVERY = 0.1  # seconds at least between frames of a camera
FRAME_WIDTH, FRAME_HEIGHT = 640, 480  # asked of cameras; heads are searched at 512 anyway
IN_HEIGHT = 340  # pixels of the page
ANGLES_DRAWING = Path(__file__).with_name("angles.jpg")  # by docs/draw_angles.py
LIMIT, LARGEST_LIMIT = 20, 60  # degrees: where the slider stands first, and ends

TITLE = "Head pose"
INTRODUCTION = f"""# Head pose
Finds human heads in photos and videos and says where each one is turned, in degrees. {SIGNS}"""
FIGURES = """
- **tilt**: + is up, 0 is level
- **pan**: + is turned toward the image's left, 0 toward the camera
- **roll**: + leans clockwise, 0 is upright
- **azimuth**: the nose points toward the image's left (+) or right (−), beyond ±90 away from
  the camera
- **elevation**: the nose points up (+) or down (−)
- **expected_error**: the error in degrees that the estimator expects of its own angles; the
  smaller, the surer
- **score**: of the detector, from 0 to 1
- **box**: left, top – right, bottom, in pixels
- of several files, **heads**: in photos how many, in videos followed heads, each counted once;
  **tilt**, **pan** and **expected_error**: their means; **facing**: the share of heads whose nose
  points within 15 degrees of the camera; **frames**: of a video, and **with a head** the share
  of them that shows one

The numbers in the picture are the rows (#). The *arrow* is the nose seen from the camera:
orange where it points toward the camera, a ring where straight at it, and blue with a cross
where away; the fan around it is the expected error. Grey heads with a question mark are
unsure. Of the *axes*, orange goes from ear to ear, green up, and blue along the nose; the
*cube* has an orange face."""
PRIVACY = """Photos stay on the computer that serves this page, for about an hour; what the live
camera sees is not kept."""
SEVERAL = f"""Up to {MAX_FILES} files at a time; of a video the first {LONGEST_VIDEO:.0f} seconds.
Heads of videos keep a number from frame to frame. What is saved has a row for each head."""
LIVE = """*Record* begins; nothing is recorded. Browsers give a camera only to pages of their
own computer (localhost) or over https."""
# On a wide screen what is put in stands left of what comes out; on a phone it all stands
# in a row, with the options last.
CSS = """
.gradio-container { max-width: 1240px !important; margin: 0 auto !important; }
#layout { display: grid; gap: 1rem; grid-template: "input output" auto "options output" 1fr
          / minmax(0, 2fr) minmax(0, 3fr); }
#input { grid-area: input; } #options { grid-area: options; } #output { grid-area: output; }
#input, #options, #output { min-width: 0 !important; }
@media (max-width: 820px) {
  #layout { grid-template: "input" "output" "options" / minmax(0, 1fr); }
  #input .tab-container button { padding: 0 0.6rem; font-size: 0.875rem; }  /* all three in sight */
  #gallery .grid-container { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
#annotated .image-frame img { max-height: 75vh; }
#report, #report .html-container { padding: 0; }
.heads { overflow-x: auto; }
.heads table { border-collapse: collapse; width: 100%; font-size: 0.8125rem;
               font-variant-numeric: tabular-nums; }
.heads caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
.heads th, .heads td { padding: 0.3rem 0.35rem; text-align: right; white-space: nowrap;
                       border-bottom: 1px solid var(--border-color-primary); }
.heads tbody th { font-weight: 400; }
.heads th:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.heads.files th:first-child { min-width: 7rem; max-width: 15rem; }
.note { margin: 0; padding: 0.7rem 1rem; border-radius: var(--radius-md);
        background: var(--background-fill-secondary); }
.note.error { background: var(--error-background-fill); color: var(--error-text-color); }
.small p { font-size: 0.875rem; opacity: 0.75; }
"""


def build_page(pipeline: SharedPipeline, settings: Settings, folder: Path):
    """Lays the page out.

    Args:
        pipeline: Finds the heads.
        settings: What the page begins with.
        folder: Gradio's own for uploads (`GRADIO_TEMP_DIR`), to which answers go, too.

    Returns:
        A `gradio.Blocks`.
    """
    gr = load_gradio()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEEP, KEPT)) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row(elem_id="layout"):
            with gr.Column(elem_id="input"), gr.Tabs():
                with gr.Tab("Photo") as photo_tab:
                    photo = _photo(gr)
                with gr.Tab("Several, videos") as files_tab:
                    files, start = _files(gr)
                with gr.Tab("Live camera") as camera_tab:
                    camera = _camera(gr)
            with gr.Column(elem_id="options"):
                chosen = _options(gr, settings, pipeline.tells_error)
            with gr.Column(elem_id="output"):
                drawing, gallery, told, *saves = _answers(gr)
                shown = [drawing, told, *saves]
        with gr.Accordion("What the figures mean", open=False):
            gr.Image(
                str(ANGLES_DRAWING),
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                elem_id="help",
            )
            gr.Markdown(FIGURES)
        gr.Markdown(PRIVACY, elem_classes="small")

        tab = gr.State(PHOTO)  # which one is open
        calls = PageCalls(gr, pipeline, folder)
        own = {"api_visibility": "private"}
        # Files and numbers go as they come: Gradio would read pictures its own way.
        as_sent = own | {"preprocess": False}
        photos = as_sent | {"concurrency_id": "photos", "concurrency_limit": PHOTOS_AT_ONCE}
        cameras = as_sent | {"concurrency_id": "cameras", "concurrency_limit": CAMERAS_AT_ONCE}
        asked = [tab, photo, *chosen]
        gr.on(
            [one.change for one in (photo, *chosen)],
            calls.show_photo,
            asked,
            shown,
            trigger_mode="always_last",  # while a slider moves
            show_progress="minimal",
            **photos,
        )
        camera.stream(
            calls.show_frame,
            [tab, camera, *chosen],
            [drawing, told],
            postprocess=False,
            stream_every=FRAME_EVERY,
            show_progress="hidden",
            **cameras,
        )
        start.click(
            calls.show_files,
            [tab, files, *chosen],
            [gallery, told, *saves],
            show_progress="minimal",
            **photos,
        )
        opened = [tab, camera, drawing, gallery, told, *saves]
        camera_tab.select(functools.partial(calls.open, CAMERA), None, opened, **own)
        files_tab.select(functools.partial(calls.open, FILES), None, opened, **own)
        back = photo_tab.select(functools.partial(calls.open, PHOTO), None, opened, **own)
        back.then(calls.show_photo, asked, shown, **photos)
    return page


def _photo(gr):
    photo = gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        # Pictures are answered as the camera sees them.
        webcam_options=gr.WebcamOptions(mirror=False),
        show_label=False,
        height=IN_HEIGHT,
        elem_id="photo",
    )
    example = str(sample_portrait())
    # Not gr.Examples, whose handler ends in a traceback for whatever it did not send itself.
    chosen = gr.Dataset(components=[photo], samples=[[example]], label="Example")
    chosen.click(lambda _: example, chosen, photo, preprocess=False, api_visibility="private")
    return photo


def _files(gr) -> tuple:
    files = gr.File(
        file_count="multiple",
        file_types=["image", "video"],
        show_label=False,
        height=IN_HEIGHT,
        elem_id="files",
    )
    start = gr.Button("Find heads", variant="primary", elem_id="start")
    gr.Markdown(SEVERAL, elem_classes="small")
    return files, start


def _camera(gr):
    size = {"width": {"ideal": FRAME_WIDTH}, "height": {"ideal": FRAME_HEIGHT}}
    camera = gr.Image(
        sources=["webcam"],
        streaming=True,
        webcam_options=gr.WebcamOptions(mirror=False, constraints={"video": size}),
        show_label=False,
        height=IN_HEIGHT,
        elem_id="camera",
    )
    gr.Markdown(LIVE, elem_classes="small")
    return camera


def _options(gr, settings: Settings, tells_error: bool) -> list:
    """Makes what `chosen_settings` reads."""
    confidence = gr.Slider(
        0,
        1,
        settings.confidence,
        step=0.01,
        label="Confidence",
        info="What scores more is taken for a head.",
        elem_id="confidence",
    )
    draw = gr.Radio(list(STYLES), value=settings.style, label="Drawing", elem_id="draw")
    hide = gr.Checkbox(
        settings.limit is not None,
        label="Leave out uncertain angles",
        visible=tells_error,
        elem_id="hide",
    )
    limit = gr.Slider(
        0,
        max(LARGEST_LIMIT, settings.limit or 0),
        LIMIT if settings.limit is None else settings.limit,
        step=1,
        label="Greatest expected error, degrees",
        visible=tells_error and settings.limit is not None,
        elem_id="limit",
    )
    hide.change(lambda on: gr.Slider(visible=on), hide, limit, api_visibility="private")
    return [confidence, draw, hide, limit]


def _answers(gr) -> list:
    """Makes the drawing, a gallery of several, the table, and a button for each of `SAVES`."""
    drawing = gr.Image(
        show_label=False, interactive=False, buttons=["fullscreen"], elem_id="annotated"
    )
    gallery = gr.Gallery(
        show_label=False,
        interactive=False,
        visible=False,
        columns=3,
        object_fit="contain",  # heads at the sides are seen, too
        elem_id="gallery",
    )
    with gr.Row():
        saves = [
            gr.DownloadButton(
                label, interactive=False, size="sm", min_width=80, elem_id=f"save-{name}"
            )
            for name, label in SAVES.items()
        ]
    return [drawing, gallery, gr.HTML(apply_default_css=False, elem_id="report"), *saves]
