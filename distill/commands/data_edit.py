"""distill-data convert, merge and split: sets made of sets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distill.data.editing.coco_writer import write_coco
from distill.data.editing.content import COPY, LINK, Content, new_set
from distill.data.editing.dividing import divided
from distill.data.editing.joints import matched, renamed, union
from distill.data.editing.merging import joined_by_annotation, merged, on_joints
from distill.data.editing.yolo_writer import write_yolo
from distill.data.formats.registry import read_split, splits_of
from distill.data.keypoint_set import OWN_SKELETON
from distill.data.reading.findings import Findings
from distill.data.source import AUTO, DataSource
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.errors import InputError
from distill.system.notes import note

UNION, BY_ANNOTATION = "union", "annotation_id"
WHOLE_IN_COCO = "default"
"What the only split of a set is called in the names of COCO's files, as CVAT does."
_YOLO = ("train", "val", "test")


@dataclass(frozen=True)
class ConvertConfig:
    """Write a set of any known format as COCO's or as YOLO-pose."""

    source: Path
    "Folder of the set in any known layout, or a file of annotations beside its photographs."
    target: Path
    "New folder."
    to: str = "coco"
    "coco or yolo_pose."
    split: str | None = None
    "Split to convert; all by default."
    format: str = AUTO
    "Kind of data set; auto finds it by what lies there."
    skeleton: str = OWN_SKELETON
    "Its joints: auto for those that the set names, a skeleton that ships, or a YAML file."
    joints: str | None = None
    """Joints to write, where they are not its own: a skeleton that ships, or a YAML file. They are matched by name;
    those that the set lacks are written as not annotated, those that the skeleton lacks are left out."""
    photographs: str = COPY
    "copy them, or link: hard links where the file system allows them, which take no space."

    def __post_init__(self):
        if self.to not in ("coco", "yolo_pose"):
            raise InputError(f"to must be coco or yolo_pose, not {self.to!r}")
        _check_photographs(self.photographs)


@dataclass(frozen=True)
class MergeConfig:
    """Write several sets as one COCO set, joints matched by name."""

    sets: list[str]
    "Folders of sets of any known format, or files of annotations beside their photographs; two at least."
    out: Path | None = None
    "New folder, which must be named, with the splits train2017, val2017 and test2017 as far as there are such."
    skeleton: str = UNION
    "union for all joints of all sets, or the skeleton that has them all: one that ships, or a YAML file."
    rename: list[str] = field(default_factory=list)
    "Joints that are called differently, as old=new; l_hip, LHip and left hip are known to be one."
    join_by: str | None = None
    "annotation_id: the second set annotates further joints of the first one's persons, such as feet of COCO's."
    photographs: str = COPY
    "copy them, or link: hard links where the file system allows them, which take no space."

    def __post_init__(self):
        if len(self.sets) < 2:
            raise InputError("merge takes two sets or more")
        if self.out is None:
            raise InputError("out is not set; name the folder of the new set")
        if self.join_by not in (None, BY_ANNOTATION):
            raise InputError(f"join_by must be {BY_ANNOTATION}, not {self.join_by!r}")
        if self.join_by and len(self.sets) != 2:
            raise InputError("join_by takes two sets: the persons, and their further joints")
        if wrong := [pair for pair in self.rename if pair.count("=") != 1]:
            raise InputError(f"rename takes old=new, not {wrong[0]!r}")
        _check_photographs(self.photographs)


@dataclass(frozen=True)
class SplitConfig:
    """Hold some photographs of a set back, near duplicates kept together, and write both parts as a COCO set."""

    root: Path
    "Folder of the set in any known layout, or a file of annotations beside its photographs."
    val: float = 0.1
    "Share of the photographs to hold back, above 0 and below 1."
    seed: int = 0
    "Which photographs: the same of the same set everywhere."
    out: Path | None = None
    "New folder, with the splits train2017 and val2017; by default the set's own with _split behind its name."
    split: str | None = None
    "Split to divide, where the set has several."
    format: str = AUTO
    "Kind of data set; auto finds it by what lies there."
    skeleton: str = OWN_SKELETON
    "Its joints: auto for those that the set names, a skeleton that ships, or a YAML file."
    photographs: str = LINK
    "copy them, or link: hard links where the file system allows them, which take no space."

    def __post_init__(self):
        if not 0 < self.val < 1:
            raise InputError(f"val must lie between 0 and 1, not {self.val}")
        _check_photographs(self.photographs)


def convert(config: ConvertConfig):
    """Write every split in the other format."""
    contents = _contents(splits_at(config.source, config.split, config.format), _skeleton(config.skeleton))
    if config.joints is not None:
        contents = [_with_joints(content, get_skeleton(config.joints)) for content in contents]
    with new_set(config.target) as root:
        if config.to == "coco":
            for content in contents:
                write_coco(root, content.split.name or WHOLE_IN_COCO, content, config.photographs)
        else:
            for line in write_yolo(root, _by_yolo_name(contents), config.photographs):
                note(f"{config.target}: {line}")
    _print(config.target, {content.split.name: content for content in contents})


def merge(config: MergeConfig):
    """Write one set of several."""
    names = dict(pair.split("=") for pair in config.rename)
    sets = [_by_common_name(_contents(splits_at(Path(place)), None), place) for place in config.sets]
    sets = _under_common_names(sets, names)
    every = [content.split.skeleton for contents in sets for content in contents.values()]
    skeleton = union(every) if config.skeleton == UNION else get_skeleton(config.skeleton)
    if absent := next((j for each in every for j in each.joints if j not in skeleton.joints), None):
        raise InputError(f"skeleton {skeleton.name} has no joint {absent!r}; rename it, or give a skeleton that has it")
    joined = _joined_sets(sets, skeleton) if config.join_by else _merged_sets(sets, skeleton)
    with new_set(config.out) as root:
        for name, content in joined.items():
            write_coco(root, name, content, config.photographs)
    print(f"{config.out}: {len(skeleton)} joints, {skeleton.name}")
    _print(config.out, joined)


def split(config: SplitConfig):
    """Divide one split in two."""
    sources = splits_at(config.root, config.split, config.format)
    if len(sources) > 1:
        names = ", ".join(source.split for source in sources)
        raise InputError(f"{config.root} has the splits {names}; say with --split which one to divide")
    [content] = _contents(sources, _skeleton(config.skeleton))
    kept, held, duplicates = divided(content, config.val, config.seed)
    out = config.out or config.root.resolve().with_name(f"{config.root.resolve().stem}_split")
    parts = {"train2017": content.chosen(kept, "train2017"), "val2017": content.chosen(held, "val2017")}
    with new_set(out) as root:
        for name, part in parts.items():
            write_coco(root, name, part, config.photographs)
    _print(out, parts)
    print(f"{duplicates} groups of near duplicates are kept together")


def splits_at(root: Path, name: str | None = None, format: str = AUTO) -> list[DataSource]:
    """The splits of a set, or the one that is asked for; of a file of annotations that one, beside its photographs.

    Raises:
        InputError: there is no such folder or file.
    """
    if root.is_file():
        folder = root.parent.parent if root.parent.name == "annotations" else root.parent
        named = re.search(r"(train|val|test)(2017)?", root.name)
        return [DataSource(folder, name or (named[0] if named else ""), format, annotations=root)]
    if not root.is_dir():
        raise InputError(f"{root} is no folder and no file; give the folder of a set, or its file of annotations")
    found = list(dict.fromkeys(split for split, _ in splits_of(root, format)))
    if name is not None or not found:
        found = [DataSource.split if name is None else name]
    return [DataSource(root, split, format) for split in found]


def _contents(sources: Sequence[DataSource], skeleton: Skeleton | None) -> list[Content]:
    """The splits, each under the name that is its own, or that its file of annotations has."""
    splits = [(source, read_split(source, skeleton)) for source in sources]
    for line in (line for _, split in splits for line in split.notes):
        note(line)
    return [
        Content.of(replace(split, name=source.split if source.annotations else split.name)) for source, split in splits
    ]


def _skeleton(name: str) -> Skeleton | None:
    return None if name == OWN_SKELETON else get_skeleton(name)


def _check_photographs(how: str):
    if how not in (COPY, LINK):
        raise InputError(f"photographs must be {COPY} or {LINK}, not {how!r}")


def _common_name(split: str) -> str:
    """train, val or test: what people call a split for one of these; the whole of a set is for training."""
    word = re.sub(r"[\W_]*\d*$", "", split.lower())
    return {"": "train", "default": "train", "valid": "val", "validation": "val"}.get(word, word)


def _by_yolo_name(contents: Sequence[Content]) -> dict[str, Content]:
    named = {_common_name(content.split.name): content for content in contents}
    if len(named) < len(contents) or not named.keys() <= set(_YOLO):
        names = ", ".join(content.split.name for content in contents)
        raise InputError(f"of the splits {names} not each is a train, val or test of its own; choose one by --split")
    return named


def _by_common_name(contents: Sequence[Content], place: str) -> dict[str, Content]:
    named = {_common_name(content.split.name): content for content in contents}
    if len(named) < len(contents):
        names = ", ".join(content.split.name for content in contents)
        raise InputError(f"{place}: of its splits {names} two are the same part; convert it with one --split first")
    return named


def _under_common_names(sets: list[dict[str, Content]], names: Mapping[str, str]) -> list[dict[str, Content]]:
    """The sets with joints of one meaning under one name: as asked for, else as the first set has it."""
    known: dict[str, None] = {}
    found = []
    for contents in sets:
        changed = {}
        for part, content in contents.items():
            skeleton = renamed(content.split.skeleton, names)
            same = matched(skeleton, list(known))
            if same:
                pairs = ", ".join(f"{old} is {new}" for old, new in same.items())
                note(f"{content.split.annotation_file}: joints are matched by name: {pairs}")
            changed[part] = content.with_skeleton(renamed(skeleton, same))
        known |= dict.fromkeys(joint for c in changed.values() for joint in c.split.skeleton.joints)
        found.append(changed)
    return found


def _with_joints(content: Content, skeleton: Skeleton) -> Content:
    """A split on the joints of a skeleton, as far as both have them; what does not fit is told."""
    own, file = content.split.skeleton, content.split.annotation_file
    content = content.with_skeleton(renamed(own, matched(own, skeleton.joints)))
    absent = [joint for joint in content.split.skeleton.joints if joint not in skeleton.joints]
    if len(absent) == len(own):
        raise InputError(
            f"{file}: none of its joints, {', '.join(own.joints)}, is one of skeleton {skeleton.name}; give a skeleton "
            "that has some of them"
        )
    if absent:
        note(f"{file}: joints that {skeleton.name} lacks are left out: {', '.join(absent)}")
    if missing := [joint for joint in skeleton.joints if joint not in content.split.skeleton.joints]:
        note(f"{file}: joints that it does not annotate: {', '.join(missing)}")
    return on_joints(content, skeleton)


def _merged_sets(sets: list[dict[str, Content]], skeleton: Skeleton) -> dict[str, Content]:
    parts = dict.fromkeys(name for contents in sets for name in contents)
    together = {name: [contents[name] for contents in sets if name in contents] for name in parts}
    return {f"{name}2017": merged(some, skeleton, f"{name}2017") for name, some in together.items()}


def _joined_sets(sets: list[dict[str, Content]], skeleton: Skeleton) -> dict[str, Content]:
    base, more = sets
    joined = {}
    for name, content in base.items():
        whole = f"{name}2017"
        if name not in more:
            note(f"{content.split.annotation_file}: nothing is joined to its persons, the second set has no {name}")
            joined[whole] = merged([content], skeleton, whole)
            continue
        findings = Findings(content.split.annotation_file)
        joined[whole] = merged([joined_by_annotation(content, more[name], skeleton, findings)], skeleton, whole)
        for line in findings.notes():
            note(line)
    return joined


def _print(root: Path, contents: Mapping[str, Content]):
    for name, content in contents.items():
        annotations = content.split.annotations
        print(
            f"{root}: {name or 'the whole'}, {len(content.photographs)} photographs, {len(annotations)} annotations, "
            f"{int(annotations.labelled.sum())} persons with joints"
        )
