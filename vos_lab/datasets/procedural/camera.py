"""What a camera does to a picture: focus, shutter, exposure, white balance, noise, JPEG.

A drawn frame is what a perfect camera would see. Real ones blur, grow noisy in the dark, are
sharpened by the phone that took them, and are stored with loss. All of it changes the look of a
picture and not where things are, so masks and flow stay true. The order is that of light on its
way: lens, sensor, processing, file.

    filmed(image, rng)       a picture as some camera would have taken it: to train on
    filmed_clip(frames, rng) the same camera for a whole clip; exposure and white balance drift
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Camera:
    """A camera and its settings while one frame is taken. As it stands it changes nothing.

    Attributes:
        defocus: radius of the disc that a point becomes, in pixels.
        shake: how far (x, y) the picture moves while the shutter is open, in pixels.
        vignette: how much light is missing in the corners, 0 to 1.
        exposure: stops; +1 is twice the light.
        warmth: white balance; above 0 redder, below 0 bluer, 0.1 is 10 % more red.
        contrast: of the tone curve; above 0 steeper in the middle, below 0 flatter.
        saturation: 0 grey, 1 as it is.
        noise: about its standard deviation in the middle tones, in grey levels.
        sharpening: how much of the difference to a blurred picture is added.
        compression: 0 stored as it is, 1 JPEG of the poorest quality that is looked at.
    """

    defocus: float = 0.0
    shake: tuple[float, float] = (0.0, 0.0)
    vignette: float = 0.0
    exposure: float = 0.0
    warmth: float = 0.0
    contrast: float = 0.0
    saturation: float = 1.0
    noise: float = 0.0
    sharpening: float = 0.0
    compression: float = 0.0

    @staticmethod
    def random(rng: Rng, strength: float = 1.0) -> "Camera":
        """Some camera: most have a few faults, some none.

        Args:
            rng: where the randomness comes from.
            strength: 0 is a perfect camera, 1 anything between a good one and a poor one.

        Returns:
            The camera.
        """

        def fault(chance: float, low: float, high: float) -> float:
            size = float(rng.uniform(low, high))
            return strength * size if rng.random() < chance else 0.0

        angle = rng.uniform(0, np.pi)
        length = fault(0.25, 1.0, 9.0)
        return Camera(
            defocus=fault(0.4, 0.5, 2.2),
            shake=(length * float(np.cos(angle)), length * float(np.sin(angle))),
            vignette=fault(0.4, 0.05, 0.4),
            exposure=fault(0.7, -0.6, 0.5),
            warmth=fault(0.8, -0.15, 0.15),
            contrast=fault(0.7, -0.4, 0.6),
            saturation=1 + fault(0.7, -0.6, 0.3),
            noise=fault(0.6, 0.5, 3.0) ** 2,
            sharpening=fault(0.5, 0.2, 1.2),
            compression=fault(0.7, 0.2, 1.0),
        )

    def later(self, t: float, strength: float, phases: np.ndarray) -> "Camera":
        """The same camera t frames on: the automatic has changed exposure and white balance.

        Args:
            t: frames, parts of one are possible.
            strength: 0 to 1, how far they drift.
            phases: four numbers, radians: where each of the slow waves begins.

        Returns:
            The camera.
        """
        a, b, c, d = phases
        # An automatic hunts: a slow drift, and on top of it a correction that overshoots.
        stops = 0.6 * np.sin(2 * np.pi * t / 67 + a) + 0.25 * np.sin(2 * np.pi * t / 19 + b)
        warmer = 0.1 * np.sin(2 * np.pi * t / 83 + c) + 0.03 * np.sin(2 * np.pi * t / 31 + d)
        return replace(
            self,
            exposure=self.exposure + strength * float(stops),
            warmth=self.warmth + strength * float(warmer),
        )


def shoot(image: np.ndarray, camera: Camera, rng: Rng) -> np.ndarray:
    """A picture as a camera takes it.

    Args:
        image: ``(H, W, 3)`` uint8, as a perfect camera would see it.
        camera: the camera.
        rng: where the noise comes from.

    Returns:
        ``(H, W, 3)`` uint8, a new array.

    Example:
        >>> image = np.full((32, 48, 3), 128, np.uint8)
        >>> bool((shoot(image, Camera(), np.random.default_rng(0)) == image).all())
        True
        >>> int(shoot(image, Camera(exposure=1), np.random.default_rng(0)).mean())
        175
    """
    seen: np.ndarray = _tones(_lens(image, camera), camera)
    if camera.noise > 0:
        seen = np.clip(seen + _noise(seen, camera.noise, rng), 0, 255)
    if camera.sharpening > 0:
        seen = seen + camera.sharpening * (seen - cv2.GaussianBlur(seen, (0, 0), 1.0))
    stored = np.rint(np.clip(seen, 0, 255)).astype(np.uint8)
    return _jpeg(stored, camera.compression) if camera.compression > 0 else stored


def filmed(image: np.ndarray, rng: Rng, strength: float = 1.0) -> np.ndarray:
    """A picture as some camera would have taken it: an augmentation of drawn pictures.

    Args:
        image: ``(H, W, 3)`` uint8.
        rng: chooses the camera, and makes its noise.
        strength: see :meth:`Camera.random`.

    Returns:
        ``(H, W, 3)`` uint8, a new array.
    """
    return shoot(image, Camera.random(rng, strength), rng)


def filmed_clip(frames: Sequence[np.ndarray], rng: Rng, strength: float = 1.0) -> list[np.ndarray]:
    """Frames that follow one another, as one camera would have taken them.

    Args:
        frames: ``(H, W, 3)`` uint8 each.
        rng: chooses the camera, and makes its noise.
        strength: see :meth:`Camera.random`; how far exposure and white balance drift as well.

    Returns:
        New frames.
    """
    camera = Camera.random(rng, strength)
    phases, drift = rng.uniform(0, 2 * np.pi, 4), strength * rng.uniform(0, 1)
    return [shoot(each, camera.later(t, drift, phases), rng) for t, each in enumerate(frames)]


# --- the way of the light -------------------------------------------------------------------------


def _lens(image: np.ndarray, camera: Camera) -> np.ndarray:
    """What falls on the sensor: float32, 0 to 255."""
    if camera.defocus > 0:
        image = cv2.filter2D(image, -1, disc(camera.defocus), borderType=cv2.BORDER_REFLECT_101)
    if max(map(abs, camera.shake)) > 0.5:
        image = cv2.filter2D(image, -1, _line(*camera.shake), borderType=cv2.BORDER_REFLECT_101)
    light = image.astype(np.float32)
    if camera.vignette > 0:
        height, width = image.shape[:2]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        light *= (1 - camera.vignette * ((x * x + y * y) / 2) ** 1.5)[..., None]
    return light


def disc(radius: float) -> np.ndarray:
    """``(n, n)`` float32 with sum 1: what becomes of a point that is out of focus."""
    reach = int(np.ceil(radius + 0.5))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def _line(dx: float, dy: float) -> np.ndarray:
    """``(n, n)`` float32 with sum 1: what becomes of a point that moves by (dx, dy)."""
    reach = int(np.ceil(max(abs(dx), abs(dy)) / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    sixteenth = 4  # cv2 takes fixed-point coordinates with this many binary digits
    start, stop = (
        (round(16 * (reach + side * dx / 2)), round(16 * (reach + side * dy / 2)))
        for side in (-1, 1)
    )
    cv2.line(kernel, start, stop, 1.0, 1, cv2.LINE_AA, sixteenth)
    if kernel.sum() == 0:
        kernel[reach, reach] = 1
    return kernel / kernel.sum()


def _tones(image: np.ndarray, camera: Camera) -> np.ndarray:
    """Exposure, white balance, tone curve and saturation."""
    if camera.exposure == camera.warmth == camera.contrast == 0 and camera.saturation == 1:
        return image
    # Values are about the 2.2nd root of light.
    gain = 2.0 ** (camera.exposure / 2.2) * (1 + camera.warmth * np.array([1.0, 0.0, -1.0]))
    values = image * (gain / 255).astype(np.float32)
    if camera.exposure > 0:  # a highlight does not break off, it rolls off
        values = np.where(values > 0.8, 1 - 0.2 * np.exp(-5 * np.maximum(values - 0.8, 0)), values)
    values = np.clip(values, 0, 1)
    if camera.contrast != 0:
        values += camera.contrast * values * (1 - values) * (2 * values - 1)
    if camera.saturation != 1:
        grey = cv2.cvtColor(values.astype(np.float32), cv2.COLOR_RGB2GRAY)[..., None]
        values = grey + camera.saturation * (values - grey)
    return (np.clip(values, 0, 1) * 255).astype(np.float32)


def _noise(image: np.ndarray, strength: float, rng: Rng) -> np.ndarray:
    """Noise of the sensor: that of counted photons and of reading, in grains of a pixel or two."""
    height, width = image.shape[:2]
    grey = rng.standard_normal((height, width, 1), np.float32)
    # Colour is measured at every other pixel only, and guessed between: its noise is in blots.
    few = rng.standard_normal(((height + 2) // 3, (width + 2) // 3, 3), np.float32)
    blots = cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(grey, (0, 0), 0.6)[..., None]
    grains = 0.5 * grey + 0.9 * fine + 0.7 * blots
    # The tone curve lifts the dark, and the noise with it; what is black stays black.
    level = image / 255
    return strength * grains * (1.5 - 0.9 * level) * np.sqrt(np.clip(4 * level, 0.15, 1))


def _jpeg(image: np.ndarray, compression: float) -> np.ndarray:
    """Stored with loss, and read again."""
    quality = round(95 - 75 * min(compression, 1.0))
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB))
