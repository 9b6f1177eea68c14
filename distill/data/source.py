"""Where a split of a data set lies."""

from dataclasses import dataclass
from pathlib import Path

from distill.system.errors import InputError

AUTO = "auto"
"Stands for the format that recognises the set."


@dataclass(frozen=True)
class DataSource:
    """Where a split of a data set lies, and in which format it is."""

    root: Path | None = None
    "Folder of the set in any known layout, or of bare photographs; not needed beside annotations and images."
    split: str = "val2017"
    "Split of the set; of a set without splits every name means the whole."
    format: str = AUTO
    "Kind of data set; auto finds it by what lies there."
    annotations: Path | None = None
    "Annotation file, where it does not lie where root's layout has it."
    images: Path | None = None
    "Folder of the photographs, where they do not lie where root's layout has them, or of photographs alone."

    def checked(self) -> "DataSource":
        """This, where it names things that are there.

        Raises:
            InputError: a folder or file is missing, or there is too little to go by.
        """
        if not self.is_named:
            raise InputError(
                "no data are named: give data.root, the folder of a set, or data.annotations and data.images"
            )
        for name in ("root", "images"):
            folder = getattr(self, name)
            if folder is not None and not folder.is_dir():
                raise InputError(f"data.{name} {folder} is not a folder; give the folder that holds the set")
        if self.annotations is not None and not self.annotations.is_file():
            raise InputError(f"data.annotations {self.annotations} is not a file; give the file of the annotations")
        return self

    @property
    def is_named(self) -> bool:
        """Whether it says where anything is."""
        return any(where is not None for where in (self.root, self.annotations, self.images))

    def other(self, split: str, annotations: Path | None = None, images: Path | None = None) -> "DataSource":
        """Another split of the same set, or the one of these annotations and photographs."""
        return DataSource(self.root, split, self.format, annotations, images)

    @property
    def place(self) -> Path:
        """What messages name: the annotation file, or the folder of the set."""
        return self.annotations or self.root or self.images or Path()
