import stat
import zipfile

import pytest

from distill.data.unpack import unpack
from distill.system.errors import InputError

FILES = {"val2017/1.jpg": b"one" * 1000, "val2017/2.jpg": b"two" * 1000, "val2017/deep/3.jpg": b""}


@pytest.fixture
def packed(tmp_path, zip_of):
    """Function from members to the path of a zip file outside the root it is unpacked into."""
    (tmp_path / "root").mkdir()

    def pack(members, **options):
        path = tmp_path / "archive.zip"
        path.write_bytes(zip_of(members, **options))
        return path

    return pack


def files_in(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_out_as_they_went_in(packed, tmp_path, compression):
    reports = []
    folder = {"val2017/": b""}
    archive = packed(folder | FILES, compression=compression)
    unpack(archive, tmp_path / "root", "val2017", lambda *done: reports.append(done))
    assert files_in(tmp_path / "root") == FILES
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_only_what_is_missing_or_cut_is_written(packed, tmp_path):
    archive = packed(FILES)
    unpack(archive, tmp_path / "root", "val2017")
    kept, cut = tmp_path / "root/val2017/1.jpg", tmp_path / "root/val2017/2.jpg"
    kept.write_bytes(b"own" * 1000)
    cut.write_bytes(b"t")
    unpack(archive, tmp_path / "root", "val2017")
    assert files_in(tmp_path / "root") == FILES | {"val2017/1.jpg": b"own" * 1000}


def link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("../escaped.jpg", "would lie outside val2017/"),
        ("val2017/../../escaped.jpg", "would lie outside val2017/"),
        ("/tmp/escaped.jpg", "would lie outside val2017/"),
        ("val2017\\..\\..\\escaped.jpg", "would lie outside val2017/"),
        ("train2017/escaped.jpg", "would lie outside val2017/"),
        ("val2017", "would lie outside val2017/"),
        (link("val2017/escaped"), "is no plain file"),
    ],
)
def test_an_unsafe_member_stops_everything(packed, tmp_path, name, complaint):
    archive = packed(FILES | {name: b"/etc/passwd"})
    before = files_in(tmp_path)
    with pytest.raises(InputError, match=complaint):
        unpack(archive, tmp_path / "root", "val2017")
    assert files_in(tmp_path) == before
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_told_and_not_left(packed, tmp_path, compression):
    archive = packed({"val2017/1.jpg": bytes(range(256)) * 40}, compression=compression)
    content = bytearray(archive.read_bytes())
    content[60:100] = b"?" * 40
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"archive\.zip: damaged archive"):
        unpack(archive, tmp_path / "root", "val2017")
    assert not files_in(tmp_path / "root")


def test_what_is_no_archive_is_told(packed, tmp_path):
    archive = packed(FILES)
    archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(InputError, match=r"archive\.zip: damaged archive \(File is not a zip file\)"):
        unpack(archive, tmp_path / "root", "val2017")


def test_an_encrypted_member_is_told(packed, tmp_path):
    archive = packed({"val2017/1.jpg": b"one"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        unpack(archive, tmp_path / "root", "val2017")
