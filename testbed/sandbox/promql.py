"""PromQL over stored samples: parsed by a library, evaluated here. As much of the language as the README names.

Source of the rules (lookback, extrapolation, quantiles): Prometheus' documentation of its functions.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import promql_parser as ast

Labels = tuple[tuple[str, str], ...]
Sample = tuple[float, float]  # unix seconds, value
Series = Mapping[Labels, Sequence[Sample]]
Vector = dict[Labels, float]
Result = Vector | float

LOOKBACK_SECONDS = 300.0
_NAME = "__name__"
_FEW = 2


class QueryError(Exception):
    """A query cannot be answered; ``kind`` is Prometheus' errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def evaluate(query: str, series: Series, at: float) -> Result:
    """Return the value of a query at a time.

    Raises:
        QueryError: it cannot be parsed, or needs what is not supported.
    """
    try:
        parsed = ast.parse(query)
    except ValueError as error:
        raise QueryError("bad_data", f'invalid parameter "query": {error}') from error
    return _Evaluation(series, at).of(parsed)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    series: Series
    at: float

    def of(self, node: Any) -> Result:  # noqa: ANN401, PLR0911  # one case per node; the parser's nodes have no common type
        """Return the value of a node."""
        match node:
            case ast.NumberLiteral():
                return float(node.val)
            case ast.ParenExpr():
                return self.of(node.expr)
            case ast.UnaryExpr():
                return _map(operator.neg, self.of(node.expr))
            case ast.VectorSelector():
                return self.instant(node)
            case ast.Call():
                return self.call(node)
            case ast.AggregateExpr():
                return _aggregate(str(node.op), _vector(self.of(node.expr)), node.modifier)
            case ast.BinaryExpr():
                return _binary(node, self.of(node.lhs), self.of(node.rhs))
        raise QueryError("execution", f"{type(node).__name__} is not supported by this sandbox")

    def instant(self, selector: Any) -> Vector:  # noqa: ANN401  # likewise
        """Return the newest sample of each series, none older than the lookback."""
        at = self.at - _offset(selector)
        found: Vector = {}
        for labels, samples in self._selected(selector):
            recent = [value for when, value in samples if at - LOOKBACK_SECONDS < when <= at]
            if recent:
                found[labels] = recent[-1]
        return found

    def window(self, matrix: Any) -> dict[Labels, Sequence[Sample]]:  # noqa: ANN401  # likewise
        """Return the samples of a range vector: left-open, as since Prometheus 3."""
        end = self.at - _offset(matrix.vector_selector)
        start = end - matrix.range.total_seconds()
        return {
            labels: [sample for sample in samples if start < sample[0] <= end]
            for labels, samples in self._selected(matrix.vector_selector)
        }

    def call(self, node: Any) -> Result:  # noqa: ANN401  # likewise
        """Return the value of a function."""
        name = node.func.name
        match name:
            case "vector":
                return {(): _scalar(self.of(node.args[0]))}
            case "scalar":
                values = list(_vector(self.of(node.args[0])).values())
                return values[0] if len(values) == 1 else math.nan
            case "time":
                return self.at
            case "histogram_quantile":
                return _quantiles(_scalar(self.of(node.args[0])), _vector(self.of(node.args[1])))
        if name not in _RANGE_FUNCTIONS:
            raise QueryError("execution", f"function {name} is not supported by this sandbox")
        matrix = node.args[0]
        end = self.at - _offset(matrix.vector_selector)
        seconds = matrix.range.total_seconds()
        found = {
            _without_name(labels): _RANGE_FUNCTIONS[name](samples, end - seconds, end)
            for labels, samples in self.window(matrix).items()
        }
        return {labels: value for labels, value in found.items() if value is not None}

    def _selected(self, selector: Any) -> list[tuple[Labels, Sequence[Sample]]]:  # noqa: ANN401  # likewise
        matchers = [_matcher(m) for m in selector.matchers.matchers]
        if selector.name:
            matchers.append(lambda labels: labels.get(_NAME) == selector.name)
        return [
            (labels, samples)
            for labels, samples in self.series.items()
            if all(matches(dict(labels)) for matches in matchers)
        ]


def _matcher(matcher: Any) -> Callable[[Mapping[str, str]], bool]:  # noqa: ANN401  # the parser's
    name, value, relation = matcher.name, matcher.value, str(matcher.op).rpartition(".")[2]
    if relation in {"Equal", "NotEqual"}:
        return lambda labels: (labels.get(name, "") == value) is (relation == "Equal")
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise QueryError("bad_data", f"invalid regular expression {value!r}: {error}") from error
    return lambda labels: bool(pattern.fullmatch(labels.get(name, ""))) is (relation == "Re")


def _offset(selector: Any) -> float:  # noqa: ANN401  # the parser's
    offset = selector.offset
    return offset.total_seconds() if isinstance(offset, timedelta) else 0.0


def _without_resets(samples: Sequence[Sample]) -> float:
    """Return the increase of a counter over samples, resets added up."""
    increase = 0.0
    for (_, before), (_, after) in pairwise(samples):
        increase += after - before if after >= before else after
    return increase


def _increase(samples: Sequence[Sample], start: float, end: float) -> float | None:
    """Return the increase, extrapolated to the ends of the window as Prometheus does."""
    if len(samples) < _FEW:
        return None
    first, last = samples[0], samples[-1]
    increase = _without_resets(samples)
    covered = last[0] - first[0]
    between = covered / (len(samples) - 1)
    to_start, to_end = first[0] - start, end - last[0]
    if increase > 0 and first[1] >= 0:  # a counter is not extrapolated below zero
        to_start = min(to_start, covered * first[1] / increase)
    far = between * 1.1
    reach = covered
    reach += to_start if to_start < far else between / 2
    reach += to_end if to_end < far else between / 2
    return increase * reach / covered


def _rate(samples: Sequence[Sample], start: float, end: float) -> float | None:
    increase = _increase(samples, start, end)
    return None if increase is None else increase / (end - start)


def _irate(samples: Sequence[Sample], _start: float, _end: float) -> float | None:
    if len(samples) < _FEW:
        return None
    last = samples[-_FEW:]
    return _without_resets(last) / (last[1][0] - last[0][0])


_RANGE_FUNCTIONS: Mapping[str, Callable[[Sequence[Sample], float, float], float | None]] = {
    "rate": _rate,
    "irate": _irate,
    "increase": _increase,
    "count_over_time": lambda samples, _start, _end: float(len(samples)) or None,
}

_REDUCE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "avg": lambda values: sum(values) / len(values),
}


def _aggregate(name: str, vector: Vector, modifier: Any) -> Vector:  # noqa: ANN401  # the parser's
    if name not in _REDUCE:
        raise QueryError("execution", f"aggregation {name} is not supported by this sandbox")
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(_grouped(labels, modifier), []).append(value)
    return {labels: float(_REDUCE[name](values)) for labels, values in groups.items()}


def _grouped(labels: Labels, modifier: Any) -> Labels:  # noqa: ANN401  # the parser's
    if modifier is None:
        return ()
    named = set(modifier.labels)
    if str(modifier.type).endswith("By"):
        return tuple(pair for pair in labels if pair[0] in named)
    return tuple(pair for pair in labels if pair[0] not in named and pair[0] != _NAME)


def _quantiles(quantile: float, vector: Vector) -> Vector:
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in vector.items():
        bound = dict(labels).get("le")
        if bound is not None:
            rest = tuple(pair for pair in _without_name(labels) if pair[0] != "le")
            histograms.setdefault(rest, []).append((float(bound), value))
    return {labels: _quantile(quantile, sorted(buckets)) for labels, buckets in histograms.items()}


def _quantile(quantile: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Return a quantile by linear interpolation within its bucket."""
    total = buckets[-1][1]
    if buckets[-1][0] != math.inf or len(buckets) < _FEW or not total > 0:
        return math.nan
    rank = quantile * total
    index = next(i for i, (_, count) in enumerate(buckets) if count >= rank)
    if index == len(buckets) - 1:
        return buckets[-_FEW][0]
    low, below = buckets[index - 1] if index else (0.0, 0.0)
    high, count = buckets[index]
    return low + (high - low) * (rank - below) / (count - below) if count > below else high


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else (math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)),
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
    "^": operator.pow,
}
_COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def _binary(node: Any, left: Result, right: Result) -> Result:  # noqa: ANN401  # the parser's
    name, modifier = str(node.op), node.modifier
    if name in {"or", "and", "unless"}:
        return _set_operation(name, _vector(left), _vector(right), modifier)
    as_bool = bool(modifier and modifier.return_bool)
    if isinstance(left, float) and isinstance(right, float):
        return _combine(name, left, right, as_bool=True) or 0.0
    if isinstance(left, float):
        vector = _vector(right)
        pairs = {_without_name(labels): (left, value) for labels, value in vector.items()}
    elif isinstance(right, float):
        keeps_name = name in _COMPARISON and not as_bool
        pairs = {labels if keeps_name else _without_name(labels): (value, right) for labels, value in left.items()}
    else:
        others = {_signature(labels, modifier): value for labels, value in right.items()}
        pairs = {
            _result_labels(labels, modifier): (value, others[_signature(labels, modifier)])
            for labels, value in left.items()
            if _signature(labels, modifier) in others
        }
    combined = {labels: _combine(name, a, b, as_bool=as_bool) for labels, (a, b) in pairs.items()}
    return {labels: value for labels, value in combined.items() if value is not None}


def _combine(name: str, a: float, b: float, *, as_bool: bool) -> float | None:
    if name in _ARITHMETIC:
        return _ARITHMETIC[name](a, b)
    if name not in _COMPARISON:
        raise QueryError("execution", f"operator {name} is not supported by this sandbox")
    holds = _COMPARISON[name](a, b)
    if as_bool:
        return float(holds)
    return a if holds else None


def _set_operation(name: str, left: Vector, right: Vector, modifier: Any) -> Vector:  # noqa: ANN401  # the parser's
    there = {_signature(labels, modifier) for labels in right}
    here = {_signature(labels, modifier) for labels in left}
    match name:
        case "or":
            return {**left, **{k: v for k, v in right.items() if _signature(k, modifier) not in here}}
        case "and":
            return {k: v for k, v in left.items() if _signature(k, modifier) in there}
        case _:
            return {k: v for k, v in left.items() if _signature(k, modifier) not in there}


def _signature(labels: Labels, modifier: Any) -> Labels:  # noqa: ANN401  # the parser's
    matching = modifier.matching if modifier else None
    bare = _without_name(labels)
    if matching is None:
        return bare
    named = set(matching.labels)
    including = str(matching.type).endswith(("Include", "On"))
    return tuple(pair for pair in bare if (pair[0] in named) is including)


def _result_labels(labels: Labels, modifier: Any) -> Labels:  # noqa: ANN401  # the parser's
    return _signature(labels, modifier)


def _map(function: Callable[[float], float], value: Result) -> Result:
    if isinstance(value, float):
        return function(value)
    return {_without_name(labels): function(number) for labels, number in value.items()}


def _vector(value: Result) -> Vector:
    if isinstance(value, float):
        raise QueryError("bad_data", "expected an instant vector, got a scalar")
    return value


def _scalar(value: Result) -> float:
    if not isinstance(value, float):
        raise QueryError("bad_data", "expected a scalar, got an instant vector")
    return value


def _without_name(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != _NAME)
