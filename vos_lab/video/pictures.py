"""Single pictures from files of any kind, with errors that name the file.

What a file holds counts, not what its ending says. A PNG file is checked by its checksums, since
the decoders do not all look at them, and a damaged one would be read as another picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from vos_lab.video.png import MAX_PIXELS, SIGNATURE, verify

# Those that people have. Pillow knows others, some of which start foreign programs.
FORMATS = ("BMP", "GIF", "JPEG", "PPM", "TIFF", "WEBP")


@contextmanager
def errors_named(path: str | Path, what: str, verb: str = "as an image") -> Iterator[None]:
    """Turn whatever a decoder raises into an error for a person, which names the file.

    Args:
        path: the file.
        what: what it should be: "mask".
        verb: how it cannot be read.
    """
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such {what}") from None
    except MemoryError:
        raise ValueError(f"{path}: cannot be read {verb}: there is not enough memory") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: cannot be read {verb}: it is too large ({error})") from None
    except cv2.error:
        raise ValueError(
            f"{path}: cannot be read {verb}: it is damaged, or larger than {MAX_PIXELS:,} pixels"
        ) from None
    except Exception as error:  # each decoder has exceptions of its own
        reason = "" if "cannot identify" in str(error) else f" ({error})"
        raise ValueError(f"{path}: cannot be read {verb}{reason}") from None


def open_image(data: bytes) -> Image.Image:
    """Open a picture with Pillow, a PNG only if its checksums are right.

    Args:
        data: what is in the file.

    Raises:
        ValueError: a PNG is damaged, or larger than any reader takes.
        OSError, SyntaxError: it is no picture, or damaged.
    """
    if data[:8] == SIGNATURE:
        verify(data)
        # Not Image.open, which has an opinion of its own on how large a picture may be.
        return PngImageFile(BytesIO(data))
    return Image.open(BytesIO(data), formats=FORMATS)


def read_picture(path: Path) -> np.ndarray:
    """Read a picture: a frame of a video. It is turned as a photo's EXIF tag says.

    Args:
        path: a file of any kind that OpenCV reads.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, cut off, no picture, or larger than MAX_PIXELS.
    """
    with errors_named(path, "picture"):
        # From bytes, as OpenCV cannot open names that are not ASCII on Windows.
        data = path.read_bytes()
        if data[:8] == SIGNATURE:
            verify(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise ValueError("it is damaged, or no picture" if data else "it is empty")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def is_turned(path: Path) -> bool:
    """Whether the EXIF tag of a photo lays a standing picture down, or the other way round."""
    try:
        with Image.open(path) as image:
            return image.getexif().get(0x0112, 1) >= 5  # orientations 5 to 8 swap the sides
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
