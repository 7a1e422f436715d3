"""Values as people read them: the few of Grafana's units that the dashboards use."""

_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_RATES = {"reqps": " req/s", "ops": " ops/s"}
_KILO = 1000.0
_KIBI = 1024.0
_SMALL = 10.0


def with_unit(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value with its unit; decimals as the panel says, else as many as it takes."""
    match unit:
        case "percent":
            return f"{_number(value, decimals)}%"
        case "s":
            return _time(value, decimals)
        case "ms":
            return _time(value / 1000, decimals)
        case "bytes":
            return _scaled(value, _KIBI, ("B", "KiB", "MiB", "GiB"), decimals)
        case "Bps":
            return _scaled(value, _KILO, ("B/s", "kB/s", "MB/s", "GB/s"), decimals)
        case _:
            return _number(value, decimals) + _RATES.get(unit, "")


def _number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.3g}" if abs(value) < _SMALL else f"{value:.1f}".removesuffix(".0")


def _time(seconds: float, decimals: int | None) -> str:
    for size, name in _TIMES:
        if seconds >= size:
            digits = decimals if decimals is not None else (0 if seconds / size >= _SMALL else 1)
            return f"{seconds / size:.{digits}f} {name}".replace(".0 ", " ")
    return "0 s" if seconds <= 0 else f"{seconds * 1000:.2g} ms"


def _scaled(value: float, factor: float, names: tuple[str, ...], decimals: int | None) -> str:
    for name in names[:-1]:
        if abs(value) < factor:
            return f"{_number(value, decimals)} {name}"
        value /= factor
    return f"{_number(value, decimals)} {names[-1]}"
