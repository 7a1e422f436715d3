"""The page around the panels: where they stand, variables, annotations, and the whole as JSON."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from hack.dashboards.panels import SOURCE, Panel

Json = dict[str, Any]
Line = str | tuple[int, Sequence[Panel]]
"""A heading, or panels side by side and how high they are."""

SCHEMA_VERSION = 41  # Grafana 12; newer ones migrate it, older ones (11) read it
COLUMNS = 24


def begin(uid: str, title: str, text: str, *, period: str, refresh: str) -> Dashboard:
    """Return a dashboard without panels, which knows its data source and leads to the others."""
    page = Dashboard(title).uid(uid).description(text).tags(["flagger"]).version(1).editable()
    page.time(f"now-{period}", "now").timezone("browser").refresh(refresh).fiscal_year_start_month(0)
    page.tooltip(dashboard.DashboardCursorSync.CROSSHAIR)  # one for all charts
    others = DashboardLink("Flagger").type(dashboard.DashboardLinkType.DASHBOARDS).tags(["flagger"])
    page.link(others.keep_time(keep_time=True)).annotations([])
    return page.with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus").regex(""))


def variable(name: str, label: str, query: str, text: str) -> QueryVariable:
    """Return a choice whose values Prometheus knows."""
    found = QueryVariable(name).label(label).description(text).datasource(SOURCE).regex("")
    found.query({"qryType": 1, "query": query, "refId": f"{name}-variable"})
    found.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)  # canaries come and go
    return found.sort(dashboard.VariableSort.ALPHABETICAL_ASC)


def annotation(name: str, colour: str, expr: str) -> AnnotationQuery:
    """Return marks at the times that a query has as values."""
    return AnnotationQuery().name(name).datasource(SOURCE).enable(enable=True).icon_color(colour).expr(expr)


def place(page: Dashboard, lines: Sequence[Line]) -> None:
    """Put headings and lines of panels on the page: each line is as high as said, and shared evenly."""
    numbers = itertools.count(1)
    for line in lines:
        if isinstance(line, str):
            page.with_row(Row(line).id(next(numbers)))
            continue
        height, panels = line
        for panel in panels:
            page.with_panel(panel.id(next(numbers)).height(height).span(COLUMNS // len(panels)))


def as_json(page: Dashboard) -> Json:
    """Return what Grafana reads, with what its schema leaves out: the Prometheus data source's own fields."""
    built = page.build()
    built.schema_version = SCHEMA_VERSION
    found: Json = json.loads(JSONEncoder().encode(built))
    del found["style"]  # the reader's own theme
    for one in found["templating"]["list"]:
        del one["id"]  # the builder gives all of them the same
        if one["type"] == "query":
            one["definition"] = one["query"]["query"]
    for one in found["annotations"]["list"]:
        one |= {"step": "10s", "titleFormat": one["name"], "textFormat": "{{name}}.{{namespace}}"}
        one["useValueForTime"] = True
    return found
