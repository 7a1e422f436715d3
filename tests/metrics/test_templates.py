"""Queries of users: which variables there are, and how what they stand for is escaped."""

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.templates import MOST_CHARACTERS, rendered, template_problem
from metrics.types import Target

TARGET = Target("test", "pod.info-canary")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("vector(1)", "vector(1)"),
        ('x{n="{{ namespace }}"}[{{ interval }}]', 'x{n="test"}[5m]'),
        ('x{w="{{workload}}"}', 'x{w="pod.info-canary"}'),
        ("x{w='{{ workload }}'}", "x{w='pod.info-canary'}"),
        ("x{w=`{{ workload }}`}", "x{w=`pod.info-canary`}"),
        ('x{w=~"{{ workload }}.*"}', 'x{w=~"pod[.]info-canary.*"}'),
        ("x{w!~ '{{ workload }}-.+'}", "x{w!~ 'pod[.]info-canary-.+'}"),
        ("x{w=~`{{ workload }}`}", "x{w=~`pod[.]info-canary`}"),
        ('x{a=~"b",w="{{ workload }}"}', 'x{a=~"b",w="pod.info-canary"}'),
        ('x{a="say \\"{{ namespace }}\\""}', 'x{a="say \\"test\\""}'),
        ('x{a="#{{ namespace }}"} # of {{ nobody }}', 'x{a="#test"} # of {{ nobody }}'),
        ('# it\'s\nx{n="{{ namespace }}"}', '# it\'s\nx{n="test"}'),
        ('x{w=~ # which\n"{{ workload }}"}', 'x{w=~ # which\n"pod[.]info-canary"}'),
        ("a[{{ interval }}] offset {{ interval }}", "a[5m] offset 5m"),
        ('x{n="{', 'x{n="{'),
    ],
)
def test_variables_are_filled_in_and_escaped_for_where_they_stand(query, asked):
    assert template_problem(query) is None
    assert rendered(query, TARGET, "5m") == asked


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "query is empty"),
        (" \n", "query is empty"),
        ("x" * (MOST_CHARACTERS + 1), "query has 4097 characters, at most 4096 are allowed"),
        (
            'x{n="{{ target }}"}',
            "query has the unknown variable {{ target }}, use {{ namespace }}, {{ workload }}, {{ interval }}",
        ),
        ("x[{{ }}]", "query has the unknown variable {{  }}, use {{ namespace }}, {{ workload }}, {{ interval }}"),
        ("x{n={{ namespace }}}", 'query has {{ namespace }} outside of a string, write "{{ namespace }}"'),
    ],
)
def test_query_that_cannot_be_asked_is_refused_with_what_would_be_right(query, problem):
    assert template_problem(query) == problem


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True)


@given(namespace=NAMES, workload=NAMES, quote=st.sampled_from(["'", '"', "`"]), operator=st.sampled_from(["=", "=~"]))
def test_every_name_can_be_filled_in(namespace, workload, quote, operator):
    query = f"x{{n{operator}{quote}{{{{ namespace }}}}{quote},w{operator}{quote}{{{{ workload }}}}{quote}}}"
    promql_parser.parse(rendered(query, Target(namespace, workload), "1m"))


@given(st.text(alphabet="{} \"'`#\\=~an", max_size=30))
def test_any_text_is_a_query_or_has_a_problem(text):
    if template_problem(text) is None:
        rendered(text, TARGET, "1m")
