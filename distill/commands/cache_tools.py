"""What distill-cache does with a store that is there: verify, describe, show and export it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cache.errors import StoreError
from cache.label import SoftLabel
from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.data.source import AUTO, DataSource
from distill.drawing.persons import draw_heatmaps, draw_persons
from distill.drawing.sheet import contact_sheet, write_image
from distill.labelling.relabel import relabel
from distill.labelling.resample import photograph_box
from distill.labelling.teacher import DEFAULT, TEACHERS, check_teacher, load_teacher
from distill.labelling.teacher_pass import EVALUATION, check_store, evaluate_store, has_persons
from distill.labelling.tfrecord import export_store
from distill.pose import geometry
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.imports import import_remembered

VIEW_CELL = 480


@dataclass(frozen=True)
class PlaceConfig:
    """Where the photographs of a store are."""

    root: Path | None = None
    "Folder of the set."


@dataclass(frozen=True)
class VerifyConfig:
    """Compare every shard of a store with its checksums, and the store with its annotations."""

    store: str
    "Store to verify."
    data: PlaceConfig = field(default_factory=PlaceConfig)
    "Photographs it was made from; without a root only the store itself is verified, unless sample is set."
    sample: int = 0
    "Label so many random photographs again, with the teacher below, and compare; 0 for none."
    tolerance: float = 0.05
    "Largest difference of a heatmap value or peak, 0..1, the sample may show; float16 and a GPU differ a little."
    teacher: Choice = field(default=DEFAULT, metadata={"registry": TEACHERS})
    "The teacher of the sample, as it was given to build."

    evaluate: bool = False
    "Also score the teacher's persons against the annotations, once the store is found to be whole."

    def __post_init__(self):
        object.__setattr__(self, "teacher", DEFAULT.merged(self.teacher))
        check_teacher(self.teacher)
        if self.evaluate and self.data.root is None:
            raise InputError("evaluate needs the annotations: name their set with data.root")
        if self.sample < 0:
            raise InputError(f"sample must not be negative, but is {self.sample}")
        if not 0 <= self.tolerance <= 1:
            raise InputError(f"tolerance must lie in 0..1, not {self.tolerance}")


@dataclass(frozen=True)
class ExportConfig:
    """Write the labels into files that other tools read."""

    store: str
    "Store to export, complete."
    out: Path = Path("labels_tfrecord")
    "Folder to write into."
    format: str = "tfrecord"
    "tfrecord: gzip files of tf.train.Example, one a shard, and labels.json that says what is in them."

    def __post_init__(self):
        if self.format != "tfrecord":
            raise InputError(f"format must be tfrecord, not {self.format!r}")


@dataclass(frozen=True)
class InfoConfig:
    """Say what a store holds, how complete and how large it is, and who made it."""

    store: str
    "Store to describe."


@dataclass(frozen=True)
class ViewConfig:
    """Draw one photograph with the maps and persons that the teacher saw."""

    store: str
    "Store to look into."
    image_id: int | None = None
    "Photograph to draw; by default the first with a person."
    out: Path = Path("view.png")
    "Picture to write, .png or .jpg."
    data: PlaceConfig = field(default_factory=PlaceConfig)
    "Photographs it was made from; by default where they were then."


def verify(config: VerifyConfig):
    """Raise a StoreError unless the store is whole."""
    store = SoftLabelStore.open(config.store)
    store.check_created()
    if missing := store.missing_shards():
        raise StoreError(
            f"{config.store}: {len(missing)} of {store.num_shards} shards are missing or do not match their checksums: "
            f"{', '.join(map(str, missing[:20]))}{', ...' if len(missing) > 20 else ''}; "
            "run the same `distill-cache build` again to fill them"
        )
    print(f"{config.store}: all {store.num_shards} shards with {len(store)} images match their checksums")
    if config.data.root is not None or config.sample:
        data = _data_of(store, config.data.root)
        check_store(store, data)
        if absent := len(np.setdiff1d(data.image_ids, store.image_ids)):
            print(
                f"{absent} of the {len(data)} images of {data.annotation_file} are not in the store, by its limit or "
                "persons_only"
            )
        else:
            print(f"its images are the {len(data)} of {data.annotation_file}")
        if config.sample:
            _verify_sample(config, store, data)
        if config.evaluate:
            print(_score(store, data))


def _score(store: SoftLabelStore, data: KeypointSet) -> str:
    """Figures of the teacher's persons, or why there are none, for which no whole store is refused."""
    if not has_persons(store):
        return "it was made with persons false, so there is nobody to score"
    try:
        data.require_labelled(store.image_ids.tolist())
    except InputError as error:
        return str(error)
    return table(evaluate_store(store, data))


def _verify_sample(config: VerifyConfig, store: SoftLabelStore, data: KeypointSet):
    loaded = load_teacher(config.teacher, data.skeleton)
    differences = relabel(store, data, loaded, config.sample)
    worst = max(differences, key=lambda each: each.worst)
    peaks = [each.peaks for each in differences if each.peaks is not None]
    largest, mean = max(each.largest for each in differences), np.mean([each.mean for each in differences])
    parts = [
        f"{len(differences)} images labelled again",
        f"heatmap values differ by at most {largest:.4f}, {mean:.6f} on average",
        *([f"peaks by at most {max(peaks):.4f}"] if peaks else []),
        f"{sum(each.persons_differ for each in differences)} images have other persons",
    ]
    print("; ".join(parts))
    if worst.worst > config.tolerance:
        raise StoreError(
            f"{config.store}: the label of image {worst.image_id} differs by {worst.worst:.3f} from what the teacher "
            f"sees, tolerance is {config.tolerance}; make the store anew with this version"
        )


def export(config: ExportConfig):
    """Write a complete store in another format."""
    store = SoftLabelStore.open(config.store)
    store.check()
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        shown = bar.add_task("images", total=len(store))
        for images in export_store(store, config.out):
            bar.advance(shown, images)
    size = sum(file.stat().st_size for file in config.out.glob("*.tfrecord.gz"))
    print(f"{config.out}: {len(store)} images in {store.num_shards} files, {size / len(store) / 1000:.1f} kB each")


def info(config: InfoConfig):
    """Print what the store says of itself."""
    store = SoftLabelStore.open(config.store)
    attributes = store.attributes
    missing = store.missing_shards(checksums=False)
    size = stored_bytes(store)
    stored = len(store) - sum(len(store.shard_image_ids(shard)) for shard in missing)
    lines = {
        "split": f"{attributes['split'] or 'the whole'}, {len(store)} images, {stored} labelled",
        "shards": f"{store.num_shards}, {len(missing)} missing, {store.shard_length} images each",
        "maps": "{keypoints} x {map_size} x {map_size}, at most {max_persons} persons".format(**attributes["shape"]),
        "peaks": _stored_peaks(store),
        "skeleton": attributes["skeleton"],
        "size": f"{size / 1e6:.1f} MB" + (f", {size / stored / 1000:.1f} kB an image" if stored else ""),
        "encoding": _plain(attributes["encoding"]),
        "teacher": _plain(attributes["teacher"]),
        "annotations": f"SHA-256 {attributes['annotation_sha256']}",
        "made by": f"version {attributes['tool_version']}, format {attributes['format_version']}",
    }
    print("\n".join(f"{name:12s} {value}" for name, value in lines.items()))
    if evaluation := store.files.read(EVALUATION):
        print(table(json.loads(evaluation)))


def _stored_peaks(store: SoftLabelStore) -> str:
    if not store.has_peaks:
        return "none, as in every store of format 1; a training finds them in the maps"
    rows = store.attributes["shape"]["max_persons"] * store.attributes["shape"]["keypoints"]
    return f"at most {rows} an image: {', '.join(store.attributes['peak']['columns'])}"


def view(config: ViewConfig):
    """Write a picture of photograph, maps and persons."""
    store = SoftLabelStore.open(config.store)
    data = _data_of(store, config.data.root)
    image_id = _first_with_person(store) if config.image_id is None else config.image_id
    label = store.read(image_id)
    photograph = data.photograph(image_id)
    persons = draw_persons(photograph, label.persons, data.skeleton, scale=VIEW_CELL / max(photograph.shape[:2]))
    cells = [photograph, _draw_maps(photograph, label), persons]
    write_image(config.out, contact_sheet([cells], ["photograph", "heatmaps", "persons"], VIEW_CELL))
    print(f"{config.out}: image {image_id}, {len(label.persons)} persons, scores {np.round(label.person_score, 2)}")


def _draw_maps(photograph: np.ndarray, label: SoftLabel) -> np.ndarray:
    """The maps over the photograph, which fills the long side of the picture."""
    enlarge = geometry.compose(label.to_map, geometry.scaling(VIEW_CELL / label.heatmap.shape[-1]))
    drawn = draw_heatmaps(geometry.warp(photograph, enlarge, (VIEW_CELL, VIEW_CELL)), label.heatmap)
    left, top, right, bottom = np.rint(photograph_box(photograph.shape[1::-1], enlarge)).astype(int)
    return drawn[top:bottom, left:right]


def _first_with_person(store: SoftLabelStore) -> int:
    for image_id in store.image_ids.tolist():
        if len(store.read_persons(image_id)[0]):
            return image_id
    return int(store.image_ids[0])


def _data_of(store: SoftLabelStore, root: Path | None) -> KeypointSet:
    """The set that a store was made from, by default where it was then."""
    made_by = store.attributes["configuration"]
    import_remembered(made_by.get("imports", []), store.url)
    recorded = made_by.get("data", {})
    skeleton = store.attributes.get("skeleton_definition")
    if skeleton is None:
        skeleton = get_skeleton(store.attributes["skeleton"])
    else:
        skeleton = Skeleton.from_plain(skeleton, store.url)
    return KeypointSet(_source_of(store, recorded, root), skeleton)


def _source_of(store: SoftLabelStore, recorded: Mapping[str, str | None], root: Path | None) -> DataSource:
    """Where the set is: in the root that is given, or where it was when the store was made."""
    source = DataSource(root, store.attributes["split"], recorded.get("format") or AUTO)
    if root is not None:
        return source
    where = {name: Path(recorded[name]) for name in ("root", "annotations", "images") if recorded.get(name)}
    if not where:
        raise InputError(f"{store.url} does not say where its photographs are; give data.root")
    return replace(source, **where)


def stored_bytes(store: SoftLabelStore) -> int:
    """Bytes of all files of a store."""
    return sum(store.files.sizes().values())


def _plain(values: dict) -> str:
    return ", ".join(f"{k} ({_plain(v)})" if isinstance(v, dict) else f"{k} {v}" for k, v in values.items())


def table(metrics: dict[str, float | None]) -> str:
    """Figures by name, one a line."""
    return "\n".join(f"{name:12s} {'none' if value is None else f'{value:.3f}'}" for name, value in metrics.items())
