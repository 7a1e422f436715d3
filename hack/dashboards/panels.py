"""The panels, by Grafana's own builders: a function for each kind holds what all of that kind share.

Every panel has a description and says in words why it is empty (``no_value``).
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TypeVar

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import timeseries as charts
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

TimeSeries = charts.Panel
Panel = TimeSeries | Stat | BarGauge | StateTimeline | Table
P = TypeVar("P", TimeSeries, Stat, BarGauge, StateTimeline, Table)
Words = Mapping[int, tuple[str, str]]
"""Which word and colour stand for which value."""

# The same thing has the same colour everywhere.
PRIMARY = "#5794F2"  # blue
CANARY = "#FF9830"  # orange
LIMIT = "#F2495C"  # red, dashed
GOOD = "#73BF69"  # green
BAD = "#F2495C"
WARNING = "#FADE2A"
UNKNOWN = "#8E8E8E"

SOURCE = dashboard.DataSourceRef("prometheus", "${datasource}")
STEPS = common.LineInterpolation.STEP_AFTER  # the value holds until the next one
_LAST = "lastNotNull"


def timeseries(
    title: str,
    text: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    empty: str,
    colours: Mapping[str, str] | None = None,
    limit: str = "",
    from_zero: bool = True,
) -> TimeSeries:
    """Return a chart over time.

    Args:
        title: what is measured, of whom.
        text: what it means and when to worry.
        queries: by their legend.
        unit: Grafana's name of the unit.
        empty: what it says when there is nothing to draw.
        colours: by the name of a series, or by a pattern in slashes.
        limit: the name of the series that is one: dashed, red, in steps.
        from_zero: whether the axis begins at 0, not at the lowest value.
    """
    panel = _begin(TimeSeries(), title, text, empty, [_query(expr, legend) for legend, expr in queries.items()])
    panel.unit(unit).color_scheme(FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
    if from_zero:
        panel.min(0)
    panel.draw_style(common.GraphDrawStyle.LINE).line_interpolation(common.LineInterpolation.LINEAR).line_width(2)
    panel.fill_opacity(0).show_points(common.VisibilityMode.NEVER).span_nulls(span_nulls=False)
    panel.legend(_legend().show_legend(show_legend=True).calcs([_LAST]))
    panel.tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    for name, colour in (colours or {}).items():
        paint(panel, name, {"color": fixed(colour)})
    if limit:
        dashed = {"custom.lineStyle": {"fill": "dash", "dash": [10, 10]}, "custom.lineInterpolation": STEPS}
        paint(panel, limit, {"color": fixed(LIMIT), **dashed})
    return panel


def stacked(panel: TimeSeries) -> TimeSeries:
    """Draw areas on top of each other, without lines: one of 0 would hide the area below it."""
    panel.stacking(parts.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    return panel.fill_opacity(70).line_width(0)


def stat(
    title: str,
    text: str,
    expr: str,
    *,
    legend: str = "__auto",
    unit: str = "none",
    empty: str,
    words: Words | None = None,
    colours: Mapping[float | None, str] | None = None,
) -> Stat:
    """Return one big number, or the word that it stands for.

    Args:
        title: what it is.
        text: what it means and when to worry.
        expr: the query, as of now.
        legend: the name of what it finds.
        unit: Grafana's name of the unit.
        empty: what it says when there is no value.
        words: what values stand for.
        colours: from which value on which colour; None: from the lowest on.
    """
    panel = _begin(Stat(), title, text, empty, [_query(expr, legend).instant()]).unit(unit).reduce_options(_last())
    panel.mappings([_mapping(words)] if words else [])
    panel.color_mode(common.BigValueColorMode.BACKGROUND if words else common.BigValueColorMode.VALUE)
    panel.graph_mode(common.BigValueGraphMode.NONE).justify_mode(common.BigValueJustifyMode.CENTER)
    panel.text_mode(common.BigValueTextMode.VALUE).orientation(common.VizOrientation.AUTO)
    return _by_thresholds(panel, colours or {None: "text"})


def word(title: str, text: str, expr: str, *, label: str, empty: str) -> Stat:
    """Return one big word: the value of a label of the series that there is."""
    panel = stat(title, text, expr, legend=f"{{{{{label}}}}}", empty=empty)
    return panel.text_mode(common.BigValueTextMode.NAME)


def bar_gauge(
    title: str, text: str, queries: Mapping[str, str], *, unit: str, empty: str, colours: Mapping[str, str]
) -> BarGauge:
    """Return horizontal bars, one for each series, as of now."""
    asked = [_query(expr, legend).instant() for legend, expr in queries.items()]
    panel = _begin(BarGauge(), title, text, empty, asked).unit(unit).min(0).reduce_options(_last())
    panel.color_scheme(FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(PRIMARY))
    panel.display_mode(common.BarGaugeDisplayMode.BASIC).value_mode(common.BarGaugeValueMode.COLOR)
    panel.orientation(common.VizOrientation.HORIZONTAL).show_unfilled(show_unfilled=True)
    panel.min_viz_width(8).min_viz_height(16)  # Grafana's defaults, which the builder's are not
    for name, colour in colours.items():
        paint(panel, name, {"color": fixed(colour)})
    return panel


def state_timeline(
    title: str, text: str, queries: Mapping[str, str], *, empty: str, words: Mapping[str, Words]
) -> StateTimeline:
    """Return a band of colour for each series; the words are by the series' legend, "" for all others."""
    asked = [_query(expr, legend) for legend, expr in queries.items()]
    panel = _begin(StateTimeline(), title, text, empty, asked).unit("none").fill_opacity(80).line_width(0)
    panel.mappings([_mapping(words[""])] if "" in words else [])
    for name, own in words.items():
        if name:
            paint(panel, name, {"mappings": [_mapping(own)]})
    panel.merge_values(merge_values=True).show_value(common.VisibilityMode.AUTO).row_height(0.8)
    panel.align_value(common.TimelineValueAlignment.CENTER).legend(_legend().show_legend(show_legend=False))
    panel.tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
    return _by_thresholds(panel, {None: UNKNOWN})


def table(
    title: str, text: str, columns: Mapping[str, tuple[str, Mapping[str, object]]], *, keys: Sequence[str], empty: str
) -> Table:
    """Return a table with a line for each set of labels.

    Args:
        title: what is listed.
        text: what it means.
        columns: query and properties, by name.
        keys: the labels that name a line; they are the first columns.
        empty: what it says when there is no line.
    """
    asked = [_query(expr).instant().format(PromQueryFormat.TABLE) for expr, _ in columns.values()]
    panel = _begin(Table(), title, text, empty, asked)
    names = {f"Value #{letter}": name for letter, name in zip(ascii_uppercase, columns, strict=False)}
    order = {name: number for number, name in enumerate([*keys, *names])}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    panel.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    panel.with_transformation(dashboard.DataTransformerConfig("organize", options=organize))
    panel.show_header(show_header=True).cell_height(common.TableCellHeight.SM)
    panel.sort_by([parts.TableSortByFieldState().display_name(keys[0]).desc(desc=False)])
    for name, (_, properties) in columns.items():
        paint(panel, name, properties)
    return panel


def paint(panel: P, name: str, properties: Mapping[str, object]) -> None:
    """Give properties to the series or column of a name; a name in slashes is a pattern."""
    values = [dashboard.DynamicConfigValue(key, value) for key, value in properties.items()]
    if name.startswith("/"):
        panel.override_by_regexp(name, values)
    else:
        panel.override_by_name(name, values)


def cells(words: Words) -> Mapping[str, object]:
    """Return the properties of a column whose values are words on their colour."""
    return {"mappings": [_mapping(words)], "custom.cellOptions": {"type": "color-background"}}


def fixed(colour: str) -> dashboard.FieldColor:
    """Return the property of a colour of its own."""
    return dashboard.FieldColor(dashboard.FieldColorModeId.FIXED, colour)


def _begin(panel: P, title: str, text: str, empty: str, queries: Sequence[Dataquery]) -> P:
    panel.title(title).description(text).datasource(SOURCE).no_value(empty)
    for letter, one in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(one.ref_id(letter))
    return panel


def _query(expr: str, legend: str = "__auto") -> Dataquery:
    return Dataquery().datasource(SOURCE).editor_mode(QueryEditorMode.CODE).expr(expr).legend_format(legend).range()


def _by_thresholds(panel: P, colours: Mapping[float | None, str]) -> P:
    steps = [dashboard.Threshold(value, colour) for value, colour in colours.items()]
    panel.color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.thresholds(ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps))
    return panel


def _mapping(words: Words) -> dashboard.ValueMap:
    numbered = enumerate(words.items())
    return dashboard.ValueMap(
        {str(value): dashboard.ValueMappingResult(text, colour, index=n) for n, (value, (text, colour)) in numbered}
    )


def _legend() -> parts.VizLegendOptions:
    return parts.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)


def _last() -> parts.ReduceDataOptions:
    return parts.ReduceDataOptions().calcs([_LAST]).fields("").values(values=False)
