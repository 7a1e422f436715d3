"""What views hold of texts: each once, however many objects it stands in."""

import json
from itertools import chain

import pytest

from controller.kinds import BUILT_IN
from hack.bench import resting

FORMS = {f"{form.kind} {form.name}": form for form in resting.forms()}


def texts(value):
    """Every text of a view, wherever it stands, but what tells one object from all others."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return list(chain.from_iterable(map(texts, value)))
    fields = [name for name in getattr(value, "__slots__", ()) if name not in ("uid", "resource_version", "template")]
    return list(chain.from_iterable(texts(getattr(value, name)) for name in fields))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_equal_texts_of_two_views_are_one(form):  # contract S17
    watched = BUILT_IN.canary if form.kind == "Canary" else BUILT_IN.parts[form.kind]
    first, second = (watched.view(json.loads(form.object(7, version)), None) for version in (1, 2))
    pairs = [pair for pair in zip(texts(first), texts(second), strict=True) if len(pair[0]) > 1]
    assert pairs
    assert [one for one, other in pairs if one is not other] == []
