import pytest

from hack.dashboards.units import with_unit


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (99.5, "percent", None, "99.5%"),
        (38.084, "percent", 2, "38.08%"),
        (2525, "ms", None, "2.5 s"),
        (20, "ms", None, "20 ms"),
        (0, "s", 0, "0 s"),
        (0.0042, "s", None, "4.2 ms"),
        (75, "s", 0, "1 min"),
        (7200, "s", None, "2 h"),
        (36 * 1024 * 1024, "bytes", None, "36 MiB"),
        (18000, "Bps", None, "18 kB/s"),
        (20, "reqps", None, "20 req/s"),
        (10, "none", None, "10"),
        (0.123456, "none", None, "0.123"),
    ],
)
def test_values_are_read_as_people_do(value, unit, decimals, text):
    assert with_unit(value, unit, decimals) == text
