"""From what an annotation file says to the split, once its photographs are found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit, PackedValues
from distill.data.reading.findings import Findings
from distill.data.reading.kept import Parsed
from distill.data.reading.locate import first_folder, locate
from distill.data.reading.repairs import RawPersons, repaired
from distill.pose.skeleton import Skeleton


def placed(
    form: Parsed, path: Path, sha256: str, folders: Sequence[Path], skeleton: Skeleton | None = None
) -> AnnotatedSplit:
    """The split that a file describes.

    Args:
        form: what it says.
        sha256: of its content.
        folders: where the photographs may lie; the first that is there is taken.
        skeleton: that of the form where it is given, by the name under which it was asked for.

    Raises:
        InputError: there is no such folder, or a photograph is not in it.
    """
    folder, findings = first_folder(folders), Findings(path)
    files = locate(form.names, folder, findings)
    return AnnotatedSplit(
        skeleton=skeleton or Skeleton.from_plain(form.skeleton, str(path)),
        image_ids=form.image_ids,
        sizes=form.sizes,
        folder=folder,
        files=np.array(files, dtype=str),
        annotations=form.annotations,
        annotation_file=path,
        sha256=sha256,
        category=form.category,
        categories=form.categories,
        notes=form.notes + findings.notes(),
        is_annotated=form.is_annotated,
        annotates=form.annotates,
    )


def placed_persons(
    raw: RawPersons,
    image_ids: np.ndarray,
    sizes: np.ndarray,
    names: Sequence[str],
    folder: Path,
    skeleton: Skeleton,
    findings: Findings,
    sha256: str,
    *,
    is_annotated: bool = True,
) -> AnnotatedSplit:
    """The split of a format whose file gives every photograph and person the same fields.

    Args:
        image_ids: (M,) int64, ascending.
        sizes: (M, 2) width and height.
        names: (M,) files of the photographs.
        findings: of the annotation file.
        is_annotated: whether anybody is annotated, with all joints of the skeleton.
    """
    annotations = repaired(raw, sizes[np.searchsorted(image_ids, raw.image_ids)], findings)
    form = Parsed(
        skeleton=skeleton.plain(),
        category=1,
        notes=findings.notes(),
        image_ids=image_ids,
        sizes=sizes,
        names=PackedValues(names),
        is_annotated=np.full(len(image_ids), is_annotated),
        annotates=np.full((len(image_ids), len(skeleton)), is_annotated),
        annotations=annotations,
    )
    return placed(form, findings.source, sha256, [folder], skeleton)
