"""The one place for colours, patterns and fonts.

Copying is orange, hatched and dashed; zero-copy is blue and solid; what is neither is grey. Where
two things are compared and neither is the copying one, the first is violet and solid, the second
green and dotted; what was lost is red and crossed out. Colour never says anything alone: there is
a pattern or a word with it. Colours are CSS custom properties
(``--zc-copy``, ``--zc-view``, …) on every element of class ``zc``, so that a page switches theme
without drawing anew: JupyterLab says on its body whether the theme is light, other pages follow
the reader's own setting, and paper is white.
"""

from __future__ import annotations

from ..render import escape, printable
from ..spec import Message

__all__ = [
    "CSS",
    "DARK",
    "FIELDS",
    "FIELD_CSS",
    "LIGHT",
    "UNDERLINES",
    "contrast",
    "escape",
    "hatch",
    "printable",
    "short_title_of",
    "title_of",
]

# Text in `copy` and `view` stands on `paper`, never on its own fill: orange on orange is 3.5 : 1.
LIGHT = {
    "copy": "#C44E00",
    "copy-fill": "#F6D9C6",
    "view": "#0068A8",
    "view-fill": "#CFE5F4",
    "first": "#6B3FA0",
    "first-fill": "#E4DBF3",
    "second": "#2F6B14",
    "second-fill": "#D9EACB",
    "lost": "#B3261E",
    "neutral": "#5F6368",
    "paper": "#FFFFFF",
    "ink": "#1B1C1E",
    "soft": "#5A5D63",
    "strip": "#E9EBEF",
    "line": "#C9CDD4",
}
DARK = {
    "copy": "#FFA057",
    "copy-fill": "#4A2C17",
    "view": "#6CC0F5",
    "view-fill": "#12364D",
    "first": "#C6A8F7",
    "first-fill": "#3A2A57",
    "second": "#9DCC75",
    "second-fill": "#2A3F1B",
    "lost": "#FF8F85",
    "neutral": "#A6ABB3",
    "paper": "#14161A",
    "ink": "#E9EAEC",
    "soft": "#A9ADB4",
    "strip": "#2B2F37",
    "line": "#4A4F59",
}

# Ten hues for fields: (text, fill) in the light theme, (text, fill) in the dark one. Even and odd
# ones differ in lightness too, and the underline changes with every field.
FIELDS = (
    ("#584EA8", "#E3E4FD", "#B3B1FF", "#2F2D4C"),
    ("#03583F", "#C8F1DE", "#77E3B7", "#103A2A"),
    ("#9D3533", "#FDDEDB", "#FE9B93", "#4A2623"),
    ("#594900", "#F0E7C1", "#E3CA69", "#3A310B"),
    ("#873A82", "#FADBF6", "#E69EDF", "#41273F"),
    ("#00555C", "#C0F1F6", "#55E1F0", "#00393F"),
    ("#894C06", "#FEE0C9", "#F3A768", "#462A12"),
    ("#004991", "#D7E8FE", "#A8CEFF", "#1E324D"),
    ("#446B00", "#DBEECB", "#A1CA76", "#283718"),
    ("#7D1F55", "#FFDBEA", "#FDB0D4", "#462535"),
)
UNDERLINES = ("solid", "dashed", "dotted")

# What JupyterLab's own theme decides, where there is one.
_JUPYTER = {
    "paper": "--jp-layout-color1",
    "ink": "--jp-ui-font-color1",
    "line": "--jp-border-color1",
}

_TITLES = {
    "pcap_record": "pcap",
    "ethernet": "Ethernet",
    "vlan_tag": "VLAN",
    "ipv4": "IPv4",
    "udp": "UDP",
    "moldudp64": "MoldUDP64",
    "moldudp64_block": "length",
    "binaryfile_frame": "length",
}


_SHORT = {"ethernet": "Eth", "moldudp64": "Mold", "moldudp64_block": "", "binaryfile_frame": ""}


def title_of(message: Message) -> str:
    """Return what to call a header or message in a picture: ``Add Order``."""
    words = message.name.replace("_", " ")
    return _TITLES.get(message.name) or (words.title() if words.islower() else words)


def short_title_of(message: Message) -> str:
    """Return what to call it where there is little room; the tag, for a message of a feed."""
    if message.tag is not None:
        return message.tag_text
    return _SHORT.get(message.name, title_of(message))


def hatch(x: float, y: float, width: float, height: float, step: float = 6) -> str:
    """Return the SVG path of a hatch over a rectangle: the sign of copied bytes.

    Lines, not a pattern: a pattern needs an identifier, and several pictures share a page.
    """
    lines = []
    at = step / 2
    while at < width + height:
        low, high = max(0.0, at - height), min(at, width)
        lines.append(
            f"M{x + low:.1f} {y + min(at, height):.1f}L{x + high:.1f} {y + max(0, at - width):.1f}"
        )
        at += step
    return "".join(lines)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours ``#RRGGBB``, as WCAG 2.2 defines it: 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _properties(theme: dict[str, str], fields: int, jupyter: bool = False) -> str:
    values = {
        name: f"var({_JUPYTER[name]},{colour})" if jupyter and name in _JUPYTER else colour
        for name, colour in theme.items()
    }
    for number, colours in enumerate(FIELDS):
        values[f"f{number}"], values[f"f{number}-fill"] = colours[fields : fields + 2]
    return "".join(f"--zc-{name}:{value};" for name, value in values.items())


_LIGHT, _DARK = _properties(LIGHT, 0), _properties(DARK, 2)

CSS = f"""
.zc{{{_LIGHT}--zc-text:var(--jp-ui-font-family,system-ui,sans-serif);
--zc-code:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);
color:var(--zc-ink);background:var(--zc-paper);font-family:var(--zc-text)}}
@media(prefers-color-scheme:dark){{.zc{{{_DARK}}}}}
[data-jp-theme-light=true] .zc{{{_properties(LIGHT, 0, True)}}}
[data-jp-theme-light=false] .zc{{{_properties(DARK, 2, True)}}}
@media print{{.zc.zc.zc{{{_LIGHT}print-color-adjust:exact}}}}
"""

FIELD_CSS = "".join(
    f".zc [data-f='{number}']{{color:var(--zc-f{number % len(FIELDS)});"
    f"background:var(--zc-f{number % len(FIELDS)}-fill);"
    f"border-bottom-style:{UNDERLINES[number % len(UNDERLINES)]}}}"
    for number in range(len(FIELDS) * len(UNDERLINES))
)
