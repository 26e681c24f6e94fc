"""Hooks of the documents' site: pages from elsewhere in the repository, and their links.

The documents are written to be read in the repository. Here the front page, the model card and
their kin become pages of the site, and links between documents become links between its pages;
links to files that are not on the site become plain text.
"""

import os.path
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
# Pages of the site, and where in the repository they stand.
PAGES = {
    "index.md": "README.md",
    "model-card.md": "models/README.md",
    "data.md": "models/DATA.md",
    "comparison.md": "comparison/README.md",
    "speed.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
# Markdown ends a block of HTML only at an empty line.
COMMENT = re.compile(r"^(<!--.*?-->)\n(?=\S)", re.MULTILINE)


def on_files(files, config):
    """Adds the pages that stand elsewhere."""
    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes what is written for the repository what the site needs."""
    name = page.file.src_uri
    source = PAGES.get(name, f"docs/{name}")
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: _link(found, source), part) for part in parts[::2]]
    return COMMENT.sub(r"\1\n\n", "".join(parts))


def _link(found: re.Match, source: str) -> str:
    """Returns a link as the site needs it."""
    mark, text, target = found.groups()
    if re.match(r"[a-z]+:|#", target):
        return found[0]
    path, _, anchor = target.partition("#")
    place = os.path.normpath(os.path.join(os.path.dirname(source), path))  # noqa: PTH118, PTH120
    on_site = {there: page for page, there in PAGES.items()}.get(place)
    if on_site is None and place.startswith("docs/"):
        on_site = place.removeprefix("docs/")
    if on_site is not None:
        return f"{mark}[{text}]({on_site}{'#' * bool(anchor)}{anchor})"
    if not (ROOT / place).exists():
        return found[0]  # is told as a broken link
    return text
