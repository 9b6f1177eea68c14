"""Which categories are persons, and the skeleton that a set brings itself."""

from pathlib import Path

import pytest

from distill.data.reading.categories import Category, own_skeleton, person_categories
from distill.data.reading.findings import Findings
from distill.pose.skeleton import COCO_17, MPII_16
from distill.pose.skeleton_fields import DEFAULT_SIGMA
from distill.system.errors import InputError

FILE = Path("some/annotations.json")
FOUR = ("top", "l_hand", "r_hand", "tail")


def test_persons_are_those_with_the_joints_of_the_skeleton_in_its_order():
    categories = [
        Category(1, "dog", FOUR),
        Category(2, "man", COCO_17.joints),
        Category(3, "car"),
        Category(4, "Person", COCO_17.joints),
        Category(5, "person", COCO_17.joints[::-1]),
    ]
    assert [category.id for category in person_categories(categories, COCO_17, FILE)] == [4]
    assert [category.id for category in person_categories(categories[:3], COCO_17, FILE)] == [2]
    both = [Category(1, "man", COCO_17.joints), Category(2, "woman", COCO_17.joints)]
    assert person_categories(both, COCO_17, FILE) == both


def test_own_skeleton_has_the_sets_joints_and_limbs_and_default_sigmas():
    skeleton = own_skeleton([Category(1, "puppet", FOUR, ([1, 2], [1, 3], [4, 1])), Category(2, "car")], Findings(FILE))
    assert skeleton.name == "puppet_4" and skeleton.joints == skeleton.grouping_order == FOUR
    assert skeleton.limbs == (("top", "l_hand"), ("top", "r_hand"), ("tail", "top"))
    assert skeleton.flip_pairs == (("l_hand", "r_hand"),)
    assert skeleton.sigmas == (DEFAULT_SIGMA,) * 4


def test_own_skeleton_without_limbs_has_none():
    assert own_skeleton([Category(1, "puppet", FOUR)], Findings(FILE)).limb_index.shape == (0, 2)


@pytest.mark.parametrize("shipped", [COCO_17, MPII_16])
def test_joints_of_a_skeleton_that_ships_bring_all_of_it(shipped):
    assert own_skeleton([Category(1, "person", shipped.joints, ([1, 2],))], Findings(FILE)) is shipped


def test_of_several_with_joints_the_person_is_meant():
    categories = [Category(1, "dog", FOUR), Category(2, "Person", FOUR[:3])]
    assert own_skeleton(categories, Findings(FILE)).joints == FOUR[:3]
    same = [Category(1, "man", FOUR), Category(2, "woman", FOUR)]
    assert own_skeleton(same, Findings(FILE)).joints == FOUR


@pytest.mark.parametrize("limb", [[1, 5], [2, 2], [1], [1, None], "12", [1.5, 2], [-1, 2]])
def test_a_limb_that_is_none_is_left_out_and_told(limb):
    findings = Findings(FILE)
    skeleton = own_skeleton([Category(1, "puppet", FOUR, ([1, 2], limb))], findings)
    assert skeleton.limbs == (("top", "l_hand"),)
    [line] = findings.notes()
    assert "limbs of category 'puppet' that are no two joint numbers of 1 to 4 are not drawn: 1, first" in line


def test_limbs_may_count_from_zero():
    findings = Findings(FILE)
    skeleton = own_skeleton([Category(1, "puppet", FOUR, ([0, 1], [3, 0]))], findings)
    assert skeleton.limbs == (("top", "l_hand"), ("tail", "top")) and findings.notes() == ()


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([Category(1, "dog", FOUR), Category(2, "man", FOUR[:3])], "categories dog, man have different joints"),
        ([Category(1, "person", FOUR), Category(2, "person", FOUR[:3])], "categories person, person have different"),
        ([Category(1, "car"), Category(2, "person")], "has no keypoints in its categories"),
        ([Category(1, "person", ("a", "a"))], "a name in joints occurs twice"),
    ],
)
def test_what_is_not_one_skeleton_is_refused(categories, message):
    with pytest.raises(InputError, match=f"annotations.json.*{message}"):
        own_skeleton(categories, Findings(FILE))


def test_the_difference_is_told_of_the_person_where_there_is_one():
    categories = [Category(1, "dog", FOUR), Category(2, "person", ("nose", "left_eye", "mouth"))]
    with pytest.raises(InputError, match="'person' has other joints than skeleton coco_17, joint 3 is 'mouth'"):
        person_categories(categories, COCO_17, FILE)
