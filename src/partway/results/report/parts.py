"""The scripts of the report: parts of others, at pinned versions with their licences, and partway's own."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

HERE = Path(__file__).parent
TEMPLATES, VENDOR = HERE / "templates", HERE / "vendor"
OWN = ("tables.js", "figures.js", "runs.js")
LOOK = ("page.css", "tables.css", "run_details.css", "print.css")


@dataclass(frozen=True)
class Script:
    """A script of the page and the expression that lets a browser run it, and it alone."""

    text: Markup
    source: str

    @classmethod
    def read(cls, path: Path) -> Script:
        """Take a file of this package as it is."""
        text = path.read_text(encoding="utf-8")
        return cls(Markup(text), f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")


def scripts() -> list[Script]:
    """All scripts in the order in which they run."""
    return [
        Script.read(path)
        for path in (*(VENDOR / part["file"] for part in listed()), *(TEMPLATES / name for name in OWN))
    ]


def look() -> Markup:
    """The style of the page."""
    return Markup("\n").join(Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in LOOK)


def listed() -> list[dict[str, Any]]:
    """Name, version, licence, file and digest of each part of others."""
    return json.loads((VENDOR / "parts.json").read_text(encoding="utf-8"))


def with_licences() -> list[dict[str, Any]]:
    """The same, each with the text of its licence."""
    return [part | {"licence_text": (VENDOR / part["licence_file"]).read_text(encoding="utf-8")} for part in listed()]
