"""A good set of which the tests of this folder spoil a part."""

from dataclasses import replace

import pytest

from distill.data.annotations import AnnotatedSplit
from distill.data.formats.registry import read_split
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


@pytest.fixture(scope="session")
def good(tiny_synthetic) -> AnnotatedSplit:
    return read_split(DataSource(tiny_synthetic, "train2017"), COCO_17)


@pytest.fixture
def spoilt(good):
    """Function that gives the set with other annotations: their fields are changed, in place, by a function."""

    def make(change):
        fields = {name: values.copy() for name, values in vars(good.annotations).items() if hasattr(values, "copy")}
        fields.pop("labelled", None)
        change(fields)
        return replace(good, annotations=replace(good.annotations, **fields))

    return make
