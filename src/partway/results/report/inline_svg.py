"""A figure that matplotlib drew as part of an HTML page: its colours follow the page's, its ids are its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from partway.results.dark import lifted

SPACE = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
GREY = re.compile(r"#([0-9a-f]{2})\1\1\b")  # black and white among them
COLOUR = re.compile(r"#[0-9a-f]{6}\b")
AREA = re.compile(r"^(?!.*stroke: #)(?!.*fill-opacity: 0\.[0-2])")  # but for a faint band: words may stand on it
FONT = re.compile(r"font-family:[^;]*;?\s*")
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # a label may hold them, and XML may not
PIXELS_A_POINT = 4 / 3
MORE_INK = 8  # per cent: the page's ink is not quite black, and grey words must stay legible
NARROWEST = 0.7  # of its own size: smaller, a figure is scrolled, for nobody could read its words

ElementTree.register_namespace("", SPACE[1:-1])


def inline(path: Path, prefix: str, label: str, tips: dict[str, Sequence[str]] | None = None) -> Markup:
    """Read a figure's SVG and give it as an element of a page.

    The page's text colour takes the place of black and its `--paper` that of white, greys are mixed of the two, and
    words take the page's font: so a figure is legible on light and dark. Colours of lines are lighter on dark.

    Args:
        path: of an SVG file that matplotlib wrote.
        prefix: of all ids, so that two figures on one page do not take each other's.
        label: the text alternative.
        tips: id of a line -> what to say of each of its points when the mouse is over it.
    """
    root = ElementTree.fromstring(NOT_XML.sub("", path.read_text(encoding="utf-8")))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SPACE}metadata", f"{SPACE}style"):  # the style would be that of the whole page
                parent.remove(child)
    for id_, words in (tips or {}).items():
        _tell_points(root, id_, words)
    for element in root.iter():
        _own_ids(element, prefix)
        _follow_colours(element)
    width = float(root.attrib.pop("width").removesuffix("pt")) * PIXELS_A_POINT
    del root.attrib["height"]
    root.attrib |= {"role": "img", "aria-label": label}
    root.set("style", f"max-width: {width:.0f}px; min-width: {NARROWEST * width:.0f}px")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tell_points(root: ElementTree.Element, id_: str, words: Sequence[str]) -> None:
    """Give each marker of a line a title, which browsers show when the mouse is over it."""
    for line in root.iter(f"{SPACE}g"):
        if line.get("id") == id_:
            for marker, text in zip(list(line.iter(f"{SPACE}use")), words, strict=True):
                ElementTree.SubElement(marker, f"{SPACE}title").text = text


def _own_ids(element: ElementTree.Element, prefix: str) -> None:
    for name, value in list(element.items()):
        if name == "id":
            element.set(name, f"{prefix}-{value}")
        elif name == LINK:
            del element.attrib[name]
            element.set("href", f"#{prefix}-{value.removeprefix('#')}")
        elif "url(#" in value:
            element.set(name, value.replace("url(#", f"url(#{prefix}-"))


def _follow_colours(element: ElementTree.Element) -> None:
    if style := element.get("style"):
        mixed = GREY.sub(_mixed, FONT.sub("", style))
        element.set("style", mixed if AREA.match(style) else COLOUR.sub(_on_both, mixed))


def _on_both(colour: re.Match[str]) -> str:
    """A colour, and what it is on a dark page."""
    return f"light-dark({colour[0]}, {lifted(colour[0])})"


def _mixed(grey: re.Match[str]) -> str:
    """A grey as a mixture of the page's ink and paper."""
    ink = round(100 * (1 - int(grey[1], 16) / 255))
    if ink in (0, 100):
        return "currentColor" if ink else "var(--paper)"
    return f"color-mix(in srgb, currentColor {min(100, ink + MORE_INK)}%, var(--paper))"
