import warnings

import numpy as np
import zarr

from cache import layout


def test_any_zarr_reader_sees_the_labels(filled, labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(filled.url, mode="r")
        members = dict(group.members())
    assert members.keys() == {"image_id", "image_size", "to_map", "heatmap", "persons", "person_score", "peak"}
    np.testing.assert_array_equal(group["image_id"][:], labels.ids)
    np.testing.assert_array_equal(group["heatmap"][:], [filled.read_quantised(i) for i in labels.ids])
    persons, scores = labels.persons(labels.ids[4])
    np.testing.assert_array_equal(group["persons"][4, : len(persons)], persons)
    np.testing.assert_array_equal(group["person_score"][4, : len(persons)], scores)
    assert not group["persons"][4, len(persons) :].any()


def test_peaks_are_read_as_the_attributes_say(filled, labels):
    """With nothing of this package: columns, levels and what is relative stand in the attributes."""
    group = zarr.open_group(filled.url, mode="r")
    peak, codes = group.attrs["peak"], group["peak"][:]
    assert (codes.shape, codes.dtype) == ((len(labels.ids), 3 * 5, 5), np.uint16)
    is_relative = np.isin(peak["columns"], peak["relative_to_long_side"])
    for image_id, size, rows in zip(labels.ids, group["image_size"][:], codes, strict=True):
        used = rows[rows[:, peak["columns"].index("confidence")] > 0]
        assert not rows[len(used) :].any()
        found = used / np.array(peak["levels"]) * np.where(is_relative, size.max(), 1)
        np.testing.assert_allclose(found, labels.peaks(image_id), rtol=1e-6)


def test_shards_and_chunks(filled):
    arrays = layout.open_arrays(filled.files.zarr_store())
    for name in layout.SHARDED:
        assert arrays[name].chunks[0] == 1
        assert arrays[name].shards[0] == filled.shard_length
        assert (filled.files.root / layout.shard_key(arrays[name], filled.num_shards - 1)).is_file()


def test_pipeline_is_chosen_for_the_store_alone(filled):
    before = zarr.config.get("codec_pipeline.path"), zarr.config.get("threading.max_workers")
    arrays = layout.open_arrays(filled.files.zarr_store())
    assert "zarrs" in type(arrays["heatmap"]._async_array.codec_pipeline).__module__
    assert (zarr.config.get("codec_pipeline.path"), zarr.config.get("threading.max_workers")) == before
    elsewhere = zarr.open_array(filled.files.root / "heatmap", mode="r")
    assert "zarrs" not in type(elsewhere._async_array.codec_pipeline).__module__
