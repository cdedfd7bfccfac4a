"""Where the motion that one sees is not the motion that there is.

Optical flow is *perceived* motion. In these videos the true motion is known, and no method that
looks at the pictures alone can find it.
"""

from collections.abc import Callable

import numpy as np

from vos_lab.video import Lazy, Video


def aperture(
    speed: float = 1.5,
    stripes: float = 45.0,
    dots: bool = False,
    frames: int = 24,
    height: int = 160,
    seed: int = 0,
) -> Video:
    """A striped sheet moves to the right behind a round hole: which way does it seem to go?

    Along the stripes nothing changes, so only the motion across them can be seen. That is shorter
    than the true one, and has another direction: it is ``speed * cos(stripes)`` long.

    Args:
        speed: true motion of the sheet, to the right, pixels per frame.
        stripes: direction across the stripes, degrees: 0 is right, 90 is down.
        dots: put dots on the sheet, too, which give the true motion away.
        frames: how many.
        height: and width, in pixels.
        seed: of the dots and of the wall around the hole.

    Returns:
        A video; object 1 is the hole; the flow is that of the sheet in the hole, 0 on the wall.

    Raises:
        ValueError: fewer than 1 frame, or a height below 32.

    Example:
        >>> video = aperture(speed=2)
        >>> video.flow[0][80, 80].tolist()
        [2.0, 0.0]
    """
    _check(frames, height)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :height].astype(np.float64)
    radius, centre = 0.38 * height, (height - 1) / 2
    distance = np.hypot(x - centre, y - centre)
    hole = distance < radius
    # The edge of the hole is soft over one pixel; stairs would look like motion.
    open_ = np.clip(radius - distance + 0.5, 0, 1)
    wall = 110 + 12 * _smooth_noise(rng, x, y, wavelength=height / 8)
    angle, wavelength = np.radians(stripes), height / 10
    # As many dots in every frame: they begin as far to the left as the sheet will move.
    spots = rng.uniform(0, 1, (60, 2)) * [height + speed * frames, height]
    spots[:, 0] -= speed * frames

    def frame(t: int) -> np.ndarray:
        u, v = x - speed * t, y
        across = u * np.cos(angle) + v * np.sin(angle)
        sheet = 130 + 90 * np.sin(2 * np.pi * across / wavelength)
        if dots:
            for spot_x, spot_y in spots:
                bump = np.exp(-((u - spot_x) ** 2 + (v - spot_y) ** 2) / (0.02 * height) ** 2 / 2)
                sheet = sheet * (1 - bump) + 20 * bump
        return _grey(open_ * sheet + (1 - open_) * wall)

    flow = np.zeros((height, height, 2), np.float32)
    flow[hole, 0] = speed
    return _video("aperture", frame, hole, flow, frames)


def barber_pole(turn: float = 4.0, frames: int = 24, height: int = 240, seed: int = 0) -> Video:
    """A striped pole turns about its axis, and its stripes seem to climb.

    Every point of the pole moves sideways, and not at all up or down.

    Args:
        turn: degrees per frame; above 0 the front moves to the right.
        frames: how many.
        height: of the image, in pixels; the width is two thirds of it.
        seed: of the wall behind, and of where the stripes begin.

    Returns:
        A video; object 1 is the pole; the flow is that of its surface, 0 on the wall.

    Raises:
        ValueError: fewer than 1 frame, or a height below 32.

    Example:
        >>> video = barber_pole()
        >>> bool(np.abs(video.flow[0][..., 1]).max() == 0), bool(video.flow[0][..., 0].max() > 2)
        (True, True)
    """
    _check(frames, height)
    rng = np.random.default_rng(seed)
    width = 2 * height // 3
    y, x = np.mgrid[:height, :width].astype(np.float64)
    radius = 0.3 * width
    across = (x - (width - 1) / 2) / radius
    pole = np.abs(across) < 1
    # Where on the pole is this pixel? Its angle around the axis, 0 in front.
    around = np.arcsin(np.clip(across, -1, 1))
    wall = 150 + 20 * _smooth_noise(rng, x, y, wavelength=height / 6)
    begin, rotation = rng.uniform(0, 2 * np.pi), np.radians(turn)
    colours = np.array([[235, 235, 235], [190, 40, 40], [235, 235, 235], [40, 70, 170]], np.float64)

    def frame(t: int) -> np.ndarray:
        # The stripes go round twice as one goes once around: four bands for each half.
        phase = 2 * (around - rotation * t) - y / height * 12 * np.pi / 2 + begin
        band = phase / (np.pi / 2) % 4
        edge = np.clip((band % 1 - 0.5) * 8 + 0.5, 0, 1)[..., None]
        low = band.astype(int)
        paint = (1 - edge) * colours[low] + edge * colours[(low + 1) % 4]
        shade = 0.35 + 0.65 * np.cos(around)[..., None]
        picture = np.where(pole[..., None], paint * shade, wall[..., None])
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)

    flow = np.zeros((height, width, 2), np.float32)
    flow[pole, 0] = radius * (np.sin(around[pole] + rotation) - np.sin(around[pole]))
    return _video("barber pole", frame, pole, flow, frames)


def spinning_sphere(
    textured: bool = False,
    spinning: bool = True,
    moving_light: bool = False,
    turn: float = 3.0,
    frames: int = 24,
    height: int = 200,
    seed: int = 0,
) -> Video:
    """A ball that spins (Horn and Schunck, 1981, Section 2): does one see it?

    Without texture a spinning ball looks the same all the time: true motion, none perceived. A ball
    at rest under a light that moves is the contrary: motion perceived, none true.

    Args:
        textured: spots on the ball, which move with it.
        spinning: whether the ball spins, about an axis that leans a little.
        moving_light: whether the light goes round the ball.
        turn: degrees per frame.
        frames: how many.
        height: and width, in pixels.
        seed: of the spots and of the wall behind.

    Returns:
        A video; object 1 is the ball; the flow is that of its surface, 0 on the wall.

    Raises:
        ValueError: fewer than 1 frame, or a height below 32.

    Example:
        >>> ball = spinning_sphere(textured=False)
        >>> bool((ball.frames[0] == ball.frames[1]).all()), bool(ball.flow[0].max() > 2)
        (True, True)
    """
    _check(frames, height)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :height].astype(np.float64)
    radius, centre = 0.36 * height, (height - 1) / 2
    right, down = (x - centre) / radius, (y - centre) / radius
    distance = np.hypot(right, down)
    ball = distance < 1
    towards = np.sqrt(np.clip(1 - distance**2, 0, 1))
    surface = np.stack([right, down, towards], axis=-1)  # (H, W, 3), unit vectors on the ball
    wall = 150 + 20 * _smooth_noise(rng, x, y, wavelength=height / 6)
    cover = np.clip((1 - distance) * radius + 0.5, 0, 1)
    axis = np.array([-0.25, 0.95, -0.2]) / np.linalg.norm([-0.25, 0.95, -0.2])
    step = np.radians(turn) if spinning else 0.0
    waves = rng.normal(0, 7, (12, 3))
    phases = rng.uniform(0, 2 * np.pi, 12)

    def frame(t: int) -> np.ndarray:
        # Turned back by t steps, each point finds its own spot of the texture.
        texture = np.zeros(x.shape)
        if textured:
            texture = np.cos((surface @ _rotation(axis, -step * t).T) @ waves.T + phases).sum(-1)
        angle = np.radians(turn) * t if moving_light else 0.0
        light = np.array([0.6 * np.sin(angle - 0.6), -0.5, 0.0])
        light[2] = np.sqrt(1 - (light**2).sum())
        shade = 0.25 + 0.75 * np.clip(surface @ light, 0, None)
        painted = (170 + 30 * np.clip(texture, -2.5, 2.5)) * shade
        return _grey(cover * painted + (1 - cover) * wall)

    flow = np.zeros((height, height, 2), np.float32)
    flow[ball] = radius * (surface @ _rotation(axis, step).T - surface)[ball][:, :2]
    return _video("spinning sphere", frame, ball, flow, frames)


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """``(3, 3)``: the rotation about a unit vector (Rodrigues)."""
    a, b, c = axis
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _smooth_noise(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, wavelength: float
) -> np.ndarray:
    """A few waves of random directions, about -2 to 2."""
    total = np.zeros(x.shape)
    for _ in range(8):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        k = 2 * np.pi / (wavelength * rng.uniform(0.5, 1.5))
        total += 0.5 * np.sin(k * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return total


def _grey(values: np.ndarray) -> np.ndarray:
    whole = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(whole[..., None], 3, axis=-1)


def _video(
    name: str, frame: Callable[[int], np.ndarray], mask: np.ndarray, flow: np.ndarray, frames: int
) -> Video:
    labels = mask.astype(np.uint8)
    return Video(
        name,
        frames=Lazy(frames, frame),
        masks=Lazy(frames, lambda t: labels.copy()),
        flow=Lazy(frames - 1, lambda t: flow.copy()),
    )


def _check(frames: int, height: int) -> None:
    if frames < 1 or height < 32:
        raise ValueError(f"{frames} frames of height {height}: at least 1 frame of 32 pixels")
