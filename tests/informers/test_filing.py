"""An index of a store, held against a dict of sets."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from informers.filing import Filing

STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from("vw"), st.sampled_from("abc")), max_size=30)


@given(STEPS)
def test_index_files_keys_as_a_dict_of_sets_would(steps):  # contract S16
    filing, model = Filing(), defaultdict(set)
    for adds, value, key in steps:
        if adds:
            filing.add(value, key)
            model[value].add(key)
        elif model[value]:
            filing.remove(value, key)
            model[value].discard(key)
        for each in "vw":
            assert set(filing.keys(each)) == model[each]
            assert len(filing.keys(each)) == len(model[each])
            assert (each in filing) == bool(model[each])
