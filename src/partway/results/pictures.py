"""Pictures of attention that a study has: in its report, and away when it no longer asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = "attention"
MOST_SHOWN = 8  # in a page; all of them lie in the folder
MOST_BYTES = 90_000  # of one picture in a page


def shown(lock: dict[str, Any]) -> dict[str, Any]:
    """The first pictures of a study, as its lock names them, small enough for a page, and how many there are."""
    folder = Path(lock["results_dir"], lock["name"], FOLDER)
    asked = lock.get("pictures", {})
    drawn = [
        {"title": picture["title"], "path": f"{folder}/{place}.png", "picture": _small(folder / f"{place}.png")}
        for place, picture in list(asked.items())[:MOST_SHOWN]
    ]
    return {"drawn": drawn, "count": len(asked), "folder": str(folder)}


def _small(path: Path) -> str | None:
    """The picture inside the page; None where it is not drawn yet."""
    import cv2

    from partway.results.sheet import jpeg_uri

    picture_HWC = cv2.imread(str(path)) if path.exists() else None
    return None if picture_HWC is None else jpeg_uri(picture_HWC, MOST_BYTES)


def keep_only_pictures(places: Iterable[str], home: Path) -> None:
    """Remove the pictures of runs as they were before an edit, and the folders that this leaves empty.

    Folders of pictures that are asked for stay: a job may be about to write into them.
    """
    kept = {home / FOLDER / f"{place}.png" for place in places}
    kept |= {folder for path in kept for folder in path.parents}
    for path in sorted((home / FOLDER).rglob("*"), reverse=True):  # what lies in a folder comes before it
        if path.is_dir():
            if path not in kept and not any(path.iterdir()):
                path.rmdir()
        elif path.name.startswith("attention-") and path.suffix == ".png" and path not in kept:
            path.unlink(missing_ok=True)
