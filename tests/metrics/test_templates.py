"""Queries of users: which variables there are, and how what they stand for is escaped."""

import promql_parser
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.templates import MOST_CHARACTERS, rendered, template_problem
from metrics.types import Target

TARGET = Target("test", "pod.info-canary", canary="pod.info")
KNOWN = "{{ namespace }}, {{ name }}, {{ target }}, {{ workload }}, {{ interval }}"


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
        ('x{c="{{ name }}",w="{{ target }}"}', 'x{c="pod.info",w="pod.info-canary"}'),
        ('x{w=~"{{ target }}-[0-9]+"}', 'x{w=~"pod[.]info-canary-[0-9]+"}'),
        ('x{n="{{- namespace -}}"}', 'x{n="test"}'),
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
        ('x{n="{{ pod }}"}', f"query has the unknown variable {{{{ pod }}}}, use {KNOWN}"),
        ("x[{{ }}]", f"query has the unknown variable {{{{  }}}}, use {KNOWN}"),
        *(
            (
                f'x{{n="{{{{ {name} }}}}"}}',
                (
                    f"query has {{{{ {name} }}}}, which only Flagger generates: write the name, or "
                    f"{{{{ variables.{name} }}}}"
                ),
            )
            for name in ("service", "ingress", "route")
        ),
        ('x{n="{{ variables.code }}"}', "query has {{ variables.code }}, and templateVariables has no code"),
        ("x{n={{ name }}}", 'query has {{ name }} outside of a string, write "{{ name }}"'),
        ("x{n={{ namespace }}}", 'query has {{ namespace }} outside of a string, write "{{ namespace }}"'),
    ],
)
def test_query_that_cannot_be_asked_is_refused_with_what_would_be_right(query, problem):
    assert template_problem(query) == problem


@pytest.mark.parametrize(
    ("query", "given", "asked"),
    [
        ('x{code=~"{{ variables.code }}"}', {"code": "5.."}, 'x{code=~"5.."}'),
        ("x{ {{ variables.label }}='1'}", {"label": "code"}, "x{ code='1'}"),
        ("{{variables.metric}}[{{ variables.window }}]", {"metric": "a:b_c", "window": "5m"}, "a:b_c[5m]"),
        ("x > {{ variables.limit }}", {"limit": "0.5"}, "x > 0.5"),
        ('x{a="{{ variables.a }}"}', {"a": 'say "\\d"\n'}, 'x{a="say \\"\\\\d\\"\\n"}'),
        ("x{a='{{ variables.a }}'}", {"a": "it's"}, "x{a='it\\'s'}"),
        ("x{a=`{{ variables.a }}`}", {"a": "\\d\"'"}, "x{a=`\\d\"'`}"),
    ],
)
def test_what_the_canary_sets_is_filled_in_as_it_is(query, given, asked):
    assert template_problem(query, given) is None
    assert rendered(query, TARGET, "5m", given) == asked


@pytest.mark.parametrize(
    ("query", "given", "problem"),
    [
        (
            "x{ {{ variables.a }} }",
            {"a": 'code="500"'},
            (
                "query has {{ variables.a }} outside of a string, where only a word or a number can stand: "
                'write "{{ variables.a }}"'
            ),
        ),
        (
            "x{a=`{{ variables.a }}`}",
            {"a": "`"},
            "query has {{ variables.a }} within backticks, where its value cannot stand: use other quotes",
        ),
        (
            "x{a=`{{ variables.a }}`}",
            {"a": "a\\"},
            "query has {{ variables.a }} within backticks, where its value cannot stand: use other quotes",
        ),
    ],
)
def test_what_the_canary_sets_cannot_become_syntax(query, given, problem):
    assert template_problem(query, given) == problem


@given(value=st.text(max_size=20), quote=st.sampled_from(["'", '"', "`"]), operator=st.sampled_from(["=", "!="]))
def test_any_value_that_is_accepted_stays_within_its_string(value, quote, operator):
    assume(quote != "`" or "\\" not in value)  # this parser takes escapes there, which Prometheus does not
    query = f"x{{a{operator}{quote}{{{{ variables.a }}}}{quote}}}"
    if template_problem(query, {"a": value}) is None:
        (matcher,) = promql_parser.parse(rendered(query, TARGET, "1m", {"a": value})).matchers.matchers
        assert matcher.name == "a"


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True)


@given(namespace=NAMES, workload=NAMES, quote=st.sampled_from(["'", '"', "`"]), operator=st.sampled_from(["=", "=~"]))
def test_every_name_can_be_filled_in(namespace, workload, quote, operator):
    query = f"x{{n{operator}{quote}{{{{ namespace }}}}{quote},w{operator}{quote}{{{{ workload }}}}{quote}}}"
    promql_parser.parse(rendered(query, Target(namespace, workload), "1m"))


@given(st.text(alphabet="{} \"'`#\\=~an", max_size=30))
def test_any_text_is_a_query_or_has_a_problem(text):
    if template_problem(text) is None:
        rendered(text, TARGET, "1m")
