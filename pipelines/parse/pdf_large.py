"""Mathematics by TeX: sums, roots, brackets, wide accents and the pieces of braces, which are in a font of their own.

Its codes are those of letters, and its names TeX's own: pdfium gives the letter with the same code.
"""

import re

FONT = re.compile(rb"(?:CMEX|LMMathExtension)\d")
"""The names of that font."""

# No page has them but one with a formula, where they stand by themselves, or with their limits.
FORMULA = re.compile("[=\u2190-\u22ff]")
"""What a page has on which it is worth to look for them."""

LYING_BRACE = re.compile(r"z \}\| \{|\| \{z \}")
"""A brace above or below a formula, in four pieces."""

CODES = re.compile(
    r"""[F-Zb-sxy\[\\](?:
        (?<=[F-Z])(?![A-Za-z]{2})               # a sum and its like, perhaps with a limit of one letter
        |(?<![A-Za-z].)(?<=[h-sxy])(?![A-Za-z]) # a bracket, a root
        |(?<=[A-Z][b-g])(?![a-z]{2})            # an accent on a capital
        |(?<=[\[\\])(?=\r|\Z)                   # a union, an intersection
    )""",
    re.VERBOSE,
)
"""Where their codes may stand."""

SYMBOLS = {
    **dict.fromkeys("FG", "\u2a06"),  # square union
    **dict.fromkeys("HI", "\u222e"),  # contour integral
    **dict.fromkeys("JK", "\u2a00"),  # circled dot
    **dict.fromkeys("LM", "\u2a01"),  # circled plus
    **dict.fromkeys("NO", "\u2a02"),  # circled times
    **dict.fromkeys("PX", "\u2211"),  # sum
    **dict.fromkeys("QY", "\u220f"),  # product
    **dict.fromkeys("RZ", "\u222b"),  # integral
    **dict.fromkeys("S[", "\u22c3"),  # union
    **dict.fromkeys("T\\", "\u22c2"),  # intersection
    "U": "\u2a04",  # union of multisets
    "V": "\u22c0",  # and
    "W": "\u22c1",  # or
    **dict.fromkeys("bcd", "\u0302"),  # hat
    **dict.fromkeys("efg", "\u0303"),  # tilde
    "h": "[",
    "i": "]",
    "j": "\u230a",  # floor
    "k": "\u230b",
    "l": "\u2308",  # ceiling
    "m": "\u2309",
    "n": "{",
    "o": "}",
    **dict.fromkeys("pqrs", "\u221a"),  # root
    "x": "\u2191",  # head of an arrow
    "y": "\u2193",
}
"""By the codes."""

# Pieces of brackets over several lines, for whose names Adobe once chose codes for private use; Unicode has them since.
STANDING_PIECES = dict(zip(range(0xF8EB, 0xF8FF), "⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪⎮⎞⎟⎠⎤⎥⎦⎫⎬⎭", strict=True)) | {0xF8E6: "⏐"}
"""For `str.translate`."""
