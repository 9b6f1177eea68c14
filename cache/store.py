"""The soft-label store: what a teacher saw in every image of a split, written once, read by image id."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cache import creation, layout, markers
from cache import peaks as packing
from cache.created import BUILD_AGAIN, PROVENANCE
from cache.encoding import LinearEncoding
from cache.errors import StoreError
from cache.label import SoftLabel, StoredLabel, pad_persons, used_persons
from cache.shards import ShardedStore

MAX_PERSONS = 30
"Persons of an image that a store has room for where nobody says otherwise."
SHARD_LENGTH = 128
"Images a shard where nobody says otherwise."


class SoftLabelStore(ShardedStore):
    """Soft labels of one split in a zarr v3 group; made by `create` or `open`."""

    @classmethod
    def create(
        cls,
        url: str | Path,
        *,
        image_ids: np.ndarray,
        image_sizes: np.ndarray,
        to_map: np.ndarray,
        num_keypoints: int,
        map_size: int,
        attributes: dict,
        max_persons: int = MAX_PERSONS,
        shard_length: int = SHARD_LENGTH,
        encoding: LinearEncoding | None = None,
    ) -> "SoftLabelStore":
        """Make a store, or open the one that is there if it was made the same way.

        Several processes may call this at once: each writes the same files, the attributes last.

        Args:
            url: a path, a file:// URL, or a URL of object storage such as s3://bucket/labels.zarr.
            image_ids: (N,) ascending.
            image_sizes: (N, 2) width, height in pixels.
            to_map: (N, 2, 3) photograph to map coordinates.
            map_size: height and width of the maps, cells.
            attributes: JSON values that describe teacher, skeleton, dataset; those named in
                `PROVENANCE` may differ from the store that is there.
            max_persons: rows for persons in each image; of more, the best are kept.
            shard_length: images a shard.

        Raises:
            StoreError: the place is taken by something else, or cannot be written.
        """
        ids = np.asarray(image_ids, np.int64)
        if not len(ids) or np.any(np.diff(ids) <= 0):
            raise StoreError(f"{url}: image_ids must be ascending, without repetition, and not empty")
        wanted = {
            "format_version": layout.FORMAT_VERSION,
            "encoding": (encoding or LinearEncoding()).attributes(),
            "peak": packing.attributes(),
            "shape": {
                "images": len(ids),
                "keypoints": int(num_keypoints),
                "map_size": int(map_size),
                "max_persons": int(max_persons),
                "shard_length": int(shard_length),
            },
            **json.loads(json.dumps(attributes)),
        }
        store = cls(url, writable=True)
        advice = "choose another place, or delete the store that is there"
        if is_there := creation.read_attributes(store.files) is not None:
            if store.attributes["format_version"] != layout.FORMAT_VERSION:
                raise StoreError(
                    f"{url} is a store of format {store.attributes['format_version']}, but {layout.FORMAT_VERSION} is "
                    f"written, and a store holds one format; {advice}"
                )
            store._require({k: v for k, v in wanted.items() if k not in PROVENANCE}, advice)
        if not is_there or creation.is_damaged(store.files, store.attributes, PROVENANCE):
            arrays = {"image_ids": ids, "image_sizes": np.asarray(image_sizes), "to_map": np.asarray(to_map)}
            creation.write_layout(store.files, store.url, wanted, arrays, PROVENANCE)
        small = {"image_id": (store.image_ids, ids), "image_size": (store.image_sizes, image_sizes)}
        for name, (found, given) in (small | {"to_map": (store.to_map, np.float32(to_map))}).items():
            if not np.array_equal(found, given):
                raise StoreError(f"{url}: {name} was made for other images; {advice}")
        return store

    @classmethod
    def open(cls, url: str | Path) -> "SoftLabelStore":
        """Open a store for reading.

        Raises:
            StoreError: there is none, it was never wholly created, or it is of a newer format.
        """
        store = cls(url)
        attributes = creation.read_attributes(store.files)
        if attributes is None:
            raise StoreError(f"{url} is not a soft-label store; make one with `distill-cache build`")
        if attributes["format_version"] not in layout.SHARDED_BY_VERSION:
            raise StoreError(
                f"{url}: format_version is {attributes['format_version']}, this version reads "
                f"{' and '.join(map(str, layout.SHARDED_BY_VERSION))}; read it with the version that made it"
            )
        if store.has_peaks:
            packing.check_attributes(attributes.get("peak"))
        return store

    def write_shard(
        self,
        shard: int,
        heatmaps: np.ndarray,
        persons: Sequence[np.ndarray],
        person_score: Sequence[np.ndarray],
        peaks: Sequence[np.ndarray],
    ):
        """Write all labels of one shard, whatever was there before.

        Several processes may write one shard at once: each file is replaced at once, and the last marker
        that is written vouches for what its process wrote.

        Args:
            heatmaps: (n, K, H, W) float, 0..1, in the order of `shard_image_ids`.
            persons: n arrays (P, K, 3): x, y in photograph pixels, score.
            person_score: n arrays (P,).
            peaks: n arrays (M, 5): joint, x, y in photograph pixels, confidence 0..1, width in pixels; of too many
                the highest are kept.

        Raises:
            StoreError: the store was opened for reading, shapes or values do not fit, or the disk refuses.
        """
        if not self.writable:
            raise StoreError(f"{self.url} was opened for reading; write through SoftLabelStore.create")
        rows = self._rows(shard)
        shape = (rows.stop - rows.start, *self._arrays["heatmap"].shape[1:])
        if not (heatmaps.shape == shape and len(persons) == len(person_score) == len(peaks) == shape[0]):
            raise StoreError(
                f"{self.url}: shard {shard} needs heatmaps {shape} and as many lists of persons and peaks, "
                f"got {heatmaps.shape}, {len(persons)}, {len(person_score)} and {len(peaks)}"
            )
        padded = pad_persons(persons, person_score, *self._arrays["persons"].shape[1:3])
        packed = packing.pack(peaks, self.long_sides[rows], self._arrays["peak"].shape[1])
        values = {"heatmap": self.encoding.encode(heatmaps), **padded, "peak": packed}
        keys = self._shard_keys(shard)
        try:
            contents = layout.encode_shard(self._arrays, shard, rows, values)
            markers.delete(self.files, shard)
            for name, content in contents.items():
                if content is None:
                    self.files.delete(keys[name])
                else:
                    self.files.put(keys[name], content)
            markers.write(self.files, shard, contents)
        except (OSError, RuntimeError) as error:
            raise StoreError(f"{self.url}: shard {shard} cannot be written ({error})") from error

    def read(self, image_id: int) -> SoftLabel:
        """The label of one image.

        Raises:
            StoreError: the store lacks the image, or its shard is missing or damaged.
        """
        heatmap, to_map = self.read_heatmap(image_id)
        peaks = self.read_peaks(image_id) if self.has_peaks else None
        return SoftLabel(heatmap, to_map, *self.read_persons(image_id), peaks)

    def read_heatmap(self, image_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps (K, H, W) float32 of one image and its (2, 3) photograph to map; raises as `read` does."""
        row = self._row(image_id)
        return self.encoding.decode(self._item("heatmap", row)), self.to_map[row]

    def read_quantised(self, image_id: int) -> np.ndarray:
        """The stored bytes of one image's heatmaps, (K, H, W) uint8; raises as `read` does."""
        return self._item("heatmap", self._row(image_id))

    def read_persons(self, image_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Persons (P, K, 3) in photograph pixels and scores (P,) of one image; raises as `read` does."""
        return self._persons(self._row(image_id))

    def read_peaks(self, image_id: int) -> np.ndarray:
        """Peaks of one image, (M, 5) float32: joint, x, y in photograph pixels, confidence, width in pixels.

        Raises:
            StoreError: as `read`, or the store is of version 1, which has no peaks.
        """
        self._require_peaks()
        row = self._row(image_id)
        return packing.unpack(self._item("peak", row), self.long_sides[row])

    def read_shard(self, shard: int) -> list[StoredLabel]:
        """All labels of a shard, in the order of `shard_image_ids`, by one sequential read of each file.

        Raises:
            StoreError: the shard is missing or damaged.
        """
        values, rows = self._shard_values(shard, self.sharded), self._rows(shard)
        fixed = self.image_ids[rows].tolist(), self.to_map[rows], self.long_sides[rows].tolist()
        stored = (values[name] for name in ("heatmap", "persons", "person_score"))
        packed = values.get("peak", [None] * len(fixed[0]))
        return [
            StoredLabel(image_id, codes, to_map, persons, scores, side, self.encoding, peak)
            for image_id, to_map, side, codes, persons, scores, peak in zip(*fixed, *stored, packed, strict=True)
        ]

    def read_shard_peaks(self, shard: int) -> list[np.ndarray]:
        """Peaks of a shard's images as `read_peaks` gives them, by one read of one file; raises as that does."""
        self._require_peaks()
        packed, sides = self._shard_values(shard, ["peak"])["peak"], self.long_sides[self._rows(shard)]
        return [packing.unpack(codes, side) for codes, side in zip(packed, sides, strict=True)]

    def read_shard_persons(self, shard: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Persons and scores of a shard's images as `read_persons` gives them, by one read of each of two files."""
        names = ["persons", "person_score"]
        values = self._shard_values(shard, names)
        return [used_persons(*pair) for pair in zip(*(values[name] for name in names), strict=True)]

    def _require_peaks(self):
        if not self.has_peaks:
            raise StoreError(f"{self.url} is of format 1, which holds no peaks; find them in its heatmaps")

    def labelled_ids(self) -> np.ndarray:
        """(n,) ids of the images whose shards are there, by their sizes; ascending."""
        is_missing = np.isin(np.arange(len(self)) // self.shard_length, self.missing_shards(checksums=False))
        return self.image_ids[~is_missing]

    def check(self, image_ids: np.ndarray | None = None, *, complete: bool = True, **expected: object):
        """Refuse a store that is not what a caller needs, or not complete.

        Args:
            image_ids: images that must be there.
            complete: refuse a store of which shards are missing.
            expected: attributes, nested as in `attributes`; what is not named is not compared.

        Raises:
            StoreError: names the store, the field, what was found and what was expected.
        """
        self._require(expected, "use the store that was made for this")
        self.check_created()
        if image_ids is not None and len(absent := np.setdiff1d(image_ids, self.image_ids)):
            raise StoreError(
                f"{self.url}: image_id lacks {len(absent)} of the {len(image_ids)} images, the first is {absent[0]}"
            )
        missing = self.missing_shards(checksums=False) if complete else []
        if missing:
            raise StoreError(
                f"{self.url}: {len(missing)} of {self.num_shards} shards are missing, the first is {missing[0]}; "
                f"{BUILD_AGAIN}"
            )

    def _persons(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        return used_persons(self._item("persons", row), self._item("person_score", row))
