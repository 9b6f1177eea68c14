"""Several sets in one: ids of their own, joints by name, and of each photograph which joints its set annotates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from distill.data.annotations import Annotations
from distill.data.editing.content import Content, annotations_at
from distill.data.reading.findings import Findings
from distill.data.reading.outlines import PackedOutlines
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

FARTHEST = 3.0
"Pixels that a joint may differ between two annotations of one person without a word."


def merged(contents: Sequence[Content], skeleton: Skeleton, name: str) -> Content:
    """One split of all photographs and persons.

    Ids stay where no earlier set has them and count on from the highest where one has. Files that would get one
    name are put into folders that are called by their set. A set whose joints are not all of the skeleton's leaves
    those that it lacks unannotated in its photographs.

    Args:
        contents: each with joints of the skeleton's names.
        name: of the new split.
    """
    parts = [on_joints(content, skeleton) for content in contents]
    parts = _with_own_image_ids(parts)
    files = _with_own_names(parts)
    ids = np.concatenate([part.split.image_ids for part in parts])
    order = np.argsort(ids)
    annotations = _joined([part.split.annotations for part in parts])
    split = replace(
        parts[0].split,
        name=name,
        skeleton=skeleton,
        image_ids=ids[order],
        sizes=np.concatenate([part.split.sizes for part in parts])[order],
        files=np.array(files, dtype=str)[order],
        annotations=annotations_at(annotations, np.argsort(annotations.image_ids, kind="stable")),
        is_annotated=np.concatenate([part.split.is_annotated for part in parts])[order],
        annotates=np.concatenate([part.split.annotates for part in parts])[order],
    )
    photographs = [photograph for part in parts for photograph in part.photographs]
    return Content(split, [photographs[row] for row in order.tolist()])


def on_joints(content: Content, skeleton: Skeleton) -> Content:
    """The same on the joints of a skeleton: those that it lacks are gone, those that the split lacks not annotated."""
    split = content.split
    rows = [row for row, joint in enumerate(split.skeleton.joints) if joint in skeleton.joints]
    columns = [skeleton.joints.index(split.skeleton.joints[row]) for row in rows]
    keypoints = np.zeros((len(split.annotations), len(skeleton), 3), dtype=np.float32)
    keypoints[:, columns] = split.annotations.keypoints[:, rows]
    annotates = np.zeros((len(split.image_ids), len(skeleton)), dtype=bool)
    annotates[:, columns] = split.annotates[:, rows]
    annotations = replace(split.annotations, keypoints=keypoints)
    return replace(content, split=replace(split, skeleton=skeleton, annotations=annotations, annotates=annotates))


def joined_by_annotation(base: Content, more: Content, skeleton: Skeleton, findings: Findings) -> Content:
    """The base with further joints of its persons, out of another annotation of the same photographs.

    What joins is the id of the annotation. Joints of the base stay as they are; the others are annotated in those
    photographs in which somebody has them. Persons without a partner stay.

    Args:
        findings: gets what does not fit.

    Raises:
        InputError: two annotations of one id belong to different photographs.
    """
    extra = [joint for joint in more.split.skeleton.joints if joint not in base.split.skeleton.joints]
    one, two = on_joints(base, skeleton).split, on_joints(more, skeleton).split
    own, theirs = one.annotations, two.annotations
    columns = [skeleton.joints.index(joint) for joint in extra]
    _, rows, others = np.intersect1d(own.ids, theirs.ids, return_indices=True)
    if len(wrong := np.flatnonzero(own.image_ids[rows] != theirs.image_ids[others])):
        raise InputError(
            f"{more.split.annotation_file}: annotation {own.ids[rows[wrong[0]]]} is of another photograph than in "
            f"{base.split.annotation_file}; join files of the same release"
        )
    _tell_differences(one.annotations.keypoints[rows], theirs.keypoints[others], own.ids[rows], findings)
    findings.add_where(
        f"persons of {more.split.annotation_file} whom nobody annotated under that id are left out",
        ~np.isin(theirs.ids, own.ids),
        [f"annotation {number}" for number in theirs.ids],
    )
    keypoints = own.keypoints.copy()
    keypoints[np.ix_(rows, columns)] = theirs.keypoints[np.ix_(others, columns)]
    with_some = own.image_ids[(keypoints[:, columns, 2] > 0).any(axis=1)]
    annotates = one.annotates.copy()
    annotates[np.ix_(np.isin(one.image_ids, with_some), columns)] = True
    split = replace(one, annotations=replace(own, keypoints=keypoints), annotates=annotates)
    return Content(split, base.photographs)


def _with_own_image_ids(parts: Sequence[Content]) -> list[Content]:
    taken, found = np.zeros(0, dtype=np.int64), []
    for part in parts:
        old = part.split.image_ids
        new = _free(old, taken)
        order = np.argsort(new)
        owners = new[np.searchsorted(old, part.split.annotations.image_ids)]
        annotations = replace(part.split.annotations, image_ids=owners)
        annotations = annotations_at(annotations, np.argsort(owners, kind="stable"))
        split = part.split
        split = replace(
            split,
            image_ids=new[order],
            sizes=split.sizes[order],
            files=split.files[order],
            is_annotated=split.is_annotated[order],
            annotates=split.annotates[order],
            annotations=annotations,
        )
        found.append(Content(split, [part.photographs[row] for row in order.tolist()]))
        taken = np.concatenate([taken, new])
    return found


def _free(ids: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Ids (N,) none of which is taken: their own, or counted on from the highest of all."""
    if not len(taken) or not len(ids):
        return ids
    used = np.isin(ids, taken)
    new = ids.copy()
    new[used] = max(ids.max(), taken.max(), 0) + 1 + np.arange(used.sum())
    return new


def _with_own_names(parts: Sequence[Content]) -> list[str]:
    counts = Counter(file.casefold() for part in parts for file in part.split.files.tolist())
    if max(counts.values(), default=0) < 2:
        return [file for part in parts for file in part.split.files.tolist()]
    names = [part.split.folder.resolve().parent.name or "set" for part in parts]
    folders = [name if names.count(name) == 1 else f"{name}_{number}" for number, name in enumerate(names, start=1)]
    return [
        (PurePosixPath(folder) / file).as_posix()
        for part, folder in zip(parts, folders, strict=True)
        for file in part.split.files.tolist()
    ]


def _joined(parts: Sequence[Annotations]) -> Annotations:
    ids, taken = [], np.zeros(0, dtype=np.int64)
    for part in parts:
        ids.append(_free(part.ids, taken))
        taken = np.concatenate([taken, ids[-1]])
    names = ("image_ids", "boxes", "keypoints", "is_crowd", "areas")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    outlines = PackedOutlines([outline for part in parts for outline in part.outlines])
    return Annotations(ids=np.concatenate(ids), **arrays, outlines=outlines)


def _tell_differences(one: np.ndarray, two: np.ndarray, ids: np.ndarray, findings: Findings):
    both = (one[..., 2] > 0) & (two[..., 2] > 0)
    far = both & (np.abs(one[..., :2] - two[..., :2]) > FARTHEST).any(axis=2)
    findings.add_where(
        f"persons whose joints lie more than {FARTHEST:g} pixels elsewhere in the second annotation; the first counts",
        far.any(axis=1),
        [f"annotation {number}" for number in ids],
    )
