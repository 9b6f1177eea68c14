"""From what an annotation file says to the split, once its photographs are found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distill.data.annotations import AnnotatedSplit
from distill.data.reading.findings import Findings
from distill.data.reading.kept import Parsed
from distill.data.reading.locate import first_folder, locate
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
