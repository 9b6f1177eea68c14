"""A kind of data set: SPLIT.csv, a person a row, with picture, then x and y of every joint."""

import csv
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from distill.data.annotations import AnnotatedSplit, Annotations, PackedValues
from distill.data.formats.registry import FORMATS
from distill.data.source import DataSource
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError


@FORMATS.register("joint_table")
class JointTable:
    """Numbered pictures in ROOT/SPLIT; the first row names the joints."""

    layout = "{split}.csv"

    def splits(self, root: Path) -> list[str]:
        """Names of the tables."""
        return sorted(file.stem for file in root.glob("*.csv"))

    def sniffs(self, source: DataSource) -> bool:
        """Whether there is such a table."""
        return source.root is not None and source.split in self.splits(source.root)

    def read(self, source: DataSource, skeleton: Skeleton | None) -> AnnotatedSplit:
        """The split; only a skeleton with the table's joints fits."""
        root, split = source.root, source.split
        path = root / f"{split}.csv"
        header, *rows = csv.reader(path.read_text().splitlines())
        joints = tuple(header[1::2])
        if skeleton is None or skeleton.joints != joints:
            raise InputError(f"{path} has the joints {', '.join(joints)}; name a skeleton with just these")
        values = np.array(rows, dtype=np.float64)
        points = values[:, 1:].reshape(len(values), len(joints), 2)
        low, high = points.min(axis=1) - 4, points.max(axis=1) + 4
        annotations = Annotations(
            ids=np.arange(len(values)),
            image_ids=values[:, 0].astype(np.int64),
            boxes=np.concatenate([low, high - low], axis=1),
            keypoints=np.concatenate([points, np.full((*points.shape[:2], 1), 2)], axis=2).astype(np.float32),
            is_crowd=np.zeros(len(values), dtype=bool),
            areas=(high - low).prod(axis=1),
            outlines=PackedValues([None] * len(values)),
        )
        images = np.unique(annotations.image_ids)
        files = [f"{image}.png" for image in images]
        return AnnotatedSplit(
            skeleton=skeleton,
            image_ids=images,
            sizes=np.array([Image.open(root / split / file).size for file in files]),
            folder=root / split,
            files=np.array(files),
            annotations=annotations,
            annotation_file=path,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            category=1,
        )
