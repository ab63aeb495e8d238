"""The colours of a drawing: one hue a root, green for what belongs to the GPU. Dark text on light: they print well."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Hue:
    """A box's ground, its figures' fill, and the ink of frames and arrows; ``#rrggbb``."""

    ground: str
    fill: str
    ink: str


HUES = (
    Hue(ground="#f4f8ff", fill="#dbe9ff", ink="#4a76bd"),  # blue
    Hue(ground="#fff8f0", fill="#ffe6cc", ink="#b8752a"),  # orange
    Hue(ground="#f9f6ff", fill="#eae0ff", ink="#8467c4"),  # purple
    Hue(ground="#f2fbfa", fill="#cff1ec", ink="#2b8c82"),  # teal
    Hue(ground="#fff5f8", fill="#ffdce7", ink="#bb4a74"),  # rose
    Hue(ground="#fbf9ee", fill="#f1eabf", ink="#8d7d1f"),  # olive
)
GPU = Hue(ground="#f0fbe8", fill="#c9efb4", ink="#4f8f1e")
TEXT, FAINT, WHITE, ALARM = "#1f2937", "#6b7280", "#ffffff", "#b91c1c"


def hue(position: int) -> Hue:
    """Return the hue of the box at that position."""
    return HUES[position % len(HUES)]
