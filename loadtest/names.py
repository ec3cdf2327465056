"""The texts that generated logs are made of: host names, URIs, user agents, referers, as lists that a seed fixes."""

from __future__ import annotations

import random

from loadtest.traffic import AGENTS, REFERERS, URIS

_SUBS = ("cdn", "static", "img", "video", "www", "media", "dl", "hls", "api", "assets", "vod", "live")
_WORDS = (
    *(
        "kino",
        "novosti",
        "magazin",
        "sport",
        "pogoda",
        "radio",
        "game",
        "shop",
        "music",
        "travel",
        "bank",
        "school",
    ),
    *(
        "avto",
        "dom",
        "moda",
        "recept",
        "forum",
        "foto",
        "market",
        "tech",
        "stream",
        "health",
        "garden",
        "poezd",
    ),
    *("gorod", "more", "zima", "vesna", "sever", "volga", "ural", "baikal", "taiga", "neva"),
)
_ZONES = ("ru", "com", "net", "org", "tv", "example.ru", "example.com", "su", "kz")
COLOS = (
    *("DME", "LED", "SVX", "OVB", "KJA", "VVO", "KHV", "ROV", "KZN", "UFA", "AER", "ALA", "TSE"),
    *("MSQ", "FRA", "AMS", "CDG", "LHR", "ARN", "HEL", "WAW", "PRG", "VIE", "MXP", "IST", "DXB"),
)

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{a}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{b} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{a}.0) Gecko/20100101 Firefox/{a}.0",
    "Mozilla/5.0 (Linux; Android 1{b}; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{a}.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{a}.0) Gecko/20100101 Firefox/{a}.0",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen {b}.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/{b}.0 TV Safari/538.1",
    "Dalvik/2.1.0 (Linux; U; Android 1{b}; SM-A5{c}F Build/TP1A.220624.014)",
    "AppleCoreMedia/1.0.0.21F9{b} (Apple TV; U; CPU OS 17_{b} like Mac OS X; ru_ru)",
    "okhttp/4.{b}.{c}",
    "ExoPlayerLib/2.1{b}.{c}",
    "VLC/3.0.{c} LibVLC/3.0.{c}",
    "com.kino.player/{a}.{c} (Tizen 6.{b})",
    "curl/8.{b}.{c}",
)


def make_resources(count: int, seed: int = 0) -> list[str]:
    """`count` different host names of a CDN's customers."""
    rng = random.Random(f"resources {seed}")  # noqa: S311
    names: dict[str, None] = {}
    while len(names) < count:
        number = rng.randrange(1000) if rng.random() < 0.7 else ""
        names[f"{rng.choice(_SUBS)}.{rng.choice(_WORDS)}{number}.{rng.choice(_ZONES)}"] = None
        if rng.random() < 0.3:
            names[f"{rng.choice(_WORDS)}-{rng.choice(_WORDS)}{rng.randrange(10**4)}.{rng.choice(_ZONES)}"] = (
                None
            )
    return list(names)[:count]


def make_uris() -> list[str]:
    """What is asked for: pieces of video, pictures, scripts, calls."""
    rng = random.Random("uris")  # noqa: S311
    kinds = (
        lambda: (
            f"/hls/{rng.randrange(10**6)}/{rng.choice((480, 720, 1080))}p/seg-{rng.randrange(5000)}.ts"
            f"?md5={rng.getrandbits(64):016x}"
        ),
        lambda: f"/hls/{rng.randrange(10**6)}/index.m3u8?t={rng.getrandbits(40):x}",
        lambda: f"/i/{rng.getrandbits(64):016x}/{rng.choice((160, 320, 640))}.webp",
        lambda: f"/static/js/{rng.choice(_WORDS)}.{rng.getrandbits(32):08x}.js",
        lambda: f"/{rng.choice(_WORDS)}/{rng.choice(_WORDS)}-{rng.randrange(10**5)}.html",
        lambda: f"/api/v2/items?page={rng.randrange(99)}&q=%D0%BA%D0%B8%D0%BD%D0%BE{rng.randrange(999)}",
    )
    return [rng.choices(kinds, (40, 10, 25, 10, 10, 5))[0]() for _ in range(URIS)]


def make_agents() -> list[str]:
    """User agents; the first are the most frequent."""
    rng = random.Random("agents")  # noqa: S311
    return [
        _AGENTS[i % len(_AGENTS)].format(
            a=rng.randrange(110, 141), b=rng.randrange(10), c=rng.randrange(10, 80)
        )
        for i in range(AGENTS)
    ]


def make_referers() -> list[str]:
    """Pages that led to a request; place 0 means that none is known."""
    rng = random.Random("referers")  # noqa: S311
    zones = ("ru", "com", "tv")
    pages = [
        f"https://{rng.choice(_WORDS)}{rng.randrange(500)}.{rng.choice(zones)}/" for _ in range(REFERERS)
    ]
    for i in range(0, REFERERS, 3):
        pages[i] += f"{rng.choice(_WORDS)}/{rng.randrange(10**4)}"
    pages[0] = "-"
    return pages
