"""Grafana's dashboard JSON, the page: where panels stand, variables, annotations, and the whole."""

from collections.abc import Sequence

from hack.dashboards.model import SOURCE, Json

SCHEMA_VERSION = 41  # Grafana 12; newer ones migrate it, older ones (11) read it
COLUMNS = 24


def row(title: str) -> Json:
    """Return a heading."""
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def place(lines: Sequence[tuple[int, Sequence[Json]]]) -> list[Json]:
    """Return the panels with numbers and places: each line is as high as said, and shared evenly."""
    placed: list[Json] = []
    top = 0
    for height, panels in lines:
        width = COLUMNS // len(panels)
        for number, panel in enumerate(panels):
            position = {"x": number * width, "y": top, "w": width, "h": height}
            placed.append({"id": len(placed) + 1, "gridPos": position, **panel})
        top += height
    return placed


def variable(name: str, label: str, query: str, text: str) -> Json:
    """Return a choice whose values Prometheus knows."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": text,
        "datasource": SOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": f"{name}-variable"},
        "regex": "",
        "refresh": 2,  # whenever the period changes: canaries come and go
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }


def annotation(name: str, colour: str, expr: str) -> Json:
    """Return marks at the times that a query has as values."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expr,
        "step": "10s",
        "titleFormat": name,
        "textFormat": "{{name}}.{{namespace}}",
        "useValueForTime": True,
    }


def dashboard(
    uid: str,
    title: str,
    text: str,
    panels: Sequence[Json],
    *,
    variables: Sequence[Json],
    annotations: Sequence[Json],
    period: str,
    refresh: str,
) -> Json:
    """Return a whole dashboard."""
    source: Json = {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }
    others: Json = {
        "type": "dashboards",
        "title": "Flagger",
        "tags": ["flagger"],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
    }
    return {
        "uid": uid,
        "title": title,
        "description": text,
        "tags": ["flagger"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all charts
        "time": {"from": f"now-{period}", "to": "now"},
        "timezone": "browser",
        "refresh": refresh,
        "fiscalYearStartMonth": 0,
        "links": [others],
        "templating": {"list": [source, *variables]},
        "annotations": {"list": list(annotations)},
        "panels": list(panels),
    }
