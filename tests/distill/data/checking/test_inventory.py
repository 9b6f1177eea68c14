"""Figures of a split are those of its annotation file."""

import json

from distill.data.checking.inventory import inventory
from distill.data.formats.registry import read_split
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


def test_figures_are_those_of_the_file(shared):
    split = read_split(DataSource(shared / "coco_mini", "train2017"), COCO_17)
    found = inventory(split)
    entries = json.loads(split.annotation_file.read_text())["annotations"]
    labelled = [a for a in entries if not a["iscrowd"] and any(a["keypoints"][2::3])]
    assert json.loads(json.dumps(found)) == found
    assert found["categories"] == {"person": len(entries)} and found["skeleton"] == "coco_17"
    assert found["persons"]["labelled"] == len(labelled)
    assert found["persons"]["crowds"] == sum(a["iscrowd"] for a in entries)
    assert found["persons"]["outlines_known"] == sum(bool(a.get("segmentation")) for a in entries)
    assert sum(found["persons"][size] for size in ("small", "medium", "large")) == len(labelled)
    assert found["joints"]["left_hip"] == {
        name: sum(a["keypoints"][3 * 11 + 2] == v for a in labelled)
        for v, name in enumerate(("unlabelled", "hidden", "visible"))
    }
    assert found["photographs"]["all"] == found["photographs"]["annotated"] == 95
    assert found["photographs"]["annotated_without_labelled_persons"] == 95 - len({a["image_id"] for a in labelled})


def test_photographs_nobody_annotated(shared):
    found = inventory(read_split(DataSource(images=shared / "coco_mini" / "val2017"), COCO_17))
    assert found["photographs"]["annotated"] == 0 == found["photographs"]["annotated_without_labelled_persons"]
    assert found["persons"]["median_height"] is None
