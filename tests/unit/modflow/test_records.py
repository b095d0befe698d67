"""Binary output, whole and cut off, as it grows."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from aquirecover.errors import BackendError
from aquirecover.modflow.records import GrowingFile, next_flows, next_heads, read_connections


def array_record(step: int, period: int, text: str, values: np.ndarray) -> bytes:
    header = struct.pack("=2i16s3i", step, period, text.rjust(16).encode(), values.size, 1, -1)
    return header + struct.pack("=i3d", 1, 1.0, 1.0, 1.0) + values.tobytes()


def list_record(step: int, period: int, package: str, cells: list[int], flows: list[float], more: int = 0) -> bytes:
    names = b"".join(name.ljust(16).encode() for name in ("MODEL", "MODEL", "MODEL", package))
    header = struct.pack("=2i16s3i", step, period, b"             WEL", 10, 1, -1) + struct.pack("=i3d", 6, 1.0, 1.0, 1.0)
    body = b"".join(
        struct.pack(f"=2i{1 + more}d", cell, n + 1, flow, *[9.0] * more)
        for n, (cell, flow) in enumerate(zip(cells, flows, strict=True))
    )
    return header + names + struct.pack("=i", 1 + more) + b"AUX             " * more + struct.pack("=i", len(cells)) + body


def head_record(step: int, layer: int, values: np.ndarray) -> bytes:
    n_y, n_x = values.shape
    return struct.pack("=2i2d16s3i", step, 1, 1.0, 1.0, b"            HEAD", n_x, n_y, layer) + values.tobytes()


def test_records_appear_when_they_are_whole(tmp_path):
    """Byte by byte: a record is taken as soon as its last byte is there, and not before."""
    records = [array_record(1, 2, "STO-SS", np.arange(3.0)), list_record(1, 2, "WELLS", [4, 9], [-1.5, 2.0], more=2)]
    content, path = b"".join(records), tmp_path / "model.cbc"
    ends = [len(records[0]), len(content)]
    file, found = GrowingFile(path), []
    assert next_flows(file) is None, "the file is not there yet"
    for n in range(len(content) + 1):
        path.write_bytes(content[:n])
        record = next_flows(file)
        assert (record is not None) == (n in ends), n
        if record is not None:
            found.append(record)
    file.close()
    first, second = found
    assert (first.step, first.period, first.text, first.package, first.cell) == (0, 1, "STO-SS", "", None)
    assert first.flow.tolist() == [0.0, 1.0, 2.0]
    assert (second.package, second.cell.tolist(), second.flow.tolist()) == ("WELLS", [3, 8], [-1.5, 2.0])
    assert file.left == 0


def test_heads_of_a_step_are_those_of_all_layers(tmp_path):
    path = tmp_path / "model.hds"
    layers = [np.arange(6.0).reshape(2, 3) + 10.0 * layer for layer in range(2)]
    content = b"".join(head_record(1, layer + 1, values) for layer, values in enumerate(layers))
    file = GrowingFile(path)
    path.write_bytes(content[:-1])
    assert next_heads(file, 2, 6) is None
    path.write_bytes(content)
    assert next_heads(file, 2, 6).tolist() == np.concatenate(layers).ravel().tolist()
    assert next_heads(file, 2, 6) is None
    file.close()


def test_heads_of_another_model_are_refused(tmp_path):
    path = tmp_path / "model.hds"
    path.write_bytes(head_record(1, 1, np.zeros((2, 3))) * 2)
    file = GrowingFile(path)
    with pytest.raises(BackendError, match="of another model"):
        next_heads(file, 1, 7)
    file.close()


def test_a_record_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "model.cbc"
    record = bytearray(array_record(1, 1, "STO-SS", np.zeros(3)))
    record[36:40] = struct.pack("=i", 5)
    path.write_bytes(bytes(record))
    file = GrowingFile(path)
    with pytest.raises(BackendError, match="method 5"):
        next_flows(file)
    file.close()


def test_taken_bytes_may_give_their_place_back(tmp_path, monkeypatch):
    """What was read can be freed on the disk while the program goes on writing; what follows is read as before."""
    monkeypatch.setattr("aquirecover.modflow.records.RELEASE", 2**16)
    path, values = tmp_path / "model.cbc", np.random.default_rng(1).random(50_000)
    path.write_bytes(array_record(1, 1, "FLOW-JA-FACE", values) * 4)
    size, file = path.stat().st_size, GrowingFile(path)
    for _ in range(4):
        assert np.array_equal(next_flows(file).flow, values)
    file.close()
    assert path.stat().st_size == size


def grid_file(path: Path, ia: list[int], ja: list[int]) -> Path:
    lines = ["GRID DIS", "VERSION 1", "NTXT 4", "LENTXT 100"]
    names = [
        f"NCELLS INTEGER NDIM 0 # {len(ia) - 1}",
        "XORIGIN DOUBLE NDIM 0 # 0.0",
        f"IA INTEGER NDIM 1 {len(ia)}",
        f"JA INTEGER NDIM 1 {len(ja)}",
    ]
    text = "".join(line.ljust(49) + "\n" for line in lines) + "".join(name.ljust(99) + "\n" for name in names)
    data = struct.pack("=id", len(ia) - 1, 0.0) + np.array(ia, "i4").tobytes() + np.array(ja, "i4").tobytes()
    path.write_bytes(text.encode() + data)
    return path


def test_connections_of_a_grid_file(tmp_path):
    """Three cells in a row, of which the second is inactive and has no row."""
    found = read_connections(grid_file(tmp_path / "model.dis.grb", [1, 3, 3, 5], [1, 3, 3, 1]))
    assert found.row.tolist() == [0, 0, 2, 2]
    assert found.column.tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize("keep", [0, 10, 150, 400, 620])
def test_a_grid_file_that_is_cut_off(keep, tmp_path):
    path = grid_file(tmp_path / "model.dis.grb", [1, 3, 3, 5], [1, 3, 3, 1])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BackendError, match=r"model\.dis\.grb: is no binary grid file of MODFLOW 6, or cut off"):
        read_connections(path)


def test_a_grid_file_that_is_not_there(tmp_path):
    with pytest.raises(BackendError, match="is no binary grid file"):
        read_connections(tmp_path / "model.dis.grb")
