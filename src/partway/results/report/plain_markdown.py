"""The little Markdown that partway itself writes, as HTML: headings, paragraphs and lists; all else is text."""

from __future__ import annotations

import re

from markupsafe import Markup


def to_html(text: str, *, heading: int) -> Markup:
    """Turn blocks that blank lines part into elements; what names of a study hold is never taken for markup.

    Args:
        text: headings (`## ...`), lists (`- ...`) and paragraphs.
        heading: level of the elements that headings become.
    """
    return Markup("\n").join(_block(block, heading) for block in re.split(r"\n\s*\n", text.strip()))


def _block(block: str, heading: int) -> Markup:
    if block.startswith("#"):
        return Markup("<h{0}>{1}</h{0}>").format(heading, block.lstrip("# "))
    if block.startswith("- "):
        items = re.split(r"\n- ", block.removeprefix("- "))
        return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(item) for item in items))
    return Markup("<p>{}</p>").format(block)
