"""How a server wants to be asked."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.address import MetricsServerError
from metrics.request_options import request_options


@pytest.mark.parametrize(
    ("environ", "method", "form"),
    [
        ({}, "POST", b"query=up"),
        ({"PROMETHEUS_METHOD": " ", "PROMETHEUS_PARAMETERS": "\n \n"}, "POST", b"query=up"),
        ({"PROMETHEUS_METHOD": "POST\n"}, "POST", b"query=up"),
        ({"PROMETHEUS_METHOD": "GET"}, "GET", b"query=up"),
        (
            {"PROMETHEUS_PARAMETERS": 'dedup=true\n\n partial_response = false\nextra_filters[]={a="b"}\nnocache='},
            "POST",
            b"query=up&dedup=true&partial_response=false&extra_filters%5B%5D=%7Ba%3D%22b%22%7D&nocache=",
        ),
    ],
)
def test_method_and_parameters_are_those_of_the_environment(environ, method, form):
    options = request_options(environ)
    assert (options.method, options.form("up")) == (method, form)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PROMETHEUS_METHOD": "get"}, "PROMETHEUS_METHOD must be POST or GET"),
        *(
            (
                {"PROMETHEUS_PARAMETERS": f"a=b\n{line}"},
                "PROMETHEUS_PARAMETERS, line 2, is not a parameter such as partial_response=false",
            )
            for line in ("secret", "=secret", "a b=secret", "a=secret\x01", "[]=secret", "a=\udc80")
        ),
        *(
            ({"PROMETHEUS_PARAMETERS": f"{name}=secret"}, f"PROMETHEUS_PARAMETERS, line 1: {name} cannot be set")
            for name in ("query", "time", "start", "end", "step")
        ),
    ],
)
def test_setting_that_cannot_be_sent_is_refused_without_its_value(environ, problem):
    with pytest.raises(MetricsServerError) as error:
        request_options(environ)
    assert str(error.value) == problem


@given(lines=st.text(max_size=30), query=st.text(alphabet='ab{}="&+ #', max_size=20))
def test_any_text_is_parameters_or_refused_and_the_query_arrives_as_it_is(lines, query):
    try:
        options = request_options({"PROMETHEUS_PARAMETERS": lines})
    except MetricsServerError:
        return
    (first, *_) = parse_qsl(options.form(query).decode(), keep_blank_values=True)
    assert first == ("query", query)
