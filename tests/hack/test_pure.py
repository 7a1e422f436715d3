"""The list of pure modules: one, whoever reads it."""

from hack.pure import ROOT, patterns, settings


def test_every_pattern_names_modules():
    assert [pattern for pattern in patterns() if not list(ROOT.glob(pattern))] == []


def test_all_pure_modules_are_mutated_and_no_others():
    assert settings()["mutmut"]["only_mutate"].split() == list(patterns())
