"""What people look like: skin, hair and clothes, drawn at random without any hint at left and right."""

import colorsys
from dataclasses import dataclass
from random import Random

Colour = tuple[int, int, int]

_SKIN = ((255, 224, 196), (241, 194, 160), (224, 172, 125), (198, 134, 92), (160, 102, 66), (122, 78, 52))
_SKIN_DARK = ((94, 60, 42), (70, 46, 36))
_HAIR = (
    *((24, 20, 18), (40, 28, 22), (66, 44, 30), (96, 66, 40), (142, 102, 58), (190, 152, 92), (150, 72, 36)),
    *((150, 148, 145), (214, 210, 204), (18, 18, 24)),
)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour brightened (factor above 1) or darkened, clipped at 255."""
    red, green, blue = colour
    return (
        min(int(red * factor), 255),
        min(int(green * factor), 255),
        min(int(blue * factor), 255),
    )


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour between a (share 0) and b (share 1)."""
    return (
        int(a[0] + (b[0] - a[0]) * share),
        int(a[1] + (b[1] - a[1]) * share),
        int(a[2] + (b[2] - a[2]) * share),
    )


def any_colour(dice: Random, vivid: float = 0.18) -> Colour:
    """A colour as cloth and paint have it: mostly muted, now and then dark or pale, a share of them vivid."""
    hue = dice.random()
    if dice.random() < vivid:
        red, green, blue = colorsys.hsv_to_rgb(hue, dice.uniform(0.6, 1.0), dice.uniform(0.5, 1.0))
        return int(red * 255), int(green * 255), int(blue * 255)
    kind = dice.random()
    if kind < 0.55:
        parts = (hue, dice.uniform(0.1, 0.5), dice.uniform(0.25, 0.85))
    elif kind < 0.78:
        parts = (hue, dice.uniform(0.0, 0.5), dice.uniform(0.05, 0.25))
    else:
        parts = (hue, dice.uniform(0.0, 0.12), dice.uniform(0.8, 1.0))
    red, green, blue = colorsys.hsv_to_rgb(*parts)
    return int(red * 255), int(green * 255), int(blue * 255)


def skin_colour(dice: Random) -> Colour:
    """A skin colour between two neighbouring tones."""
    tones = _SKIN + _SKIN_DARK
    place = dice.uniform(0, len(tones) - 1.001)
    index = int(place)
    return shade(mix(tones[index], tones[index + 1], place - index), dice.uniform(0.85, 1.08))


@dataclass(frozen=True)
class Outfit:
    """Skin, hair and clothes of one person."""

    skin: Colour
    hair: Colour
    long_hair: bool
    bald: bool
    hat: Colour | None
    glasses: bool
    shirt: Colour
    accent: Colour
    "Second colour of the shirt's pattern."
    pattern: str
    "One of plain, bands, lines, print, jacket, dots."
    sleeve: float
    "Covered share of the arm: 0 bare, 0.5 to the elbow, 1 to the wrist."
    trousers: Colour
    leg: float
    "Covered share of the leg: 0.5 to the knee, 1 to the ankle."
    skirt: float
    "Length of a skirt or dress as a share of the leg, 0 for none."
    shoes: Colour
    backpack: Colour | None


def sample_outfit(dice: Random) -> Outfit:
    """Skin, hair and clothes of one person."""
    shirt = any_colour(dice)
    trousers = any_colour(dice) if dice.random() < 0.6 else shade((62, 78, 118), dice.uniform(0.4, 1.5))
    skirt = dice.uniform(0.3, 0.85) if dice.random() < 0.15 else 0.0
    if skirt and dice.random() < 0.5:
        trousers = shirt
    skin = skin_colour(dice)
    leg = 0.0 if skirt and dice.random() < 0.7 else dice.choice((1.0, 1.0, 1.0, dice.uniform(0.3, 0.62)))
    return Outfit(
        skin=skin,
        hair=shade(dice.choice(_HAIR), dice.uniform(0.8, 1.2)),
        long_hair=dice.random() < 0.28,
        bald=dice.random() < 0.06,
        hat=any_colour(dice) if dice.random() < 0.15 else None,
        glasses=dice.random() < 0.12,
        shirt=shirt,
        accent=any_colour(dice),
        pattern=dice.choices(("plain", "bands", "lines", "print", "jacket", "dots"), (35, 17, 8, 16, 14, 10))[0],
        sleeve=dice.choice((0.0, 0.38, 0.42, 1.0, 1.0, dice.uniform(0.3, 0.9))),
        trousers=trousers,
        leg=leg,
        skirt=skirt,
        shoes=any_colour(dice) if dice.random() < 0.9 else skin,
        backpack=any_colour(dice) if dice.random() < 0.1 else None,
    )


def stone(dice: Random) -> Outfit:
    """The outfit of a statue or dummy: one colour all over."""
    grey = dice.randint(70, 215)
    tint = dice.choice(((1.0, 1.0, 1.0), (1.0, 0.95, 0.85), (0.8, 1.0, 0.85), (1.0, 0.75, 0.5)))
    colour = (int(grey * tint[0]), int(grey * tint[1]), int(grey * tint[2]))
    return Outfit(
        **dict(skin=colour, hair=shade(colour, 0.92), long_hair=dice.random() < 0.3, bald=False, hat=None),
        **dict(glasses=False, shirt=shade(colour, 0.97), accent=colour, pattern="plain", sleeve=1.0),
        **dict(trousers=shade(colour, 0.94), leg=1.0, skirt=dice.choice((0.0, 0.0, 0.6))),
        **dict(shoes=shade(colour, 0.85), backpack=None),
    )
