import pytest

from hack.dashboards.reading import fill

VALUES = {"namespace": "test", "primary": "podinfo", "__rate_interval": "1m"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        pytest.param('up{namespace="$namespace"}', 'up{namespace="test"}', id="plain"),
        pytest.param("${primary}x", "podinfox", id="in braces"),
        pytest.param("$primary-[0-9a-z]+", "podinfo-[0-9a-z]+", id="name ends at a hyphen"),
        pytest.param("rate(x[$__rate_interval])", "rate(x[1m])", id="Grafana's own"),
        pytest.param("{{pod}} 5$", "{{pod}} 5$", id="nothing to fill in"),
    ],
)
def test_variables_are_filled_in(text, filled):
    assert fill(text, VALUES) == filled


def test_variable_without_a_value_is_named():
    with pytest.raises(LookupError, match=r"\$canary has no value"):
        fill("up{$canary}", VALUES)
