"""Pictures inside a page: the contact sheet of generated videos, and any other as a small JPEG."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

import cv2
import numpy as np

from partway.data.mime import contact_sheet
from partway.schema_data import MimeOptions

MOST_BYTES = 220_000  # as base64 a third more: a page stays small enough for a mail
WIDEST = 1000  # pixels; wider than any column of text
QUALITIES = (85, 75, 65, 55, 45, 35, 25)
DOUBLED_UP_TO = 128  # pixels of a video's width: larger ones need no zoom


def as_data_uri(options: MimeOptions) -> str:
    """Draw all classes of a generated data set as a JPEG of at most `MOST_BYTES`, where any quality allows that."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheet.png")
        contact_sheet(options, path, columns=6, zoom=2 if options.width <= DOUBLED_UP_TO else 1)
        return jpeg_uri(cv2.imread(str(path)))


def jpeg_uri(picture_HWC: np.ndarray, most_bytes: int = MOST_BYTES) -> str:
    """A picture (uint8, BGR) as the address of a JPEG of at most so many bytes, where any quality allows that."""
    scale = min(1.0, WIDEST / picture_HWC.shape[1])
    picture_HWC = cv2.resize(picture_HWC, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for quality in QUALITIES:
        jpeg = cv2.imencode(".jpg", picture_HWC, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= most_bytes:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
