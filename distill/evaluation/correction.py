"""What AP would be without errors of one kind or several."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from distill.data.annotations import Annotations
from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, evaluate
from distill.evaluation.errors import JOINT_ERRORS, JointErrors, Truth, corrected, joint_errors
from distill.evaluation.matching import Match, match_persons
from distill.evaluation.similarity import person_similarity

SCORES, BACKGROUND, NOT_FOUND = "scores", "background", "not_found"
CORRECTIONS = (*JOINT_ERRORS, SCORES, BACKGROUND, NOT_FOUND)
"In the order in which they add up."


@dataclass(frozen=True)
class ErrorsOfPerson:
    """A found person that stands for an annotated one, and what is wrong with it."""

    match: Match
    truth: Truth
    errors: JointErrors


class Correction:
    """The errors of predictions, and AP without some of them.

    - miss, swap, inversion, jitter: joints are moved; see `distill.evaluation.errors`.
    - scores: each found person's score is its similarity with the person whom it stands for, 0 if it stands for
      nobody, so that the better one always ranks first.
    - background: found persons that stand for nobody, and second ones of a person, are taken away.
    - not_found: annotated persons that nobody found count no more. They are not added: where a network that found
      them would have put their joints is not known.

    Args:
        predictions: persons by image id.
        data: the annotated ones.
        image_ids: images to count; by default all of the split.

    Raises:
        InputError: an image id is not in the split.
    """

    def __init__(self, predictions: Predictions, data: KeypointSet, image_ids: Sequence[int] | None = None):
        self.predictions, self.data, self.image_ids = predictions, data, image_ids
        self.matches, self.labelled = match_persons(predictions, data, image_ids)
        self.persons = [self._errors(match) for match in self.matches if match.verdict == "matched"]

    @property
    def not_found(self) -> np.ndarray:
        """(M,) rows of the labelled annotations that no found person stands for."""
        return np.setdiff1d(self.labelled, [person.match.annotation for person in self.persons])

    def ap(self, kinds: Collection[str]) -> float | None:
        """AP without errors of these kinds, as pycocotools has it."""
        annotations = self._without_not_found() if NOT_FOUND in kinds else None
        return evaluate(self.corrected(kinds), self.data, self.image_ids, annotations)["ap"]

    def corrected(self, kinds: Collection[str]) -> Predictions:
        """The predictions without errors of these kinds, but for `not_found`, which is no matter of theirs."""
        persons_by_image, scores_by_image = {}, {}
        for image_id, (persons, scores) in self.predictions.items():
            persons_by_image[image_id] = np.array(persons, np.float64)
            scores_by_image[image_id] = np.array(scores, np.float64)
        for each in self.persons:
            where = each.match.image_id, each.match.number
            person = persons_by_image[where[0]][where[1]]
            person = corrected(person, each.errors, each.truth, self.data.skeleton, set(kinds) & set(JOINT_ERRORS))
            persons_by_image[where[0]][where[1]] = person
            if SCORES in kinds:
                sigmas = np.asarray(self.data.skeleton.sigmas)
                oks = person_similarity(person, each.truth.keypoints, each.truth.area, sigmas)
                scores_by_image[where[0]][where[1]] = oks
        dropped = defaultdict(list)
        for match in self.matches:
            if match.verdict in ("background", "duplicate"):
                if SCORES in kinds:
                    scores_by_image[match.image_id][match.number] = 0
                if BACKGROUND in kinds:
                    dropped[match.image_id].append(match.number)
        return {
            image_id: (
                np.delete(persons, dropped[image_id], axis=0),
                np.delete(scores_by_image[image_id], dropped[image_id]),
            )
            for image_id, persons in persons_by_image.items()
        }

    def _errors(self, match: Match) -> ErrorsOfPerson:
        annotations = self.data.annotations
        beside = np.arange(len(annotations))[annotations.of(match.image_id)]
        others = beside[annotations.labelled[beside] & (beside != match.annotation)]
        truth = Truth(
            annotations.keypoints[match.annotation],
            float(annotations.areas[match.annotation]),
            annotations.keypoints[others],
            annotations.areas[others],
        )
        person = np.asarray(self.predictions[match.image_id][0])[match.number]
        return ErrorsOfPerson(match, truth, joint_errors(person, truth, self.data.skeleton))

    def _without_not_found(self) -> Annotations:
        keypoints = self.data.annotations.keypoints.copy()
        keypoints[self.not_found, :, 2] = 0
        return replace(self.data.annotations, keypoints=keypoints)


def ap_by_correction(correction: Correction) -> dict[str, dict[str, float | None]]:
    """AP as it is, and for each of `CORRECTIONS` without it alone and without it and all before it."""
    steps = {kind: CORRECTIONS[: number + 1] for number, kind in enumerate(CORRECTIONS)}
    return {
        "alone": {kind: correction.ap({kind}) for kind in CORRECTIONS},
        "together": {kind: correction.ap(kinds) for kind, kinds in steps.items()},
    }
