"""The JSON of a model packed behind it, as a zip archive that LiteRT does not look at: `unzip -p MODEL pose.json`."""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass

ENTRY = "pose.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGEST = 1 << 24


@dataclass(frozen=True)
class Packed:
    """A file of a model, taken apart."""

    model: bytes
    "What the runtime reads; the SHA-256 in the JSON is of this."
    text: str | None
    "The JSON, None where there is none."


def pack(model: bytes, metadata: dict) -> bytes:
    """A model with its JSON behind it; the same JSON gives the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo(ENTRY, _EPOCH)
        file.writestr(entry, json.dumps(metadata, indent=2) + "\n", zipfile.ZIP_DEFLATED, 9)
    return model + archive.getvalue()


def unpack(content: bytes) -> Packed:
    """Take a file apart; one with nothing of ours behind it is all model."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if [entry.filename for entry in entries] == [ENTRY] and entries[0].file_size <= _LARGEST:
                return Packed(content[: entries[0].header_offset], archive.read(entries[0]).decode())
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, zlib.error):
        # Bytes that look like the end of an archive, or a damaged one: the model's SHA-256 tells.
        return Packed(content, None)
    return Packed(content, None)
