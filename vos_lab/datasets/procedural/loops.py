"""The loops over pixels that draw actors and follow them from frame to frame."""

import numpy as np

from vos_lab.compiled import compiled


@compiled
def lay_parts(
    image: np.ndarray,
    surface: np.ndarray,
    shown: np.ndarray,
    points: np.ndarray,
    corner: tuple[int, int],
    windows: np.ndarray,
    to_texture: np.ndarray,
    texels: np.ndarray,
    starts: np.ndarray,
    shapes: np.ndarray,
    first: int,
) -> None:
    """Put the parts of an actor over an image, one after the other.

    Args:
        image: ``(H, W, 3)`` uint8, painted in place.
        surface: ``(H, W)`` int16, gets the surface numbers.
        shown: ``(h, w)`` int16, the box around the actor, gets the same.
        points: ``(h, w, 2)`` float32, where each pixel of the box lies on the figure.
        corner: row and column of the box in the image.
        windows: ``(P, 4)`` int64: top, bottom, left, right of each part in the image.
        to_texture: ``(P, 2, 3)`` float32, from the figure to the texture of each part.
        texels: ``(N, 4)`` uint8, all textures, premultiplied by alpha; empty at their rims.
        starts: ``(P,)`` int64, where in them each part begins.
        shapes: ``(P, 2)`` int64, height and width of the texture of each part.
        first: the surface number of the first part.
    """
    top_row, left_column = corner
    for part in range(len(windows)):
        top, bottom, left, right = windows[part]
        m = to_texture[part]
        m00, m01, m02, m10, m11, m12 = m[0, 0], m[0, 1], m[0, 2], m[1, 0], m[1, 1], m[1, 2]
        columns = shapes[part, 1]
        last_u, last_v = np.float32(columns - 1), np.float32(shapes[part, 0] - 1)
        number = np.int16(first + part)
        for y in range(top, bottom):
            on_figure = points[y - top_row]
            for x in range(left, right):
                px, py = on_figure[x - left_column, 0], on_figure[x - left_column, 1]
                u, v = m00 * px + m01 * py + m02, m10 * px + m11 * py + m12
                if not (0 <= u < last_u and 0 <= v < last_v):
                    continue
                # Mix the four texels around (u, v).
                column, row = np.int32(u), np.int32(v)
                a, b = u - np.float32(column), v - np.float32(row)
                ab = a * b
                at = np.uintp(starts[part] + row * columns + column)
                below = at + np.uintp(columns)
                p, q = texels[at], texels[at + np.uintp(1)]
                r, s = texels[below], texels[below + np.uintp(1)]
                wp, wq, wr = np.float32(1) - a - b + ab, a - ab, b - ab
                alpha = wp * p[3] + wq * q[3] + wr * r[3] + ab * s[3]
                if alpha == 0:
                    continue
                through = np.float32(1) - alpha / np.float32(255)
                pixel = image[y, x]
                for c in range(3):
                    own = wp * p[c] + wq * q[c] + wr * r[c] + ab * s[c]
                    pixel[c] = np.uint8(np.int32(own + through * pixel[c] + np.float32(0.5)))
                if alpha >= 127.5:
                    surface[y, x] = number
                    shown[y - top_row, x - left_column] = number


@compiled
def darken(
    image: np.ndarray, x: float, y: float, across: float, down: float, strength: float
) -> None:
    """Cast a soft, flat shadow.

    Args:
        image: ``(H, W, 3)`` uint8, changed in place.
        x: column of its middle.
        y: row of its middle.
        across: half its width, pixels.
        down: half its height, pixels.
        strength: how dark it is in the middle, 0 to 1.
    """
    height, width = image.shape[:2]
    for row in range(max(0, int(y - 2.2 * down)), min(height, int(y + 2.2 * down) + 1)):
        dy = (row - y) / down
        for column in range(max(0, int(x - 1.4 * across)), min(width, int(x + 1.4 * across) + 1)):
            dx = (column - x) / across
            inside = min(1.15 - dx**4 - 0.5 * dy**2, 1.0)
            if inside > 0:
                through = 1 - strength * inside * np.exp(-0.9 * dx**2 - 0.7 * dy**2)
                for c in range(3):
                    image[row, column, c] = np.uint8(image[row, column, c] * through + 0.5)


@compiled
def flow_of_planes(surface: np.ndarray, moves: np.ndarray, flow: np.ndarray) -> None:
    """Flow of all pixels, as if each surface were a plane.

    Args:
        surface: ``(H, W)`` int16 surface numbers.
        moves: ``(S, 2, 3)`` float32: for each, from (x, y, 1) to the flow there.
        flow: ``(H, W, 2)`` float32, the result.
    """
    height, width = surface.shape
    for y in range(height):
        for x in range(width):
            m = moves[np.uintp(surface[y, x])]
            column, row = np.float32(x), np.float32(y)
            flow[y, x, 0] = (m[0, 0] * column + m[0, 2]) + m[0, 1] * row
            flow[y, x, 1] = (m[1, 0] * column + m[1, 2]) + m[1, 1] * row


@compiled
def flow_of_actor(
    surface: np.ndarray,
    points: np.ndarray,
    corner: tuple[int, int],
    first: int,
    limbs: np.ndarray,
    bend: tuple[float, float, float, float, float, float],
    place: np.ndarray,
    flow: np.ndarray,
) -> None:
    """Flow of the visible pixels of an actor: its limbs turn, it bends, and gets somewhere else.

    Args:
        surface: ``(H, W)`` int16 surface numbers.
        points: ``(h, w, 2)`` float32, where each pixel of its box lies on the figure.
        corner: row and column of the box in the image.
        first: the surface number of its first part; it has two numbers for each part.
        limbs: ``(P, 2, 3)`` float32, how each part moves on the figure.
        bend: the fields of the Bend that it gets, in their order.
        place: ``(3, 3)`` float32, from the figure to the image.
        flow: ``(H, W, 2)`` float32, written in place.
    """
    top, left = corner
    parts = len(limbs)
    sway, wriggle, breathe, wave_number, phase_x, phase_y = bend
    for row in range(points.shape[0]):
        for column in range(points.shape[1]):
            part = surface[top + row, left + column] - first
            if not 0 <= part < 2 * parts:
                continue
            m = limbs[part % parts]
            px, py = points[row, column, 0], points[row, column, 1]
            x, y = m[0, 0] * px + m[0, 1] * py + m[0, 2], m[1, 0] * px + m[1, 1] * py + m[1, 2]
            # As Bend.apply does.
            if sway != 0:
                x += sway * y * np.sin(wave_number * y + phase_x)
            if wriggle != 0 or breathe != 0:
                y += (wriggle + breathe * y) * np.sin(wave_number * x + phase_y)
            flow[top + row, left + column, 0] = (
                place[0, 0] * x + place[0, 1] * y + (place[0, 2] - (left + column))
            )
            flow[top + row, left + column, 1] = (
                place[1, 0] * x + place[1, 1] * y + (place[1, 2] - (top + row))
            )


@compiled
def look_up(table: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """``table[surface]``, in a fifth of the time: uint8 labels of int16 surface numbers."""
    height, width = surface.shape
    labels = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            labels[y, x] = table[np.uintp(surface[y, x])]
    return labels
