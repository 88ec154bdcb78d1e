"""The two charts of a run: throughput beside that of others, and what size and depth cost."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.list_query import SHORT

_PEERS = Path(__file__).parent / "peers"
_NAMES = {
    "floor": "by hand, for this query",
    "ours": "Execution Monitor",
    "mercurius": "Mercurius, graphql-jit",
    "yoga": "GraphQL Yoga",
    "apollo": "Apollo Server",
    "mongoose": "graphql-compose-mongoose",
    "parse": "Parse Server",
    "stock_strawberry": "Strawberry, Beanie",
}
_OURS, _OTHERS = "#3f51d9", "#9aa3b2"
# For a page in either theme.
_LOOK = {"background": "white", "padding": 12, "config": {"font": "sans-serif", "view": {"stroke": None}}}


def throughput(found: Mapping[str, Any]) -> dict[str, Any]:
    """Requests a second of each server, as a specification of Vega-Lite."""
    figures = {key: found["list"][f"{key} {SHORT.name}"] for key in _NAMES}
    requests = {name: round(figures[key]["requests_per_second"]) for key, name in _NAMES.items()}
    rows = [{"server": name, "requests": requests[name]} for name in sorted(requests, key=requests.__getitem__)][::-1]
    colour = {"condition": {"test": f"datum.server == '{_NAMES['ours']}'", "value": _OURS}, "value": _OTHERS}
    shared = {
        "y": {
            "field": "server",
            "type": "nominal",
            "sort": [row["server"] for row in rows],
            "title": None,
            "axis": {"labelLimit": 240},
        },
        "x": {"field": "requests", "type": "quantitative", "title": "lists of 20 a second"},
    }
    return {
        **_LOOK,
        "width": 460,
        "data": {"values": rows},
        "encoding": shared,
        "layer": [
            {"mark": "bar", "encoding": {"color": colour}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": {"field": "requests", "format": ","}},
            },
        ],
    }


def cost(found: Mapping[str, Any]) -> dict[str, Any]:
    """Latency over the size of a collection and over the depth of a page, as a specification of Vega-Lite."""

    most = 2 * max(found["scale"].values())

    def rows(pattern: str, who: str) -> list[dict[str, Any]]:
        matches = ((re.fullmatch(pattern, name), value) for name, value in found["scale"].items())
        return [
            {"at": int(match[1].replace(",", "")), "milliseconds": round(value, 2), "who": who}
            for match, value in matches
            if match
        ]

    def panel(title: str, values: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "width": 250,
            "height": 190,
            "data": {"values": values},
            "mark": {"type": "line", "point": True},
            "encoding": {
                "x": {"field": "at", "type": "quantitative", "scale": {"type": "log"}, "title": title}
                | {"axis": {"format": "~s", "tickCount": 3}},
                "y": {"field": "milliseconds", "type": "quantitative", "scale": {"type": "log", "domain": [0.5, most]}},
                "color": {
                    "field": "who",
                    "type": "nominal",
                    "title": None,
                    "scale": {"domain": ["Execution Monitor", "MongoDB alone, by offset"], "range": [_OURS, _OTHERS]},
                    "legend": {"orient": "bottom", "labelLimit": 240},
                },
            },
        }

    ours, offset = "Execution Monitor", "MongoDB alone, by offset"
    return {
        **_LOOK,
        "hconcat": [
            panel("executions stored", rows("first of ([0-9,]+)", ours)),
            panel(
                "executions before the page",
                rows("behind ([0-9,]+)", ours) + rows("by offset ([0-9,]+)", offset),
            ),
        ],
    }


def draw(found: Mapping[str, Any], folder: Path) -> None:
    """Write both charts as SVG."""
    for name, specification in (("throughput", throughput(found)), ("cost", cost(found))):
        command = ["node", str(_PEERS / "draw.js")]
        drawn = subprocess.run(command, input=orjson.dumps(specification), stdout=subprocess.PIPE, check=True)
        (folder / f"{name}.svg").write_bytes(drawn.stdout)
